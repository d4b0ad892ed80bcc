// On which processors the computation runs.
#pragma once

namespace vqa {

/// Gives each thread of LibTorch's pool a processor of its own, where the pool has as many threads as this process has
/// processors. LibTorch's threads wait for each other by spinning, several thousand times a second; when the system
/// puts two of them on one processor, a step takes ten times as long, and it may leave them there. Does nothing where
/// the pool is smaller: another process may have the same idea.
void bind_computation_threads();

/// Lets the calling thread run on all processors that the process had before bind_computation_threads: a thread
/// inherits the one of the thread that starts it.
void unbind_this_thread();

}  // namespace vqa
