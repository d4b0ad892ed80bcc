#include "vqa/run_folder.h"

#include <stdexcept>

#include "data/atomic_file.h"
#include "data/atomic_folder.h"
#include "data/grid_store.h"
#include "vqa/bundle.h"
#include "vqa/bundle_files.h"
#include "vqa/trainer.h"

namespace vqa {
namespace fs = std::filesystem;

namespace {

constexpr const char* kUnfinished = ".unfinished";  // in OUT.new while it is a run's

fs::path beside(const fs::path& out) { return out.string() + ".new"; }

/// The first entry that is neither a bundle's nor a run's own; empty where there is none.
fs::path first_foreign(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const fs::path name = entry.path().filename();
    const bool of_a_run = name == kUnfinished || name == Trainer::kMetricsFile || name == Trainer::last_folder({}) ||
                          name == Trainer::kQuestionsFile || name == data::unfinished_path(Trainer::kQuestionsFile);
    if (!of_a_run && !Bundle::is_file(name.string()) && !data::is_temporary(name)) return entry.path();
  }
  return {};
}

void require_place(const fs::path& out) {
  if (!fs::exists(out)) return;
  if (!fs::is_directory(out)) throw std::runtime_error(out.string() + ": is a file; --out names a folder");
  const fs::path foreign = first_foreign(out);
  if (!foreign.empty()) {
    throw std::runtime_error(foreign.string() + ": is not a model's, and a new model takes the place of all of " +
                             out.string() + "; move it away or choose another --out");
  }
}

void require_place_beside(const fs::path& next) {
  if (!fs::exists(next)) return;
  if (!fs::exists(next / kUnfinished)) {
    throw std::runtime_error(next.string() + ": is in the way of the run, which writes there until it is finished; " +
                             "move it away or choose another --out");
  }
  if (Trainer::resumable(next)) {
    throw std::runtime_error(next.string() + ": holds an unfinished run; go on with it by --resume, or remove it");
  }
  fs::remove_all(next);
}

}  // namespace

RunFolder RunFolder::begin(const fs::path& given) {
  const fs::path out = data::resolved(given);
  require_place(given);
  data::FolderLock lock(out);
  require_place_beside(beside(out));
  if (!Bundle::present(out) && !Trainer::resumable(out)) return {out, out, std::move(lock)};
  fs::create_directory(beside(out));
  data::write_file(beside(out) / kUnfinished, "");
  return {out, beside(out), std::move(lock)};
}

RunFolder RunFolder::resume(const fs::path& given) {
  const fs::path out = data::resolved(given);
  {
    data::FolderLock lock(out);
    const bool is_beside = fs::exists(beside(out) / kUnfinished);
    if (is_beside || Trainer::resumable(out)) return {out, is_beside ? beside(out) : out, std::move(lock)};
  }
  if (Bundle::present(out)) {
    throw std::runtime_error(given.string() +
                             ": holds a model, but no state of its training to go on from; begin with " +
                             "it by --model, train anew without --resume, or choose another --out");
  }
  return begin(given);
}

RunFolder::~RunFolder() {
  std::error_code ignored;
  if (!Bundle::present(path_) && !Trainer::resumable(path_)) {
    for (const fs::path& file : {fs::path(kUnfinished), fs::path(bundle_files::kBackboneFile),
                                 fs::path(Trainer::kQuestionsFile), data::unfinished_path(Trainer::kQuestionsFile)})
      fs::remove(path_ / file, ignored);
  }
  fs::remove(path_, ignored);  // removes an empty folder alone
}

void RunFolder::finish() const {
  if (path_ != out_) data::replace_folder(path_, out_);
  fs::remove(out_ / kUnfinished);
}

}  // namespace vqa
