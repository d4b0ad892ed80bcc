// Code for processors and GPUs alike.
#pragma once

/// Before a function that kernels call too; nothing to a compiler for the CPU.
#if defined(__CUDACC__)
#define VQA_HOST_DEVICE __host__ __device__
#define VQA_UNROLL _Pragma("unroll")
#else
#define VQA_HOST_DEVICE
#define VQA_UNROLL
#endif
