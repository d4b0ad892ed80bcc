// vqa answer: pictures and questions of every kind.
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "tests/cli/cli_test.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

class AnswerTest : public CliTest {
 protected:
  void SetUp() override { give_all(); }

  Outcome ask(const std::string& question, const std::string& flags = "") const {
    return vqa("answer --model m --image picture.png --question '" + question + "' " + flags);
  }
  Outcome look(const std::string& image, const std::string& flags = "") const {
    return vqa("answer --model m --image " + image + " --question 'How many stars are there?' " + flags);
  }
  /// An image of two colours.
  void draw(const std::string& name, int width, int height) const {
    cv::Mat image(height, width, CV_8UC3, cv::Scalar(200, 30, 30));
    image.colRange(0, (width + 1) / 2) = cv::Scalar(20, 180, 20);
    ASSERT_TRUE(cv::imwrite((*this / name).string(), image));
  }
  void expect_answered(const Outcome& outcome) const {
    expect_done(outcome);
    EXPECT_EQ(outcome.err, "");
    EXPECT_EQ(lines(outcome.out).size(), 6u) << outcome.out;
  }
};

TEST_F(AnswerTest, RanksFiveAnswers) {
  const Outcome outcome = ask("How many stars are there?");
  expect_answered(outcome);
  const std::vector<std::string> all = lines(outcome.out);
  EXPECT_EQ(all.at(0), "How many stars are there?");
  double last = 100;
  for (size_t i = 1; i < all.size(); ++i) {
    EXPECT_THAT(all[i], ::testing::MatchesRegex(" +[0-9]+\\.[0-9] %  [a-z0-9 ]+"));
    const double percent = std::stod(all[i]);
    EXPECT_LE(percent, last);
    last = percent;
  }
}

TEST_F(AnswerTest, SeveralQuestionsAboutOnePicture) {
  const Outcome both = ask("How many stars are there?", "--question 'Is there a circle?' --top 2");
  expect_done(both);
  EXPECT_EQ(lines(both.out).size(), 6u);
  EXPECT_THAT(both.out, HasSubstr("Is there a circle?"));
  // A question's answers do not depend on what else is asked.
  EXPECT_THAT(both.out, ::testing::StartsWith(ask("How many stars are there?", "--top 2").out));
}

TEST_F(AnswerTest, TopTellsHowMany) {
  EXPECT_EQ(lines(ask("Is there a star?", "--top 1").out).size(), 2u);
  const size_t answers = lines(read_text(*this / "m/answers.txt")).size();
  EXPECT_EQ(lines(ask("Is there a star?", "--top 1000").out).size(), 1 + answers);
}

TEST_F(AnswerTest, JsonIsOneObjectPerQuestion) {
  const Outcome outcome = ask("How many \"stars\"?", "--question 'Is there a circle?' --top 3 --json");
  expect_done(outcome);
  const std::vector<std::string> all = lines(outcome.out);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(json::parse(all[0])["question"], "How many \"stars\"?");
  for (const std::string& line : all) {
    const json answers = json::parse(line)["answers"];
    ASSERT_EQ(answers.size(), 3u);
    for (const json& answer : answers) {
      EXPECT_FALSE(answer["answer"].get<std::string>().empty());
      EXPECT_GE(answer["probability"], 0);
      EXPECT_LE(answer["probability"], 1);
    }
    EXPECT_GE(answers[0]["probability"], answers[1]["probability"]);
  }
}

TEST_F(AnswerTest, OverlayIsAPicture) {
  const Outcome outcome = ask("How many stars are there?", "--question 'Is there a star?' --overlay o.png");
  expect_done(outcome);
  const cv::Mat overlay = cv::imread((*this / "o.png").string());
  ASSERT_FALSE(overlay.empty());
  EXPECT_GT(overlay.cols, 64);
  EXPECT_GT(overlay.rows, 64);
  cv::Mat grey;
  cv::cvtColor(overlay, grey, cv::COLOR_BGR2GRAY);
  double least = 0, most = 0;
  cv::minMaxLoc(grey, &least, &most);
  EXPECT_GT(most - least, 50) << "an even picture shows nothing";
}

