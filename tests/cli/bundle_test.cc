// Bundles on disk: moved, described, damaged.
#include <regex>

#include "tests/cli/cli_test.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

/// "1,234" as a number.
int64_t number(std::string grouped) {
  std::erase(grouped, ',');
  return grouped.empty() ? -1 : std::stoll(grouped);
}

class BundleTest : public CliTest {
 protected:
  void SetUp() override { give_all(); }

  Outcome answer(const std::string& model = "m") const {
    return vqa("answer --json --model " + model + " --image picture.png --question 'How many stars are there?'");
  }
  void expect_refused(const std::vector<std::string>& parts) const {
    const auto before = listing(folder());
    expect_error(answer(), 1, parts);
    expect_same(listing(folder()), before);
  }
  void edit_config(const std::function<void(json&)>& change) const {
    json config = read_json(*this / "m/config.json");
    change(config);
    write_text(*this / "m/config.json", config.dump());
  }
};

TEST_F(BundleTest, MovesByCopying) {
  const Outcome before = answer();
  expect_done(before);
  fs::create_directories(*this / "far/away");
  for (const std::string& file : kBundleFiles) fs::copy_file(*this / ("m/" + file), *this / ("far/away/" + file));
  fs::remove_all(*this / "m");
  fs::remove_all(*this / "shapes");
  const Outcome after = answer("far/away/");
  expect_done(after);
  EXPECT_EQ(after.out, before.out);
}

TEST_F(BundleTest, InfoDescribesIt) {
  const Outcome info = vqa("info m");
  expect_done(info);
  EXPECT_EQ(info.err, "");
  for (const char* part :
       {"trained", "epochs", "answers", "words", "parameters", "attention", "dba", "learning-rate"}) {
    EXPECT_THAT(info.out, HasSubstr(part));
  }
}

TEST_F(BundleTest, InfoCountsTheParametersOfAttention) {
  const std::string info = vqa("info m").out;
  int64_t sum = 0, blocks = 0;
  std::string total;
  for (const std::string& line : lines(info)) {
    std::smatch found;
    if (std::regex_match(line, found, std::regex("  (encoder|decoder)\\.0( self| cross)? +([0-9,]+) dba"))) {
      ++blocks;
      sum += number(found[3]);
    }
    if (std::regex_match(line, found, std::regex("attention +([0-9,]+), [0-9.]+ % of MCAN-small's 18,911,232")))
      total = found[1];
  }
  EXPECT_EQ(blocks, 3) << info;
  EXPECT_EQ(sum, number(total)) << info;
}

TEST_F(BundleTest, InfoListsTensors) {
  const Outcome info = vqa("info m/model.safetensors");
  expect_done(info);
  EXPECT_THAT(info.out, HasSubstr("float"));
  EXPECT_THAT(lines(info.out).back(), ::testing::MatchesRegex("[0-9,]+ tensors, [0-9,]+ elements"));
}

TEST_F(BundleTest, InfoListsTensorsOfPyTorchsFiles) {
  const std::string files = VQA_SOURCE_DIR "/tests/data/files/";
  for (const std::string file : {"zip.pth", "old.pth"}) {
    const Outcome info = vqa("info " + files + file);
    expect_done(info);
    EXPECT_THAT(info.out, HasSubstr("\nrows  float  [3, 4]\n"));
    EXPECT_EQ(lines(info.out).back(), "14 tensors, 59 elements");
  }
  const Outcome script = vqa("info " + files + "script.pt");
  expect_done(script);
  EXPECT_THAT(script.out, HasSubstr("\nvisual.conv1.weight  c10::Half  [4, 3, 1, 1]\n"));
  expect_error(vqa("info " + files + "whole_module.pth"), 1,
               {"whole_module.pth: ", "'torch.nn.modules.activation.ReLU'"});
}

TEST_F(BundleTest, InfoOfOtherThings) {
  expect_error(vqa("info nowhere"), 1, {"nowhere: "});
  expect_error(vqa("info picture.png"), 1, {"picture.png: "});
  write_text(*this / "empty", "");
  expect_error(vqa("info empty"), 1, {"empty: "});
}

TEST_F(BundleTest, LacksAFile) {
  for (const std::string& file : kBundleFiles) {
    fs::rename(*this / ("m/" + file), *this / "away");
    expect_refused({"m", file});
    fs::rename(*this / "away", *this / ("m/" + file));
  }
}

TEST_F(BundleTest, FileCutInHalf) {
  for (const std::string& file : kBundleFiles) {
    fs::copy_file(*this / ("m/" + file), *this / "whole");
    cut_in_half(*this / ("m/" + file));
    expect_refused({"m/" + file});
    fs::rename(*this / "whole", *this / ("m/" + file));
  }
}

TEST_F(BundleTest, FileThatIsEmpty) {
  for (const std::string& file : kBundleFiles) {
    fs::copy_file(*this / ("m/" + file), *this / "whole");
    write_text(*this / ("m/" + file), "");
    expect_refused({"m/" + file});
    fs::rename(*this / "whole", *this / ("m/" + file));
  }
}

TEST_F(BundleTest, AListThatLacksItsLastLine) {
  // Cut between two lines: the list alone does not show it, its length in config.json does.
  for (const std::string file : {"answers.txt", "words.txt"}) {
    const std::string whole = read_text(*this / ("m/" + file));
    write_text(*this / ("m/" + file), whole.substr(0, whole.rfind('\n', whole.size() - 2) + 1));
    expect_refused({"m/" + file, "config.json says"});
    write_text(*this / ("m/" + file), whole);
  }
}

TEST_F(BundleTest, NewerFormat) {
  edit_config([](json& config) { config["format"] = config["format"].get<int64_t>() + 1; });
  expect_refused({"m/config.json", "format 3", "format 2"});
}

TEST_F(BundleTest, ConfigurationThatIsWrong) {
  const std::string whole = read_text(*this / "m/config.json");
  edit_config([](json& config) { config.erase("model"); });
  expect_refused({"m/config.json", "'model'"});
  write_text(*this / "m/config.json", whole);
  edit_config([](json& config) { config["model"]["dim"] = "wide"; });
  expect_refused({"m/config.json", "dim"});
  write_text(*this / "m/config.json", whole);
  edit_config([](json& config) { config["model"]["dim"] = int64_t{1} << 40; });
  expect_refused({"m/"});
  write_text(*this / "m/config.json", whole);
  edit_config([](json& config) { config["model"]["backbone"] = "resnet9000"; });
  expect_refused({"m/config.json", "resnet9000"});
}

TEST_F(BundleTest, EveryCommandTellsOfADamagedBundle) {
  cut_in_half(*this / "m/model.safetensors");
  expect_error(vqa("info m"), 1, {"m/model.safetensors"});
  expect_error(vqa("eval --model m --data shapes --results r.json"), 1, {"m/model.safetensors"});
  EXPECT_FALSE(fs::exists(*this / "r.json"));
}

}  // namespace
}  // namespace cli
