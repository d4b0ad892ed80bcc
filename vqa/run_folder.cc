#include "vqa/run_folder.h"

#include <stdexcept>

#include "data/atomic_folder.h"
#include "vqa/bundle.h"
#include "vqa/trainer.h"

namespace vqa {
namespace fs = std::filesystem;

namespace {

fs::path without_slash(const fs::path& path) { return path.has_filename() ? path : path.parent_path(); }

/// Whether a folder holds nothing but what a run writes before its first save.
bool only_begun(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name != "metrics.jsonl" && name.find(".tmp") == std::string::npos) return false;
  }
  return true;
}

fs::path beside(const fs::path& out) { return out.string() + ".new"; }

}  // namespace

RunFolder RunFolder::begin(const fs::path& given) {
  const fs::path out = without_slash(given);
  if (fs::exists(out) && !fs::is_directory(out)) {
    throw std::runtime_error(out.string() + ": is a file; --out names a folder");
  }
  const bool model = Bundle::present(out) || Trainer::resumable(out);
  if (!model && fs::exists(out) && !only_begun(out)) {
    throw std::runtime_error(out.string() + ": holds something that is not a model; choose another --out");
  }
  if (!model) return {out, out};
  fs::remove_all(beside(out));
  fs::create_directory(beside(out));
  return {out, beside(out)};
}

RunFolder RunFolder::resume(const fs::path& given) {
  const fs::path out = without_slash(given);
  return {out, fs::exists(beside(out)) ? beside(out) : out};
}

RunFolder::~RunFolder() {
  std::error_code ignored;
  fs::remove(path_, ignored);  // removes an empty folder alone
}

void RunFolder::finish() const {
  if (path_ != out_) data::replace_folder(path_, out_);
}

}  // namespace vqa
