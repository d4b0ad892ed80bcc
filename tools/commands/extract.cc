// vqa extract: a store of grid features from folders of pictures.
#include <chrono>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "data/grid_store.h"
#include "data/grid_store_merge.h"
#include "data/grouped.h"
#include "data/settings.h"
#include "tools/commands/commands.h"
#include "tools/commands/interrupt.h"
#include "tools/commands/progress_bar.h"
#include "tools/commands/runtime.h"
#include "tools/commands/usage.h"
#include "vision/image.h"
#include "vision/image_rule.h"
#include "vqa/extractor.h"
#include "vqa/grid_maker.h"

namespace tools {
namespace fs = std::filesystem;
namespace po = boost::program_options;
using data::grouped;
using Clock = std::chrono::steady_clock;

namespace {

struct ExtractOptions {
  std::string backbone, weights, out, shard = "1/1", rule, size;
  std::string dtype = std::string(data::grid_type(data::GridStorePlan{}.type).name);
  std::string precision = vqa::GridMakerOptions{}.precision;
  std::vector<std::string> images, merge;
  int64_t batch = vqa::ExtractorOptions{}.batch;
  bool resume = false;
  RuntimeOptions runtime;
  std::string again;  // the command line that goes on with this run
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Progress on a terminal, a line a minute elsewhere.
class Reporter {
 public:
  void attach(vqa::ExtractorOptions& options) {
    options.on_batch = [this](const vqa::ExtractionProgress& progress) { step(progress); };
    options.on_bad = [this](const vqa::BadImage& bad) { skip(bad); };
  }
  void skip(const vqa::BadImage& bad) {
    bar_.clear();
    std::cerr << "skipped: " << bad.reason << std::endl;
  }
  void planning(int64_t done, int64_t total) { bar_.update(done, total, "reading the pictures' sizes"); }
  void start() {
    bar_.clear();
    start_ = line_ = Clock::now();
  }
  void finish() { bar_.clear(); }
  double seconds() const { return seconds_since(start_); }

 private:
  void step(const vqa::ExtractionProgress& progress) {
    constexpr double kPause = 60;  // seconds between two lines
    const double seconds = seconds_since(start_);
    std::ostringstream note;
    note << std::fixed << std::setprecision(1) << static_cast<double>(progress.computed) / seconds << " images/s  "
         << duration_text(seconds * (1 - progress.share) / progress.share) << " left";
    bar_.update(progress.done, progress.total, note.str());
    if (bar_.on_terminal() || seconds_since(line_) < kPause) return;
    line_ = Clock::now();
    std::cerr << grouped(progress.done) << " of " << grouped(progress.total) << " images  " << note.str() << std::endl;
  }

