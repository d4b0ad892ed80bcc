// Grid features: extracted, killed and resumed, in shards, from bad pictures; what stores say of themselves.
#include <csignal>
#include <random>

#include "tests/cli/cli_test.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

// The small model's own network.
const std::string kNetwork = "extract --backbone resnet-shapes --weights m/model.safetensors --threads 1 --workers 1";
const std::string kImages = kNetwork + " --images shapes/train2014 shapes/val2014";
// Pictures so large that a run takes a second.
const std::string kExtract = kImages + " --image-size 256 --batch 4";
const std::string kOneByOne = kImages + " --image-size 256 --batch 1";

class ExtractTest : public CliTest {
 protected:
  void SetUp() override { give_all(); }

  std::string bytes(const std::string& name) const { return read_text(*this / name); }

  /// For RunOptions::when: once there is a store that is not finished.
  std::function<bool(const std::string&)> has_begun(const std::string& out = "G.h5") const {
    return [part = *this / (out + ".part")](const std::string&) { return fs::exists(part); };
  }
  void kill_early() const {
    const Outcome killed = vqa(kExtract + " --out G.h5", {.signal = SIGKILL, .when = has_begun()});
    ASSERT_EQ(killed.code, 128 + SIGKILL);
  }
};

TEST_F(ExtractTest, MakesAStoreThatDescribesItself) {
  const Outcome extraction = vqa(kExtract + " --out G.h5");
  expect_done(extraction);
  EXPECT_EQ(extraction.err, "");
  EXPECT_THAT(extraction.out, AllOf(::testing::StartsWith("G.h5: 50 images, 12,800 cells of "), HasSubstr(" MB, in ")));
  const Outcome info = vqa("info G.h5 --verify");
  expect_done(info);
  for (const std::string part : {"resnet-shapes", "torchvision", "256", "float32", "fp16", "train2014", "40 images",
                                 "16x16 cells", "val2014", "10 images", "all are right"})
    EXPECT_THAT(info.out, HasSubstr(part));
  EXPECT_THAT(bytes("G.h5"), HasSubstr("vqa grid store"));
}

TEST_F(ExtractTest, TakesHalfOrSinglePrecision) {
  expect_done(vqa(kExtract + " --out half.h5"));
  expect_done(vqa(kExtract + " --out single.h5 --dtype fp32"));
  const double half = static_cast<double>(fs::file_size(*this / "half.h5"));
  EXPECT_NEAR(static_cast<double>(fs::file_size(*this / "single.h5")) / half, 2, 0.02);
}

TEST_F(ExtractTest, KilledAtAnyMomentEndsInTheSameBytes) {
  const Outcome whole = vqa(kExtract + " --out whole.h5");
  expect_done(whole);
  std::mt19937 random(20140814);
  std::uniform_real_distribution<double> moment(0.2 * whole.seconds, whole.seconds);
  int kills = 0;
  Outcome part = vqa(kExtract + " --out G.h5", {.signal = SIGKILL, .when = has_begun()});
  expect_error(vqa("info G.h5.part"), 1, {"G.h5.part: is not finished", "of 50 images", "--resume"});
  while (part.code == 128 + SIGKILL && ++kills < 40) {
    // Under one name or the other: a run can be killed between its store's last step and its own end.
    EXPECT_NE(fs::exists(*this / "G.h5"), fs::exists(*this / "G.h5.part"));
    const double slack = 0.7 + 0.05 * kills;  // where the machine has become slower meanwhile
    part = vqa(kExtract + " --out G.h5 --resume", {.signal = SIGKILL, .after = slack * moment(random)});
  }
  expect_done(part);
  EXPECT_GE(kills, 1);
  EXPECT_TRUE(bytes("G.h5") == bytes("whole.h5"));
  EXPECT_FALSE(fs::exists(*this / "G.h5.part"));
}

TEST_F(ExtractTest, CtrlCStopsAndTellsHowToGoOn) {
  expect_done(vqa(kExtract + " --out whole.h5"));
  const Outcome stopped = vqa(kExtract + " --out G.h5", {.signal = SIGINT, .when = has_begun()});
  expect_error(stopped, 1, {"stopped at ", " of 50 images; go on with: vqa " + kExtract + " --out G.h5 --resume"});
  expect_done(vqa(kExtract + " --out G.h5 --resume"));  // what the line says
  EXPECT_TRUE(bytes("G.h5") == bytes("whole.h5"));
}

