// What happens to memory that tensors give back.
#pragma once

namespace vqa {

/// From now on this process keeps what it frees for its next tensors instead of giving it back to the system, which
/// would map and zero every page of a large tensor anew at each step. For work that makes tensors of the same sizes
/// again and again; the process stays as large as it once was. Does nothing where the C library is not glibc.
void keep_freed_memory();

}  // namespace vqa
