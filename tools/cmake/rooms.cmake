# The helpers every room's CMakeLists.txt uses.

# vqa_room(NAME SOURCES a.cc ... [PLAIN b.cc ...] [LINK target ...])
# The library `NAME` of one room. PLAIN sources do not include LibTorch and go without its precompiled header.
function(vqa_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;PLAIN;LINK" ${ARGN})
  add_library(${name}_room STATIC ${ROOM_SOURCES} ${ROOM_PLAIN})
  target_include_directories(${name}_room PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name}_room PUBLIC libtorch ${ROOM_LINK} PRIVATE vqa_warnings)
  vqa_use_precompiled_torch(${name}_room PLAIN ${ROOM_PLAIN})
endfunction()

# vqa_kernels(NAME SOURCES a.cu ...): a library of CUDA kernels that a room links, of a build with VQA_CUDA. Their
# compiler takes neither the warnings nor the precompiled header of the rest.
function(vqa_kernels name)
  cmake_parse_arguments(KERNELS "" "" "SOURCES" ${ARGN})
  add_library(${name} STATIC ${KERNELS_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC libtorch)
  target_compile_options(${name} PRIVATE --expt-relaxed-constexpr --Werror all-warnings)
endfunction()

# vqa_program(NAME SOURCES ... [PLAIN ...] [LINK ...]): an executable in build/<preset>/bin.
function(vqa_program name)
  cmake_parse_arguments(PROGRAM "" "" "SOURCES;PLAIN;LINK" ${ARGN})
  add_executable(${name} ${PROGRAM_SOURCES} ${PROGRAM_PLAIN})
  target_link_libraries(${name} PRIVATE ${PROGRAM_LINK} libtorch vqa_warnings)
  vqa_use_precompiled_torch(${name} PLAIN ${PROGRAM_PLAIN})
endfunction()

# Every source but the PLAIN ones uses the one precompiled header.
function(vqa_use_precompiled_torch target)
  cmake_parse_arguments(USE "" "" "PLAIN" ${ARGN})
  target_precompile_headers(${target} REUSE_FROM precompiled_torch)
  if(VQA_CCACHE)
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  endif()
  if(USE_PLAIN)
    set_source_files_properties(${USE_PLAIN} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  endif()
endfunction()

# vqa_test(NAME SOURCES ... [PLAIN ...] [LINK ...] [LABEL label] [TIMEOUT seconds]): one GoogleTest program of a test
# folder, each of its tests registered with ctest on its own.
function(vqa_test name)
  cmake_parse_arguments(TEST "" "LABEL;TIMEOUT" "SOURCES;PLAIN;LINK" ${ARGN})
  vqa_program(${name} SOURCES ${TEST_SOURCES} PLAIN ${TEST_PLAIN} LINK ${TEST_LINK} GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_compile_definitions(${name} PRIVATE VQA_SOURCE_DIR="${PROJECT_SOURCE_DIR}" VQA_BINARY_DIR="${PROJECT_BINARY_DIR}")
  set(properties)
  if(TEST_LABEL)
    list(APPEND properties LABELS ${TEST_LABEL})
  endif()
  if(TEST_TIMEOUT)
    list(APPEND properties TIMEOUT ${TEST_TIMEOUT})
  endif()
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES ${properties})
endfunction()
