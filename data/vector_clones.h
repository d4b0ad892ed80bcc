// One function compiled for several instruction sets; the loader chooses.
#pragma once

// Sanitizers intercept calls before the loader has chosen.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define VQA_VECTOR_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VQA_VECTOR_CLONES
#endif
