// The list of golden cases.
#include "tests/golden/golden.h"
#include "tests/golden/golden_data.h"
#include "tests/golden/golden_fusion.h"
#include "tests/golden/golden_text.h"
#include "tests/golden/golden_tokenizer.h"
#include "tests/golden/golden_vision.h"
#include "tests/golden/golden_vqa.h"

namespace golden {

using Folder = const std::filesystem::path&;

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"resnet18", resnet18},
      {"resnet50", resnet50},
      {"resnet101", resnet101},
      {"resnet152", resnet152},
      {"clip_rn50", clip_rn50},
      {"clip_rn50x4", clip_rn50x4},
      {"mcan_tiny", [](Folder folder, uint32_t salt) { return mcan(folder, salt, "tiny"); }},
      {"mcan_small", [](Folder folder, uint32_t salt) { return mcan(folder, salt, "small"); }},
      {"mcan_large", [](Folder folder, uint32_t salt) { return mcan(folder, salt, "large"); }},
      {"dba_tiny", [](Folder folder, uint32_t salt) { return dba_layers(folder, salt, "tiny"); }},
      {"dba_uea", [](Folder folder, uint32_t salt) { return dba_layers(folder, salt, "uea"); }},
      {"dba_long", [](Folder folder, uint32_t salt) { return dba_layers(folder, salt, "long"); }},
      {"dba_cross_small", [](Folder folder, uint32_t salt) { return dba_cross(folder, salt, "small"); }},
      {"dba_cross_wide", [](Folder folder, uint32_t salt) { return dba_cross(folder, salt, "wide"); }},
      {"tokenizer", tokenizer, {"tokenizer"}},
      {"albert_tiny", [](Folder folder, uint32_t salt) { return albert(folder, salt, "tiny"); }},
      {"albert_base", [](Folder folder, uint32_t salt) { return albert(folder, salt, "base"); }},
      {"eval", evaluator, {"eval"}},
      {"pil_resize", pil_resize, {"pil_resize.json", "../vqa2-mini"}},
  };
  return all;
}

}  // namespace golden
