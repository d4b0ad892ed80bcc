#include "tests/cli/cli_test.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace cli {
namespace fs = std::filesystem;

namespace {

Outcome must(const std::string& line, const fs::path& folder) {
  const Outcome outcome = cli::vqa(line, {.folder = folder});
  if (outcome.code != 0) throw std::runtime_error("vqa " + line + ": " + outcome.err);
  return outcome;
}

/// A folder with the small set and the model, made once for a build of the program and kept beside the tests: they
/// take seconds, and ctest runs each test in a process of its own.
fs::path samples() {
  struct stat program {};
  if (::stat(vqa_program().c_str(), &program) != 0) throw std::runtime_error(vqa_program().string() + ": not built");
  const std::string key = std::to_string(program.st_mtim.tv_sec) + "-" + std::to_string(program.st_mtim.tv_nsec) + "-" +
                          std::to_string(program.st_size);
  const fs::path all = VQA_BINARY_DIR "/tests/cli_samples";
  const fs::path wanted = all / key;
  if (fs::exists(wanted)) return wanted;
  const fs::path fresh = all / (key + "." + std::to_string(::getpid()));
  fs::create_directories(fresh);
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(all)) {
    if (!entry.path().filename().string().starts_with(key)) fs::remove_all(entry.path(), ignored);  // earlier builds'
  }
  must("data shapes --out shapes --images 40 --validation-images 10", fresh);
  must(kTraining + " --out m", fresh);
  fs::rename(fresh, wanted, ignored);  // unless another process was faster
  if (ignored) fs::remove_all(fresh);
  return wanted;
}

int64_t count_errors(const Outcome& outcome) {
  const std::vector<std::string> all = lines(outcome.err);
  return std::count_if(all.begin(), all.end(), [](const std::string& line) { return line.starts_with("vqa: "); });
}

}  // namespace

Listing listing(const fs::path& folder) {
  Listing files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    std::string what = "folder";
    if (entry.is_regular_file()) {
      const std::string content = read_text(entry.path());
      what = std::to_string(content.size()) + " bytes, hash " + std::to_string(std::hash<std::string>()(content));
    }
    files[entry.path().lexically_relative(folder).string()] = what;
  }
  return files;
}

void expect_same(const Listing& now, const Listing& before) {
  for (const auto& [path, what] : now) {
    const auto found = before.find(path);
    if (found == before.end()) {
      ADD_FAILURE() << path << " is new";
    } else {
      EXPECT_EQ(what, found->second) << path << " has changed";
    }
  }
  for (const auto& [path, what] : before) EXPECT_TRUE(now.contains(path)) << path << " is gone";
}

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(path.string() + ": cannot be read");
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

nlohmann::json read_json(const fs::path& path) { return nlohmann::json::parse(read_text(path)); }

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

void cut_in_half(const fs::path& path) {
  const std::string content = read_text(path);
  write_text(path, content.substr(0, content.size() / 2));
}

void expect_error(const Outcome& outcome, int code, const std::vector<std::string>& parts) {
  expect_error_after_progress(outcome, code, parts);
  EXPECT_EQ(lines(outcome.err).size(), 1u) << outcome.err;
}

void expect_error_after_progress(const Outcome& outcome, int code, const std::vector<std::string>& parts) {
  EXPECT_EQ(outcome.code, code) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_TRUE(outcome.err.ends_with("\n")) << outcome.err;
  EXPECT_EQ(count_errors(outcome), 1) << outcome.err;
  EXPECT_THAT(outcome.err, ::testing::Not(::testing::HasSubstr("json.exception"))) << "a library's own words";
  EXPECT_THAT(outcome.err, ::testing::Not(::testing::HasSubstr("Exception raised from"))) << "a back-trace";
  if (outcome.err.empty()) return;
  const std::string last = lines(outcome.err).back();
  EXPECT_TRUE(last.starts_with("vqa: ")) << outcome.err;
  for (const std::string& part : parts) EXPECT_THAT(last, ::testing::HasSubstr(part));
}

void expect_done(const Outcome& outcome) {
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(count_errors(outcome), 0) << outcome.err;
}

Outcome CliTest::vqa(const std::string& line, RunOptions options) const {
  if (options.folder.empty()) options.folder = folder();
  options.environment.emplace("OMP_NUM_THREADS", "1");
  return cli::vqa(line, options);
}

void CliTest::give_shapes() const { fs::copy(samples() / "shapes", folder_ / "shapes", fs::copy_options::recursive); }

void CliTest::give_model(const std::string& name) const {
  fs::copy(samples() / "m", folder_ / name, fs::copy_options::recursive);
}

void CliTest::give_all() const {
  give_shapes();
  give_model();
  fs::copy_file(folder_ / kValPicture, folder_ / "picture.png");
}

}  // namespace cli
