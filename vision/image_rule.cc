#include "vision/image_rule.h"

namespace vision {

const std::vector<ImageRule>& image_rules() {
  static const std::vector<ImageRule> all{
      // ImageNet's figures, as torchvision's models were trained.
      {.name = "torchvision",
       .scale = 255,
       .mean = {0.485, 0.456, 0.406},
       .deviation = {0.229, 0.224, 0.225},
       .filter = Filter::kBilinear},
      // Grid features as published (Jiang et al. 2020), made with Detectron's pixel figures.
      {.name = "grid-feats",
       .bgr = true,
       .mean = {103.53, 116.28, 123.675},
       .deviation = {1, 1, 1},
       .filter = Filter::kBilinear},
      // CLIP (Radford et al. 2021).
      {.name = "clip",
       .scale = 255,
       .mean = {0.48145466, 0.4578275, 0.40821073},
       .deviation = {0.26862954, 0.26130258, 0.27577711},
       .filter = Filter::kBicubic},
  };
  return all;
}

}  // namespace vision
