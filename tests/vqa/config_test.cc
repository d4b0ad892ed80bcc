#include "vqa/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "tests/data/error_of.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

namespace vqa {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Config, SurvivesJson) {
  Config config = preset("mcan-small");
  config.model.image_rule = "clip";
  config.model.freeze_backbone = true;
  config.training.learning_rate = 0.1 + 0.2;
  EXPECT_EQ(to_json(config_from_json(nlohmann::json::parse(to_json(config).dump()))), to_json(config));
}

TEST(Config, EveryPresetIsValid) {
  for (const Preset& description : presets()) {
    const Config config = preset(description.name);
    config.model.validate();
    config.training.validate();
  }
  EXPECT_THAT(error_of<std::invalid_argument>([] { preset("huge"); }), HasSubstr("allowed are shapes, mcan-small"));
}

TEST(Config, FieldsReadTheirOwnText) {
  Config config = preset("mcan-small");
  for (Field& field : fields(config)) {
    const nlohmann::json before = field.to_json();
    field.parse(field.text());
    EXPECT_EQ(field.to_json(), before) << field.name;
  }
}

/// What the field called `name` says of `text`.
std::string refusal(const std::string& name, const std::string& text) {
  Config config;
  for (Field& field : fields(config)) {
    if (field.name == name) return error_of<std::invalid_argument>([&] { field.parse(text); });
  }
  return "no such field";
}

TEST(Config, RefusesTextOfAnotherType) {
  EXPECT_THAT(refusal("adam-eps", "inf"), HasSubstr("adam-eps: 'inf'"));
  EXPECT_THAT(refusal("dim", "12x"), HasSubstr("dim: '12x'; allowed is a whole number"));
  EXPECT_THAT(refusal("dropout", ""), HasSubstr("a number"));
  EXPECT_THAT(refusal("freeze-backbone", "maybe"), HasSubstr("true or false"));
}

TEST(Config, ValidationNamesTheField) {
  const auto model = [](auto change) {
    ModelConfig config;
    change(config);
    return error_of<std::invalid_argument>([&] { config.validate(); });
  };
  EXPECT_THAT(model([](ModelConfig& c) { c.heads = 5; }), HasSubstr("heads: 5"));
  EXPECT_THAT(model([](ModelConfig& c) { c.dim = 65'537; }), HasSubstr("dim: 65537; allowed is 1 to 65536"));
  EXPECT_THAT(model([](ModelConfig& c) { c.backbone = "vgg"; }), HasSubstr("backbone: 'vgg'"));
  EXPECT_THAT(model([](ModelConfig& c) { c.image_size = "0"; }), HasSubstr("image-size: '0'"));
  EXPECT_THAT(model([](ModelConfig& c) { c.image_rule = "vgg"; }), HasSubstr("image-rule: 'vgg'; allowed are torchv"));
  EXPECT_THAT(model([](ModelConfig& c) { c.max_tokens = 0; }), HasSubstr("max-tokens: 0"));
  const auto training = [](auto change) {
    TrainingConfig config;
    change(config);
    return error_of<std::invalid_argument>([&] { config.validate(); });
  };
  EXPECT_THAT(training([](TrainingConfig& c) { c.epochs = 0; }), HasSubstr("epochs"));
  EXPECT_THAT(training([](TrainingConfig& c) { c.learning_rate = -1; }), HasSubstr("learning-rate"));
  EXPECT_THAT(training([](TrainingConfig& c) { c.schedule = "cosine"; }), HasSubstr("schedule: 'cosine'"));
  EXPECT_THAT(training([](TrainingConfig& c) { c.decay_epochs = "10;12"; }), HasSubstr("decay-epochs"));
}

/// What both parts of `config` say of it.
std::string objection(const Config& config) {
  return error_of<std::invalid_argument>([&] {
    config.model.validate();
    config.training.validate();
  });
}

/// Calls `check` with each field and the fresh configuration that it is of.
void for_each_field(const std::function<void(Config& config, const Field& field)>& check) {
  Config defaults;
  const size_t count = fields(defaults).size();
  for (size_t i = 0; i < count; ++i) {
    Config config;
    check(config, fields(config)[i]);
  }
}

TEST(Config, EveryNumberIsHeldToItsRange) {
  size_t ranges = 0;
  for_each_field([&](Config& config, const Field& field) {
    if (!field.range) return;
    ++ranges;
    const double wrong = field.range->above_least ? field.range->least : field.range->least - 1;
    if (auto* const* whole = std::get_if<int64_t*>(&field.value)) **whole = static_cast<int64_t>(wrong);
    if (auto* const* real = std::get_if<double*>(&field.value)) **real = wrong;
    EXPECT_THAT(objection(config), StartsWith(field.name + ": "));
    EXPECT_THAT(objection(config), EndsWith("; allowed is " + field.range->text()));
  });
  EXPECT_GE(ranges, 20u);
}

TEST(Config, EveryNameIsOneOfThoseInTheHelp) {
  size_t lists = 0;
  for_each_field([&](Config& config, const Field& field) {
    if (field.allowed.empty()) return;
    ++lists;
    for (const std::string& name : field.allowed) EXPECT_THAT(field.help, HasSubstr(name)) << field.name;
    *std::get<std::string*>(field.value) = "?";
    EXPECT_EQ(objection(config), field.name + ": '?'; allowed are " + data::listed(field.allowed));
  });
  EXPECT_GE(lists, 9u);
}

TEST(ConfigFile, TakesLinesAndJson) {
  const TemporaryFolder folder;
  write_text(folder / "a.cfg", "# a comment\n dim = 32 # another\n\nval-split =\nimage-size = 600/1000\n");
  Config config;
  read_config_file(folder / "a.cfg", config);
  EXPECT_EQ(config.model.dim, 32);
  EXPECT_EQ(config.training.val_split, "");
  EXPECT_EQ(config.model.image_size, "600/1000");
  write_text(folder / "b.json", R"({"dim": 48, "dropout": 0})");
  read_config_file(folder / "b.json", config);
  EXPECT_EQ(config.model.dim, 48);
  EXPECT_EQ(config.model.dropout, 0);
}

TEST(ConfigFile, NamesPathAndLine) {
  const TemporaryFolder folder;
  Config config;
  const auto error = [&](const std::string& text) {
    write_text(folder / "c", text);
    return error_of<std::runtime_error>([&] { read_config_file(folder / "c", config); });
  };
  EXPECT_THAT(error("dim = 3\nheads 4\n"), HasSubstr("c: line 2: 'heads 4' is not"));
  EXPECT_THAT(error("\n\nwidth = 4\n"), HasSubstr("c: line 3: 'width' is not a setting"));
  EXPECT_THAT(error("dim = four\n"), HasSubstr("line 1: dim: 'four'"));
  EXPECT_THAT(error(R"({"dim": "four"})"), HasSubstr("c: dim: "));
  EXPECT_THAT(error(R"({"dim": 1.5})"), HasSubstr("c: dim: "));
  EXPECT_THAT(error(R"({"image-size": 96})"), HasSubstr("c: image-size: '96'; allowed is a value like \"64\""));
  EXPECT_THAT(error(R"({"width": 1})"), HasSubstr("'width' is not a setting"));
  EXPECT_THAT(error_of<std::runtime_error>([&] { read_config_file(folder / "none", config); }), HasSubstr("none"));
}

}  // namespace
}  // namespace vqa