TEST_F(ExtractTest, ResumeNeedsNothingToResume) {
  const Outcome fresh = vqa(kExtract + " --out G.h5 --resume");
  expect_done(fresh);
  EXPECT_THAT(fresh.err, HasSubstr("G.h5: nothing to resume; starting from the beginning"));
  const std::string before = bytes("G.h5");
  expect_done(vqa(kExtract + " --out G.h5 --resume"));
  EXPECT_TRUE(bytes("G.h5") == before);
  expect_error(vqa(kExtract + " --out G.h5 --resume --image-rule grid-feats"), 2,
               {"G.h5 was made with image-rule torchvision, this run with grid-feats"});
  expect_error(vqa(kExtract + " --out G.h5 --resume --dtype fp32"), 2, {"dtype: G.h5 was made with fp16, not fp32"});
  expect_error(vqa(kExtract + " --out G.h5 --precision int8"), 2, {"precision: 'int8'", "float32"});
  fs::copy_file(*this / kValPicture, *this / "shapes/val2014/COCO_val2014_000000009999.png");
  expect_error(vqa(kExtract + " --out G.h5 --resume"), 1, {"G.h5: is finished and lacks 1 of these images", "--merge"});
}

TEST_F(ExtractTest, UnfinishedStoreIsNeitherReadNorLost) {
  kill_early();
  const std::string before = bytes("G.h5.part");
  expect_error(vqa("info G.h5"), 1, {"G.h5: does not exist yet: G.h5.part is being written", "--resume"});
  expect_error(vqa(kExtract + " --out G.h5"), 1, {"G.h5.part: is there from a run that was stopped", "--resume"});
  expect_error(vqa(kExtract + " --out G.h5 --resume --dtype fp32"), 2,
               {"G.h5.part: cannot be resumed", "fp16", "fp32"});
  expect_error(vqa(kImages + " --out G.h5 --resume --image-rule grid-feats --image-size 64"), 2,
               {"G.h5.part: cannot be resumed", "image-rule torchvision", "grid-feats"});
  EXPECT_TRUE(bytes("G.h5.part") == before);
}

TEST_F(ExtractTest, BadPicturesAreSkippedAndListed) {
  cut_in_half(*this / kTrainPicture);
  write_text(*this / kValPicture, "no picture");
  const std::string damaged = "shapes/val2014/COCO_val2014_000000000042.png";  // what its header does not tell
  std::string content = bytes(damaged);
  content[content.find("IDAT") + 10] ^= 1;
  write_text(*this / damaged, content);
  for (const std::string flag : {"", " --resume"}) {
    const Outcome extraction = vqa(kExtract + " --out G.h5" + flag);
    expect_error_after_progress(extraction, 1, {"G.h5: is finished, but holds 47 of 50 pictures", "--merge"});
    for (const std::string& picture : {kTrainPicture, kValPicture, damaged}) {
      EXPECT_THAT(extraction.err, HasSubstr("skipped: " + picture + ": "));
      EXPECT_THAT(extraction.err, HasSubstr("\n  " + picture + ": "));
    }
  }
  const Outcome info = vqa("info G.h5 --verify");
  expect_done(info);
  EXPECT_THAT(info.out, HasSubstr("images              47"));
  fs::copy_file(*this / "picture.png", *this / damaged, fs::copy_options::overwrite_existing);
  expect_error_after_progress(vqa(kExtract + " --out G.h5 --resume"), 1,
                              {"G.h5: is finished and lacks 1 of these images", "--merge"});
}

TEST_F(ExtractTest, NoReadablePictureLeavesNothing) {
  fs::create_directory(*this / "bad");
  std::string content = bytes(kValPicture);
  content[content.find("IDAT") + 10] ^= 1;
  write_text(*this / "bad/1.png", content);
  expect_error_after_progress(vqa(kNetwork + " --images bad --out G.h5"), 1,
                              {"bad/1.png: damaged PNG: wrong checksum", "(and no other picture can be read)"});
  write_text(*this / "bad/1.png", "no picture");
  expect_error(vqa(kNetwork + " --images bad --out G.h5"), 1, {"bad/1.png: ", "(and no other picture can be read)"});
  EXPECT_FALSE(fs::exists(*this / "G.h5") || fs::exists(*this / "G.h5.part"));
}