  ProgressBar bar_{"extracting"};
  Clock::time_point start_ = Clock::now(), line_ = start_;
};

/// "G.h5: 20 images, 980 cells of 512 channels, 1.0 MB".
std::string result_line(const fs::path& out) {
  const data::GridStore store(out);
  int64_t cells = 0;
  for (const data::GridSplit& split : store.splits()) {
    for (const data::GridImage& image : split.images) cells += image.cells();
  }
  std::ostringstream line;
  line << out.string() << ": " << grouped(store.size()) << " images, " << grouped(cells) << " cells of "
       << grouped(store.channels()) << " channels, " << std::fixed << std::setprecision(1)
       << static_cast<double>(fs::file_size(out)) / 1e6 << " MB";
  return line.str();
}

/// What could not be read, and an exit code that tells.
int report_bad(const std::string& out, const std::vector<vqa::BadImage>& bad, int64_t pictures) {
  std::cerr << "skipped pictures:\n";
  for (const vqa::BadImage& image : bad) std::cerr << "  " << image.reason << "\n";
  std::cerr << "vqa: " << out << ": is finished, but holds " << grouped(pictures - static_cast<int64_t>(bad.size()))
            << " of " << grouped(pictures)
            << " pictures; mend those listed above, extract them into a store of their own and join both with --merge"
            << std::endl;
  return 1;
}

int report_stop(const ExtractOptions& extract, int64_t written, const vqa::ExtractionPlan& plan) {
  std::cerr << "vqa: stopped at " << grouped(written) << " of " << grouped(static_cast<int64_t>(plan.images.size()))
            << " images; go on with: " << extract.again << std::endl;
  return 1;
}

/// Throws where a finished store is not of the kind that is asked for.
void require_same_kind(const ExtractOptions& extract, const data::GridStore& store, const data::GridStorePlan& plan) {
  const std::string mismatch =
      data::provenance_mismatch({extract.out, store.provenance()}, {"this run", plan.provenance});
  if (!mismatch.empty()) throw UsageError(mismatch + "; choose another --out, or extract anew without --resume");
  if (store.type() == plan.type) return;
  throw UsageError("dtype: " + extract.out + " was made with " + std::string(data::grid_type(store.type()).name) +
                   ", not " + extract.dtype + "; choose another --out, or extract anew without --resume");
}

/// Nothing is to be resumed where the store is finished: it has to be the one that is asked for. Gives the pictures
/// that it lacks because they cannot be read.
std::vector<vqa::BadImage> require_finished_store(const ExtractOptions& extract, const data::GridStorePlan& plan,
                                                  const std::vector<vqa::ExtractedImage>& images) {
  const data::GridStore store(extract.out);
  require_same_kind(extract, store, plan);
  std::vector<vqa::BadImage> bad;
  int64_t lacking = 0;
  for (const vqa::ExtractedImage& image : images) {
    const data::GridSplitPlan& split = plan.splits[image.split];
    const int64_t id = split.images[image.image].image_id;
    if (store.find(split.name, id) != nullptr) continue;
    try {
      if (store.absent(split.name, id)) vision::read_image(image.path);
      ++lacking;
    } catch (const std::runtime_error& error) {
      bad.push_back({image.path, error.what()});
    }
  }
  if (lacking == 0) return bad;
  throw std::runtime_error(extract.out + ": is finished and lacks " + grouped(lacking) +
                           " of these images; extract those into a store of their own and join both with --merge, or "
                           "extract anew without --resume");
}

int merge(const ExtractOptions& extract) {
  ProgressBar bar("merging");
  data::GridMergeOptions options{.resume = extract.resume};
  options.on_image = [&](int64_t done, int64_t total) { bar.update(done, total); };
  data::merge_grid_stores({extract.merge.begin(), extract.merge.end()}, extract.out, options);
  bar.clear();
  std::cout << result_line(extract.out) << "\n";
  return 0;
}

vqa::GridMakerOptions maker_options(const ExtractOptions& extract, torch::Device device) {
  vqa::GridMakerOptions options{
      .backbone = extract.backbone, .weights = extract.weights, .precision = extract.precision, .device = device};
  options.image = vqa::default_image(extract.backbone, extract.rule);
  if (!extract.size.empty()) options.image.size = extract.size;
  return options;
}

vqa::ExtractionPlan plan_images(const ExtractOptions& extract, const vqa::Shard& shard, const vqa::GridMaker& maker,
                                Reporter& reporter) {
  vqa::ExtractionPlanOptions planning{.shard = shard, .loader = loader_options(extract.runtime)};
  planning.size_of = [&](const fs::path& path) { return maker.size_of(path); };
  planning.on_image = [&](int64_t done, int64_t total) { reporter.planning(done, total); };
  vqa::ExtractionPlan plan = vqa::plan_extraction({extract.images.begin(), extract.images.end()}, planning);
  for (const vqa::BadImage& bad : plan.bad) reporter.skip(bad);
  return plan;
}

int run(const ExtractOptions& extract) {
  const data::GridType type = data::find_named("dtype", extract.dtype, data::kGridTypes).type;
  const vqa::Shard shard = vqa::Shard::parse(extract.shard);
  vqa::ExtractorOptions options{.batch = extract.batch, .loader = loader_options(extract.runtime)};
  vqa::validate(options);
  options.device = prepare(extract.runtime);
  data::check_store_place(extract.out, extract.resume);
  vqa::GridMaker maker(maker_options(extract, options.device));
  if (!maker.left_over().empty()) std::cerr << maker.left_over() << std::endl;
  options.stop = &catch_interrupts();

  Reporter reporter;
  reporter.attach(options);
  const vqa::ExtractionPlan plan = plan_images(extract, shard, maker, reporter);
  const data::GridStorePlan store{maker.provenance(), type, maker.channels(), plan.splits};
  std::vector<vqa::BadImage> bad = plan.bad;
  const auto add = [&bad](const std::vector<vqa::BadImage>& more) { bad.insert(bad.end(), more.begin(), more.end()); };
  const bool begun = fs::exists(data::unfinished_path(extract.out));
  if (extract.resume && !begun && fs::exists(extract.out)) {
    const std::vector<vqa::BadImage> absent = require_finished_store(extract, store, plan.images);
    for (const vqa::BadImage& image : absent) reporter.skip(image);
    add(absent);
    reporter.finish();
  } else {
    if (extract.resume && !begun)
      std::cerr << extract.out << ": nothing to resume; starting from the beginning" << std::endl;
    vqa::Extractor extractor([&](const torch::Tensor& images) { return maker.backbone()->forward(images); },
                             maker.transform(), options);
    data::GridStoreWriter writer(extract.out, store, {.resume = extract.resume});
    reporter.start();
    const vqa::ExtractionOutcome outcome = extractor.run(plan.images, writer);
    reporter.finish();
    if (!outcome.finished) return report_stop(extract, writer.written(), plan);
    add(outcome.bad);
  }
  if (!bad.empty()) return report_bad(extract.out, bad, plan.pictures());
  std::cout << result_line(extract.out) << ", in " << duration_text(reporter.seconds()) << "\n";
  return 0;
}

/// Merging takes stores as they were made: a flag that says how would be without effect.
void check_merge(const po::variables_map& values) {
  std::string others;
  for (const auto& [flag, value] : values) {
    if (value.defaulted() || flag == "merge" || flag == "out" || flag == "resume") continue;
    others += (others.empty() ? "--" : ", --") + flag;
  }
  if (others.empty()) return;
  throw UsageError("merge: joins stores that are there already, as they were made; leave out " + others);
}

void check_extraction(const ExtractOptions& extract, const po::variables_map& values) {
  for (const auto& [flag, missing] : {std::pair{"backbone", extract.backbone.empty()},
                                      {"weights", extract.weights.empty()},
                                      {"images", extract.images.empty()}}) {
    if (missing) throw UsageError("--" + std::string(flag) + " is required (or --merge); see 'vqa extract --help'");
  }
  if (values.count("size") > 0 && values.count("image-size") > 0)
    throw UsageError("size: is another name of --image-size; give one of them");
}

po::options_description extract_options(ExtractOptions& extract) {
  po::options_description options("Options");
  options.add_options()("backbone", po::value(&extract.backbone),
                        ("the network: " + data::listed(vision::ResNetImpl::names())).c_str())(
      "weights", po::value(&extract.weights), "its file: .safetensors, PyTorch's .pth or TorchScript")(
      "images", po::value(&extract.images)->multitoken(),
      "folders of pictures; each becomes a split of its name, such as train2014")(
      "out", po::value(&extract.out)->required(), "the store to make (HDF5)")(
      "merge", po::value(&extract.merge)->multitoken(), "stores to join into --out, instead of extracting")(
      "image-rule", po::value(&extract.rule),
      ("how pictures become numbers: " + data::listed(data::names_of(vision::image_rules())) +
       "; clip for CLIP's backbones, else torchvision, unless given")
          .c_str())(
      "image-size", po::value(&extract.size),
      "448: a square; 600/1000: the shorter side, and the most the longer may get; /1000: the longer side. "
      "600/1000 with grid-feats, else 448, unless given")("size", po::value(&extract.size), "the same as --image-size")(
      "precision", po::value(&extract.precision)->default_value(extract.precision),
      ("in which the network is computed: " + data::listed(vqa::grid_precisions())).c_str())(
      "batch", po::value(&extract.batch)->default_value(extract.batch),
      "images computed together, of one size each; as many are decoded ahead, so memory grows with it")(
      "dtype", po::value(&extract.dtype)->default_value(extract.dtype),
      ("of the features: " + data::listed(data::names_of(data::kGridTypes))).c_str())(
      "shard", po::value(&extract.shard)->default_value(extract.shard),
      "I/N: only the I-th of N parts of the pictures")("resume", po::bool_switch(&extract.resume),
                                                       "go on with a run that was stopped or killed");
  add_runtime_options(options, extract.runtime);
  return options;
}

}  // namespace

int extract(const std::vector<std::string>& arguments) {
  ExtractOptions extract;
  const Usage usage{
      "vqa extract --backbone B --weights FILE --images DIR ... --out GRID.h5 [OPTIONS]",
      "Computes grid features of pictures with a frozen network, for vqa train --features. The same with --merge A.h5\n"
      "B.h5 ... joins the stores of shards. A picture is known by the number its name ends in. Ctrl-C stops in order;\n"
      "however a run ends, --resume goes on with it, to the same store."};
  const auto values = parse(usage, extract_options(extract), arguments);
  if (!values) return 0;
  if (extract.out.empty()) throw UsageError("out: is empty; name the store to make");
  if (!extract.merge.empty()) {
    check_merge(*values);
    return merge(extract);
  }
  check_extraction(extract, *values);
  extract.again = "vqa extract";
  for (const std::string& argument : arguments) extract.again += " " + quoted(argument);
  if (!extract.resume) extract.again += " --resume";
  return run(extract);
}

}  // namespace tools
