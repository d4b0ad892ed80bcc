#include "vqa/run_folder.h"

#include <stdexcept>

#include "data/atomic_folder.h"
#include "vqa/bundle.h"
#include "vqa/trainer.h"

namespace vqa {
namespace fs = std::filesystem;

namespace {

fs::path without_slash(const fs::path& path) { return path.has_filename() ? path : path.parent_path(); }

fs::path beside(const fs::path& out) { return out.string() + ".new"; }

}  // namespace

RunFolder RunFolder::begin(const fs::path& given) {
  const fs::path out = without_slash(given);
  if (fs::exists(out) && !fs::is_directory(out)) {
    throw std::runtime_error(out.string() + ": is a file; --out names a folder");
  }
  const bool model = Bundle::present(out) || Trainer::resumable(out);
  if (!model && fs::exists(out) && !fs::is_empty(out)) {
    throw std::runtime_error(out.string() + ": holds something that is not a model; choose another --out");
  }
  if (!model) return {out, out};
  fs::remove_all(beside(out));
  return {out, beside(out)};
}

RunFolder RunFolder::resume(const fs::path& given) {
  const fs::path out = without_slash(given);
  return {out, Trainer::resumable(beside(out)) ? beside(out) : out};
}

void RunFolder::finish() const {
  if (path_ != out_) data::replace_folder(path_, out_);
}

}  // namespace vqa