TEST_F(ExtractTest, MendedPicturesAreJoined) {
  expect_done(vqa(kOneByOne + " --out whole.h5"));
  const std::string good = bytes(kValPicture);
  write_text(*this / kValPicture, "no picture");
  EXPECT_EQ(vqa(kOneByOne + " --out most.h5").code, 1);
  fs::create_directories(*this / "mended/val2014");
  write_text(*this / "mended/val2014" / fs::path(kValPicture).filename(), good);
  expect_done(vqa(kNetwork + " --images mended/val2014 --image-size 256 --out rest.h5"));
  expect_done(vqa("extract --merge most.h5 rest.h5 --out G.h5"));
  EXPECT_TRUE(bytes("G.h5") == bytes("whole.h5"));
}

TEST_F(ExtractTest, ShardsMergeToTheWholeStore) {
  expect_done(vqa(kOneByOne + " --out whole.h5"));
  for (const std::string shard : {"1", "2", "3"})
    expect_done(vqa(kOneByOne + " --out s" + shard + ".h5 --shard " + shard + "/3"));
  const Outcome merge = vqa("extract --merge s3.h5 s1.h5 s2.h5 --out G.h5");
  expect_done(merge);
  EXPECT_THAT(merge.out, HasSubstr("G.h5: 50 images"));
  EXPECT_TRUE(bytes("G.h5") == bytes("whole.h5"));
  expect_error(vqa("extract --merge s1.h5 G.h5 --out x.h5"), 1, {"G.h5: has image ", "which s1.h5 has, too"});
  expect_done(vqa(kImages + " --out other.h5 --shard 1/3 --image-size 64"));
  expect_error(vqa("extract --merge s2.h5 other.h5 --out x.h5"), 1,
               {"s2.h5 was made with image-size 256, other.h5 with 64", "merged"});
  expect_error(vqa("extract --merge s1.h5 none.h5 --out x.h5"), 1, {"none.h5: does not exist"});
  expect_error(vqa("extract --merge s1.h5 m/config.json --out x.h5"), 1, {"m/config.json: is no HDF5 file"});
  EXPECT_FALSE(fs::exists(*this / "x.h5"));
}

TEST_F(ExtractTest, MergeTakesNoFlagThatItWouldIgnore) {
  const std::string merge = "extract --merge a.h5 b.h5 --out G.h5";
  for (const std::string flag : {"--shard 1/2", "--dtype fp16", "--batch 8", "--image-rule clip", "--image-size 448",
                                 "--size 448", "--precision float32", "--threads 1", "--workers 2", "--device cpu",
                                 "--backbone resnet18", "--weights w.pth", "--images shapes/val2014"}) {
    expect_error(
        vqa(merge + " " + flag), 2,
        {"merge: joins stores that are there already, as they were made; leave out " + flag.substr(0, flag.find(' '))});
  }
  expect_error(vqa(merge + " --shard 1/2 --batch 4 --resume"), 2, {"leave out --batch, --shard"});
  expect_error(vqa(merge + " --resume"), 1, {"a.h5: does not exist"});
}

// They were found after the weights had been loaded and all pictures' sizes read.
TEST_F(ExtractTest, WrongPlacesAndNumbersAreToldAtOnce) {
  const auto before = listing(folder());
  const std::string nothing = "extract --backbone resnet18 --weights none.pth --images none --out ";
  expect_error(vqa(nothing + "none/G.h5"), 1, {"none/G.h5: cannot be written: No such file or directory"});
  expect_error(vqa(nothing + "shapes"), 1, {"shapes: is a folder", "not replaced"});
  expect_error(vqa(nothing + "picture.png"), 1, {"picture.png: is no HDF5 file", "not replaced"});
  expect_error(vqa(nothing + "picture.png/G.h5"), 1, {"picture.png/G.h5: cannot be written: Not a directory"});
  expect_error(vqa(nothing + "G.h5 --batch 0"), 2, {"batch: 0; allowed is 1 to 1024"});
  expect_error(vqa(nothing + "G.h5 --batch 1025"), 2, {"batch: 1025; allowed is 1 to 1024"});
  expect_error(vqa(nothing + "G.h5 --image-size 448 --size 224"), 2, {"size: is another name of --image-size"});
  write_text(*this / "H.h5.part", "begun");
  expect_error(vqa(nothing + "H.h5"), 1, {"H.h5.part: is there from a run that was stopped", "--resume"});
  fs::remove(*this / "H.h5.part");
  expect_same(listing(folder()), before);
}

