# Warnings, linker and compiler cache. Warnings are errors for this project's own code; everything found is a system header.
find_program(VQA_CCACHE ccache)
if(VQA_CCACHE)
  # The sloppiness that ccache's manual asks for with precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${VQA_CCACHE})
endif()

add_library(vqa_warnings INTERFACE)
target_compile_options(vqa_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror)
# Off: designated initialisers leave fields at their defaults on purpose; and g++ 12 warns of its own std::string's
# operator+ where it is inlined (GCC bug 105651).
target_compile_options(vqa_warnings INTERFACE -Wno-missing-field-initializers -Wno-restrict -Wno-stringop-overflow)

# at::parallel_for is a template: without OpenMP in the file that uses it, it runs on one thread.
find_package(OpenMP REQUIRED COMPONENTS CXX)
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:${OpenMP_CXX_FLAGS}>)

if(VQA_SANITIZE)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${VQA_SANITIZE}>
                      $<$<COMPILE_LANGUAGE:CXX>:-fno-omit-frame-pointer>)
  add_link_options(-fsanitize=${VQA_SANITIZE})
  # The checks put into std::regex and std::function make g++ 12 warn falsely (GCC bug 105562).
  target_compile_options(vqa_warnings INTERFACE -Wno-maybe-uninitialized)
endif()
