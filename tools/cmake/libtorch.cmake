# Finds LibTorch and defines the target `libtorch`.
#
# Looks in CMAKE_PREFIX_PATH first (a LibTorch folder, or the folder torch.utils.cmake_prefix_path names), then in the
# cache that tools/setup fills. find_package(Torch) is not used: with a wheel that knows CUDA it demands the whole CUDA
# Toolkit, while a CPU build needs two libraries.
file(STRINGS ${PROJECT_SOURCE_DIR}/tools/libtorch.version VQA_LIBTORCH_VERSION LIMIT_COUNT 1)
if(NOT "$ENV{VQA_CACHE}" STREQUAL "")
  set(VQA_CACHE $ENV{VQA_CACHE})
elseif(NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(VQA_CACHE $ENV{XDG_CACHE_HOME}/vqa)
else()
  set(VQA_CACHE $ENV{HOME}/.cache/vqa)
endif()

string(REPLACE ":" ";" environment_prefixes "$ENV{CMAKE_PREFIX_PATH}")
set(prefixes ${CMAKE_PREFIX_PATH} ${environment_prefixes})
set(roots)
foreach(prefix IN LISTS prefixes)
  list(APPEND roots ${prefix} ${prefix}/../.. ${prefix}/torch)
endforeach()
list(APPEND roots ${VQA_CACHE}/libtorch-${VQA_LIBTORCH_VERSION}/torch)

find_path(VQA_LIBTORCH_INCLUDE torch/csrc/api/include/torch/torch.h
          HINTS ${roots} PATH_SUFFIXES include NO_DEFAULT_PATH)
if(NOT VQA_LIBTORCH_INCLUDE)
  message(FATAL_ERROR "LibTorch ${VQA_LIBTORCH_VERSION} was not found: run tools/setup, or name one with CMAKE_PREFIX_PATH.")
endif()
cmake_path(GET VQA_LIBTORCH_INCLUDE PARENT_PATH VQA_LIBTORCH_ROOT)
find_file(VQA_LIBTORCH_VERSION_FILE version.h
          HINTS ${VQA_LIBTORCH_INCLUDE}/torch/headeronly ${VQA_LIBTORCH_INCLUDE}/torch/csrc/api/include/torch NO_DEFAULT_PATH)
file(STRINGS ${VQA_LIBTORCH_VERSION_FILE} version_lines REGEX "#define TORCH_VERSION_M[AI][JN]OR")
string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*" "\\1.\\2" found_version "${version_lines}")
message(STATUS "LibTorch ${found_version} at ${VQA_LIBTORCH_ROOT}")

set(libraries torch_cpu c10)
if(VQA_CUDA)
  list(APPEND libraries torch_cuda c10_cuda)
endif()
add_library(libtorch INTERFACE)
target_include_directories(libtorch SYSTEM INTERFACE ${VQA_LIBTORCH_INCLUDE} ${VQA_LIBTORCH_INCLUDE}/torch/csrc/api/include)
foreach(library IN LISTS libraries)
  add_library(libtorch_${library} SHARED IMPORTED)
  set_target_properties(libtorch_${library} PROPERTIES IMPORTED_LOCATION ${VQA_LIBTORCH_ROOT}/lib/lib${library}.so)
  target_link_libraries(libtorch INTERFACE libtorch_${library})
endforeach()
# The wheel brings the OpenMP runtime its libraries were linked with; a second one would be a second pool of threads.
if(EXISTS ${VQA_LIBTORCH_ROOT}/lib/libgomp.so.1)
  add_library(libtorch_gomp SHARED IMPORTED)
  set_target_properties(libtorch_gomp PROPERTIES IMPORTED_LOCATION ${VQA_LIBTORCH_ROOT}/lib/libgomp.so.1)
  target_link_libraries(libtorch INTERFACE libtorch_gomp)
else()
  target_link_libraries(libtorch INTERFACE OpenMP::OpenMP_CXX)
endif()
# LibTorch's libraries find the CUDA runtime they were linked with by their own RPATH, which the linker does not follow.
target_link_options(libtorch INTERFACE LINKER:--allow-shlib-undefined)
if(VQA_CUDA)
  find_package(CUDAToolkit 13.0 REQUIRED)
  target_link_libraries(libtorch INTERFACE CUDA::cudart)
  # Nothing refers to torch_cuda by name: it registers itself when loaded.
  target_link_options(libtorch INTERFACE LINKER:--no-as-needed)
endif()

# <torch/torch.h> costs a file most of its time; precompiled, once for all targets (it is several hundred MB), a quarter.
if(NOT EXISTS ${PROJECT_BINARY_DIR}/precompiled_torch.cc)
  file(WRITE ${PROJECT_BINARY_DIR}/precompiled_torch.cc "")
endif()
add_library(precompiled_torch OBJECT ${PROJECT_BINARY_DIR}/precompiled_torch.cc)
target_link_libraries(precompiled_torch PRIVATE libtorch vqa_warnings)
target_precompile_headers(precompiled_torch PRIVATE <torch/torch.h>)
if(VQA_CCACHE)
  target_compile_options(precompiled_torch PRIVATE -fpch-preprocess)
endif()