TEST_F(ExtractTest, DamageIsFoundByVerifying) {
  expect_done(vqa(kExtract + " --out G.h5"));
  std::string content = bytes("G.h5");
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
  write_text(*this / "G.h5", content);
  expect_done(vqa("info G.h5"));
  const Outcome info = vqa("info G.h5 --verify");
  EXPECT_EQ(info.code, 1);
  EXPECT_EQ(lines(info.err).size(), 1u);
  EXPECT_THAT(info.err, HasSubstr("vqa: G.h5: features differ from their checksums for 1 image (train2014 "));
  cut_in_half(*this / "G.h5");
  expect_error(vqa("info G.h5"), 1, {"G.h5: is a truncated or damaged HDF5 file"});
  expect_error(vqa("info m --verify"), 2, {"verify: m is no grid store"});
}

TEST_F(ExtractTest, WrongUsageIsTold) {
  const auto before = listing(folder());
  const std::string with_out = kImages + " --out G.h5";
  expect_error(vqa("extract --backbone resnet17 --weights m/model.safetensors --images shapes/val2014 --out G.h5"), 2,
               {"backbone: 'resnet17'; allowed are resnet18"});
  expect_error(vqa("extract --weights m/model.safetensors --images shapes/val2014 --out G.h5"), 2, {"--backbone"});
  expect_error(vqa("extract --backbone resnet18 --images shapes/val2014 --out G.h5"), 2, {"--weights"});
  expect_error(vqa("extract --backbone resnet18 --weights m/model.safetensors --out G.h5"), 2, {"--images"});
  expect_error(vqa(kNetwork + " --images shapes/val2014 --out ''"), 2, {"out: is empty"});
  expect_error(vqa(kExtract), 2, {"out"});
  expect_error(vqa(with_out + " --dtype fp8"), 2, {"dtype: 'fp8'; allowed are fp16, fp32"});
  for (const std::string shard : {"0/2", "3/2", "1", "a/b", "1/2/3", "1/"})
    expect_error(vqa(with_out + " --shard " + shard), 2, {"shard: '" + shard + "'; allowed is I/N"});
  expect_error(vqa(with_out + " --batch 0"), 2, {"batch: 0; allowed is 1 to 1024"});
  expect_error(vqa(with_out + " --image-rule best"), 2, {"image-rule: 'best'", "torchvision, grid-feats, clip"});
  expect_error(vqa(with_out + " --image-size 0"), 2, {"image-size: '0'"});
  expect_error(vqa(with_out + " --merge a.h5"), 2, {"merge: "});
  expect_same(listing(folder()), before);
}

TEST_F(ExtractTest, WrongFilesAreTold) {
  write_text(*this / "letter", "Dear");
  fs::create_directory(*this / "empty");
  const auto before = listing(folder());
  const std::string weights = "extract --backbone resnet18 --images shapes/val2014 --out G.h5 --weights ";
  const std::string images = "extract --backbone resnet-shapes --weights m/model.safetensors --out G.h5 --images ";
  expect_error(vqa(weights + "none"), 1, {"none"});
  expect_error(vqa(weights + "letter"), 1, {"letter"});
  expect_error(vqa(weights + "m/model.safetensors"), 1, {"m/model.safetensors"});
  expect_error(vqa(images + "none"), 1, {"none: does not exist"});
  expect_error(vqa(images + "empty"), 1, {"empty: holds no picture"});
  expect_error(vqa(images + "shapes"), 1, {"shapes: holds no picture; name the folders that do"});
  expect_error(vqa(images + "letter"), 1, {"letter: is no folder"});
  expect_error(vqa(images + "shapes/val2014 shapes/val2014/"), 1, {"has the image's number"});
  expect_error(vqa(kExtract + " --out letter"), 1, {"letter: is no HDF5 file", "not replaced"});
  expect_error(vqa(kExtract + " --out none/G.h5"), 1, {"none/G.h5: cannot be written: No such file or directory"});
  expect_error(vqa(kExtract + " --out empty"), 1, {"empty: is a folder"});
  expect_error(vqa(kExtract + " --out G.h5 --shard 51/51"), 1, {"shard 51/51: has no picture: there are only 50"});
  expect_same(listing(folder()), before);
}

}  // namespace
}  // namespace cli