// The picture itself was written over.
TEST_F(AnswerTest, OverlayThatIsReadIsRefused) {
  const auto before = listing(folder());
  for (const std::string file : {"picture.png", "./m/../picture.png", "m/config.json"})
    expect_error(ask("Is there a star?", "--overlay " + file), 2, {"overlay: " + file + " is read", "another"});
  expect_same(listing(folder()), before);
}

TEST_F(AnswerTest, OverlayThatCannotBeWritten) {
  const auto before = listing(folder());
  for (const std::string file : {"picture.png/o.png", "/dev/full"}) {
    const Outcome outcome = ask("Is there a star?", "--overlay " + file);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, ::testing::StartsWith("vqa: " + file + ": "));
    EXPECT_EQ(lines(outcome.err).size(), 1u);
  }
  expect_same(listing(folder()), before);
}

TEST_F(AnswerTest, FormatsOfPictures) {
  const cv::Mat picture = cv::imread((*this / "picture.png").string());
  for (const std::string name : {"p.jpg", "p.webp"}) {
    ASSERT_TRUE(cv::imwrite((*this / name).string(), picture));
    expect_answered(look(name));
  }
}

TEST_F(AnswerTest, OnePixel) {
  draw("p.png", 1, 1);
  expect_answered(look("p.png", "--overlay o.png"));
  EXPECT_FALSE(cv::imread((*this / "o.png").string()).empty());
}

TEST_F(AnswerTest, TwentyThousandPixelsWide) {
  draw("p.png", 20'000, 40);
  expect_answered(look("p.png", "--overlay o.png"));
  EXPECT_FALSE(cv::imread((*this / "o.png").string()).empty());
}

TEST_F(AnswerTest, TwentyThousandPixelsWideAndHigh) {
  // 1.2 GB of pixels in a small file: refused before they are unpacked.
  cv::Mat even(20'000, 20'000, CV_8UC1, cv::Scalar(7));
  ASSERT_TRUE(cv::imwrite((*this / "p.png").string(), even, {cv::IMWRITE_PNG_COMPRESSION, 1}));
  even.release();
  expect_error(look("p.png"), 1, {"p.png: ", "20000"});
}

TEST_F(AnswerTest, TruncatedPictures) {
  const cv::Mat picture = cv::imread((*this / "picture.png").string());
  for (const std::string name : {"p.jpg", "p.png"}) {
    ASSERT_TRUE(cv::imwrite((*this / name).string(), picture));
    cut_in_half(*this / name);
    expect_error(look(name), 1, {name + ": "});
  }
  write_text(*this / "p.jpg", "");
  expect_error(look("p.jpg"), 1, {"p.jpg: ", "empty"});
}

TEST_F(AnswerTest, TextNamedLikeAPicture) {
  write_text(*this / "p.jpg", "This is not a picture, whatever its name says.\n");
  expect_error(look("p.jpg", "--overlay o.png"), 1, {"p.jpg: "});
  EXPECT_FALSE(fs::exists(*this / "o.png"));
}

// It used to be read for ever.
TEST_F(AnswerTest, DeviceInPlaceOfAPicture) {
  expect_error(vqa("answer --model m --image /dev/zero --question 'How many?'"), 1, {"/dev/zero", "no regular file"});
}

TEST_F(AnswerTest, NoPicture) {
  expect_error(look("nowhere.jpg"), 1, {"nowhere.jpg: ", "No such file"});
  expect_error(look("m"), 1, {"m: ", "folder"});
}

TEST_F(AnswerTest, QuestionsThatCannotBeAsked) {
  expect_error(ask(""), 1, {"question is empty"});
  expect_error(ask(std::string(10'000, 'a')), 1, {"10000 characters"});
  expect_error(ask("Is there a \xff\xfe?", "--json"), 1, {"UTF-8", "0xFF"});
}

TEST_F(AnswerTest, QuestionsOfUnknownOrNoWords) {
  const Outcome outcome = ask("???", "--question 星はいくつ? --top 2");
  expect_done(outcome);
  EXPECT_EQ(lines(outcome.out).size(), 6u);
  EXPECT_THAT(outcome.out, HasSubstr("星はいくつ?\n"));
}

TEST_F(AnswerTest, NoModel) {
  expect_error(vqa("answer --model nowhere --image picture.png --question 'How many?'"), 1, {"nowhere: "});
  expect_error(vqa("answer --model shapes --image picture.png --question 'How many?'"), 1, {"shapes: ", "config.json"});
}

}  // namespace
}  // namespace cli
