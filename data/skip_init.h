// Networks whose weights come from a file need no random ones first.
#pragma once

#include <torch/torch.h>

namespace data {

/// While one lives, modules that this thread makes leave the numbers undefined that they would draw at random (by
/// uniform_ and normal_): for 50 million of them that takes a quarter of a second. All have to be loaded afterwards.
class SkipInit {
 public:
  SkipInit();

 private:
  c10::impl::IncludeDispatchKeyGuard guard_;
};

}  // namespace data
