#include "data/shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <set>
#include <stdexcept>

#include "data/atomic_file.h"
#include "data/shapes_paint.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

const ShapesOptions kFew = {.images = 20, .validation_images = 5};

/// The content of every file below `dir`, by its path from there.
std::map<std::string, std::string> files(const fs::path& dir) {
  std::map<std::string, std::string> found;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(dir)) {
    if (entry.is_regular_file()) found[fs::relative(entry.path(), dir)] = read_file(entry.path());
  }
  return found;
}

uint64_t fnv1a(const std::map<std::string, std::string>& all) {
  uint64_t hash = 14695981039346656037ull;
  for (const auto& [path, content] : all) {
    for (const std::string& bytes : {path, content}) {
      for (const unsigned char byte : bytes) hash = (hash ^ byte) * 1099511628211ull;
    }
  }
  return hash;
}

std::string failure(const fs::path& dir, const ShapesOptions& options = kFew) {
  try {
    write_shapes(dir, options);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "written";
}

TEST(Shapes, BytesAreKnown) {
  const TemporaryFolder root;
  write_shapes(root / "set", kFew);
  EXPECT_EQ(fnv1a(files(root / "set")), 14630334003225696945ull) << "the set differs from the one other machines write";
}

TEST(Shapes, SeedsGiveOtherBytes) {
  const TemporaryFolder root;
  ShapesOptions other = kFew;
  write_shapes(root / "one", kFew);
  other.seed = 2;
  write_shapes(root / "two", other);
  const auto one = files(root / "one"), two = files(root / "two");
  ASSERT_EQ(one.size(), two.size());
  for (const auto& [path, content] : one) EXPECT_NE(content, two.at(path)) << path;
}

TEST(Shapes, LayoutIsThatOfVqaV2) {
  const TemporaryFolder root;
  int64_t heard = 0;
  const ShapesReport report = write_shapes(root / "set", kFew, [&](int64_t done, int64_t total) {
    EXPECT_EQ(done, ++heard);
    EXPECT_EQ(total, 25);
  });
  EXPECT_EQ(heard, 25);
  EXPECT_EQ(report.training_images, 20);
  EXPECT_EQ(report.training_questions, 160);
  EXPECT_EQ(report.validation_images, 5);
  EXPECT_EQ(report.validation_questions, 40);
  EXPECT_GT(report.words, 35);
  EXPECT_GT(report.answers, 15);

  const auto found = files(root / "set");
  EXPECT_EQ(found.size(), 4u + 25u);
  EXPECT_TRUE(found.contains("train2014/COCO_train2014_000000000001.png"));
  EXPECT_TRUE(found.contains("val2014/COCO_val2014_000000000025.png"));
}

// The keys are those of the official files.
TEST(Shapes, RecordsHaveAllKeysOfVqaV2) {
  const TemporaryFolder root;
  write_shapes(root / "set", kFew);
  std::set<int64_t> ids;
  for (const std::string split : {"train2014", "val2014"}) {
    const json questions = json::parse(read_file(root / ("set/v2_OpenEnded_mscoco_" + split + "_questions.json")));
    const json annotations = json::parse(read_file(root / ("set/v2_mscoco_" + split + "_annotations.json")));
    for (const json& file : {questions, annotations}) {
      for (const char* key : {"description", "url", "version", "year", "contributor"}) {
        EXPECT_TRUE(file["info"].contains(key)) << key;
      }
      EXPECT_TRUE(file["license"].contains("name") && file["license"].contains("url"));
      EXPECT_EQ(file["data_type"], "mscoco");
      EXPECT_EQ(file["data_subtype"], split);
    }
    EXPECT_EQ(questions["task_type"], "Open-Ended");
    ASSERT_EQ(questions["questions"].size(), annotations["annotations"].size());
    for (size_t i = 0; i < questions["questions"].size(); ++i) {
      const json& question = questions["questions"][i];
      const json& annotation = annotations["annotations"][i];
      const int64_t id = question["question_id"], image_id = question["image_id"];
      EXPECT_TRUE(ids.insert(id).second) << id;
      EXPECT_EQ(id / 1000, image_id);
      EXPECT_EQ(annotation["question_id"], id);
      EXPECT_EQ(annotation["image_id"], image_id);
      EXPECT_THAT((std::set<std::string>{"yes/no", "number", "other"}), testing::Contains(annotation["answer_type"]));
      std::string begin = question["question"];
      begin[0] = static_cast<char>(std::tolower(begin[0]));
      EXPECT_THAT(begin, testing::StartsWith(std::string(annotation["question_type"]) + " "));
      ASSERT_EQ(annotation["answers"].size(), 10u);
      for (int k = 0; k < 10; ++k) {
        const json wanted = {
            {"answer", annotation["multiple_choice_answer"]}, {"answer_confidence", "yes"}, {"answer_id", k + 1}};
        EXPECT_EQ(annotation["answers"][k], wanted);
      }
    }
  }
  EXPECT_EQ(ids.size(), 200u);
}

TEST(Shapes, FilesHoldWhatTheStreamGives) {
  const TemporaryFolder root;
  write_shapes(root / "set", kFew);
  const json questions = json::parse(read_file(root / "set/v2_OpenEnded_mscoco_val2014_questions.json"))["questions"];
  const json annotations = json::parse(read_file(root / "set/v2_mscoco_val2014_annotations.json"))["annotations"];
  const ShapesPainter painter(kFew.layout());
  ShapesStream stream(kFew);
  size_t at = 0;
  for (ShapesExample example; stream.next(example);) {
    const std::string split(example.split.long_name);
    const fs::path path = root.path() / "set" / split / image_file_name(example.split, example.image_id, ".png");
    cv::Mat image = cv::imread(path.string(), cv::IMREAD_UNCHANGED);
    ASSERT_EQ(image.type(), CV_8UC3) << path;
    cv::cvtColor(image, image, cv::COLOR_BGR2RGB);
    const std::vector<uint8_t> painted = painter.paint(example.scene);
    ASSERT_EQ(image.total() * 3, painted.size());
    EXPECT_TRUE(std::equal(painted.begin(), painted.end(), image.data)) << path;
    if (example.split.name != "val") continue;
    for (const ShapesQuestion& question : example.questions) {
      EXPECT_EQ(questions[at]["question"], question.text);
      EXPECT_EQ(annotations[at]["multiple_choice_answer"], question.answer);
      ++at;
    }
  }
  EXPECT_EQ(at, questions.size());
}

/// How much of a region is the object's tone, in pixels: pixels on its edge count by their share of it.
double area(const cv::Mat& image, const cv::Mat& region, const ShapesObject& object, const ShapesRgb& background) {
  double sum = 0;
  for (int y = 0; y < image.rows; ++y) {
    for (int x = 0; x < image.cols; ++x) {
      if (!region.at<uint8_t>(y, x)) continue;
      const int whole = object.tone[2] - background[2];
      const int other = object.tone[0] - background[0];
      const cv::Vec3b pixel = image.at<cv::Vec3b>(y, x);
      sum += std::abs(whole) > std::abs(other) ? static_cast<double>(pixel[2] - background[2]) / whole
                                               : static_cast<double>(pixel[0] - background[0]) / other;
    }
  }
  return sum;
}

// Seen, not told: the regions that differ from the background are the scene's objects.
TEST(ShapesPainter, ShowsTheObjects) {
  // Of the square around the object.
  constexpr double kWidth[] = {1, 1000.0 / 1024, 1000.0 / 1024};
  constexpr double kArea[] = {0.7854, 0.9537, 0.4244};
  for (const int side : {64, 128, 301}) {
    const ShapesLayout layout = {side, 1, 3};
    const ShapesPainter painter(layout);
    ExactRandom random(5);
    for (int i = 0; i < 60; ++i) {
      const ShapesScene scene = random_shapes_scene(layout, random);
      std::vector<uint8_t> rgb = painter.paint(scene);
      const cv::Mat image(side, side, CV_8UC3, rgb.data());
      const cv::Scalar background(scene.background[0], scene.background[1], scene.background[2]);
      cv::Mat empty, labels, stats, centroids;
      cv::inRange(image, background, background, empty);
      const int regions = cv::connectedComponentsWithStats(255 - empty, labels, stats, centroids);
      ASSERT_EQ(regions, 1 + static_cast<int>(scene.objects.size())) << describe(scene);
      for (const ShapesObject& object : scene.objects) {
        const int x = static_cast<int>(object.x), y = static_cast<int>(object.y);
        EXPECT_EQ(image.at<cv::Vec3b>(y, x), cv::Vec3b(object.tone[0], object.tone[1], object.tone[2]));
        const int label = labels.at<int>(y, x);
        const double radius = static_cast<double>(layout.radius(object.value[kShapesSize])) / 16;
        const int64_t shape = object.value[kShapesShape];
        EXPECT_NEAR(stats.at<int>(label, cv::CC_STAT_WIDTH), 2 * radius * kWidth[shape], 2) << describe(scene);
        EXPECT_NEAR(centroids.at<double>(label, 0), x, 0.01);
        EXPECT_NEAR(area(image, labels == label, object, scene.background) / (4 * radius * radius), kArea[shape], 0.02)
            << describe(scene);
      }
    }
  }
}

TEST(StoredPng, HoldsPicturesOfSeveralBlocks) {
  const int64_t size = 200;  // 120,200 bytes: a stored block holds 65,535
  std::vector<uint8_t> rgb(3 * size * size);
  for (size_t i = 0; i < rgb.size(); ++i) rgb[i] = static_cast<uint8_t>(i * i >> 4);
  const std::string png = stored_png(rgb, size);
  const cv::Mat encoded(1, static_cast<int>(png.size()), CV_8U, const_cast<char*>(png.data()));
  cv::Mat image = cv::imdecode(encoded, cv::IMREAD_COLOR);
  ASSERT_EQ(image.rows, size);
  cv::cvtColor(image, image, cv::COLOR_BGR2RGB);
  EXPECT_TRUE(std::equal(rgb.begin(), rgb.end(), image.data));
}

TEST(Shapes, ReplacesAnEarlierSetOrAnEmptyFolder) {
  const TemporaryFolder root;
  fs::create_directory(root / "set");
  write_shapes(root / "set", kFew);
  const auto first = files(root / "set");
  write_shapes(root / "set", {.images = 3, .validation_images = 2, .seed = 9});
  EXPECT_EQ(files(root / "set").size(), 9u);
  write_shapes(root / "set", kFew);
  EXPECT_EQ(files(root / "set"), first);
  EXPECT_EQ(std::distance(fs::directory_iterator(root.path()), {}), 1);
}

TEST(Shapes, RefusesFoldersOfOthers) {
  const TemporaryFolder root;
  const std::string refusal = ": holds files that are no shapes set; name a new or an empty folder";
  fs::create_directory(root / "mine");
  write_file(root / "mine/v2_OpenEnded_mscoco_train2014_questions.json", "{\"questions\": []}");
  EXPECT_EQ(failure(root / "mine"), (root / "mine").string() + refusal);
  EXPECT_EQ(files(root / "mine").size(), 1u);

  for (const char* added : {"notes.txt", "val2014/me.jpg", "train2014/COCO_train2014_000000000001.jpg"}) {
    write_shapes(root / "set", kFew);
    write_file(root.path() / "set" / added, "mine");
    EXPECT_EQ(failure(root / "set"), (root / "set").string() + refusal) << added;
    EXPECT_EQ(read_file(root.path() / "set" / added), "mine");
    fs::remove_all(root / "set");
  }
}

TEST(Shapes, RefusesFilesAsFolders) {
  const TemporaryFolder root;
  write_file(root / "file", "mine");
  EXPECT_EQ(failure(root / "file"), (root / "file").string() + ": cannot be made: a file of this name exists");
  EXPECT_EQ(failure(root / "file/set"), (root / "file/set").string() + ": cannot be made: Not a directory");
  EXPECT_THAT(failure("/proc/set"), HasSubstr("/proc/set: cannot be made: "));
  EXPECT_EQ(read_file(root / "file"), "mine");
}

TEST(Shapes, ChecksOptionsBeforeFolders) {
  EXPECT_THROW(write_shapes("/proc/set", {.images = 0}), std::invalid_argument);
}

TEST(Shapes, StoppingLeavesTheEarlierSet) {
  const TemporaryFolder root;
  write_shapes(root / "set", kFew);
  const auto before = files(root / "set");
  const auto stop = [](int64_t done, int64_t) {
    if (done == 2) throw std::domain_error("stop");
  };
  EXPECT_THROW(write_shapes(root / "set", {.images = 3, .validation_images = 2}, stop), std::domain_error);
  EXPECT_THROW(write_shapes(root / "other", {.images = 3, .validation_images = 2}, stop), std::domain_error);
  EXPECT_EQ(files(root / "set"), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(root.path()), {}), 1);
}

// The system refuses to let a file grow, as a full disk does.
TEST(Shapes, FileThatCannotGrowLeavesNothing) {
  const TemporaryFolder root;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit limit = {65536, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  const std::string message = failure(root / "set");
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, old_handler);
  const fs::path path = root / "set/v2_mscoco_train2014_annotations.json";
  EXPECT_EQ(message, path.string() + ": cannot be written: File too large");
  EXPECT_TRUE(fs::is_empty(root.path()));
}

TEST(Shapes, FullDiskLeavesTheEarlierSet) {
  const TemporaryFolder root;
  const fs::path disk = root / "disk";
  fs::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=512k") != 0) GTEST_SKIP() << "needs the right to mount a tmpfs";
  write_shapes(disk / "set", {.images = 3, .validation_images = 2});
  const auto before = files(disk / "set");
  const std::string message = failure(disk / "set", {.images = 100});
  const auto after = files(disk / "set");
  const auto entries = std::distance(fs::directory_iterator(disk), {});
  umount(disk.c_str());
  EXPECT_THAT(message, testing::MatchesRegex(disk.string() + "/set/.*: cannot be written: No space left on device"));
  EXPECT_EQ(after, before);
  EXPECT_EQ(entries, 1);
}

}  // namespace
}  // namespace data
