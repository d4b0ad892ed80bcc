// What tests of the command line have in common: a working folder, a small data set and a small model.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/cli/command.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

namespace cli {

/// Flags of a model that trains in a second.
inline const std::string kSmall =
    " --dim 16 --heads 2 --feed-forward 32 --pool-dim 16 --fused-dim 32 --word-dim 16 --d-p 4 --d-in 8"
    " --encoder-layers 1 --decoder-layers 1 --batch-size 64";
inline const std::string kTiny = kSmall + " --threads 1 --workers 1";

/// The training of the small model; --out is to be added.
inline const std::string kTraining = "train --data shapes --epochs 3 --log-every 2 --save-every 1" + kTiny;

/// Files below a folder, each by its path with its size and a hash of its content; folders with "folder".
using Listing = std::map<std::string, std::string>;
Listing listing(const std::filesystem::path& folder);

/// Checks that two listings are the same, and tells what differs.
void expect_same(const Listing& now, const Listing& before);

std::string read_text(const std::filesystem::path& path);
nlohmann::json read_json(const std::filesystem::path& path);
std::vector<std::string> lines(const std::string& text);
void cut_in_half(const std::filesystem::path& path);

/// Checks that a command failed with `code` and one line on stderr that begins with "vqa: " and holds all of `parts`,
/// and that it printed nothing.
void expect_error(const Outcome& outcome, int code, const std::vector<std::string>& parts);

/// The same for a command that tells about its progress before it fails.
void expect_error_after_progress(const Outcome& outcome, int code, const std::vector<std::string>& parts);

/// Checks that a command did its work: exit code 0 and nothing on stderr that begins with "vqa: ".
void expect_done(const Outcome& outcome);

/// Each test has a fresh working folder.
class CliTest : public ::testing::Test {
 protected:
  CliTest() = default;

  const std::filesystem::path& folder() const { return folder_.path(); }
  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

  /// Runs `vqa` in the working folder, on one core: the machine may have no other free one.
  Outcome vqa(const std::string& line, RunOptions options = {}) const;

  /// Puts the small set at `shapes`: 40 training and 10 validation images with 8 questions each.
  void give_shapes() const;

  /// Puts a model at `m`: what kTraining makes of the small set, with all that a finished run leaves.
  void give_model(const std::string& name = "m") const;

  /// Both, and a validation picture at `picture.png`.
  void give_all() const;

 private:
  TemporaryFolder folder_;
};

/// For RunOptions::when: whether `text` stands on stderr.
inline std::function<bool(const std::string& err)> has_said(const std::string& text) {
  return [text](const std::string& err) { return err.find(text) != std::string::npos; };
}

// What a bundle consists of.
inline const std::vector<std::string> kBundleFiles{"answers.txt", "config.json", "model.safetensors", "words.txt"};

// Names of the small set's files.
inline const std::string kTrainQuestions = "shapes/v2_OpenEnded_mscoco_train2014_questions.json";
inline const std::string kTrainAnnotations = "shapes/v2_mscoco_train2014_annotations.json";
inline const std::string kValQuestions = "shapes/v2_OpenEnded_mscoco_val2014_questions.json";
inline const std::string kValAnnotations = "shapes/v2_mscoco_val2014_annotations.json";
inline const std::string kTrainPicture = "shapes/train2014/COCO_train2014_000000000001.png";
inline const std::string kValPicture = "shapes/val2014/COCO_val2014_000000000041.png";

}  // namespace cli
