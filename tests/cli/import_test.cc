// vqa import and vqa export: other programs' checkpoints and formats.
#include "data/grid_store_writer.h"
#include "data/safetensors.h"
#include "tests/cli/cli_test.h"
#include "tests/data/small_set.h"
#include "tests/golden/golden_vqa.h"
#include "tests/vqa/openvqa_files.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using openvqa_files::Format;
using ::testing::HasSubstr;

constexpr int64_t kSpecial = 3;      // rows of the embedding that are no words': PAD, UNK and CLS
constexpr int64_t kFirstImage = 42;  // number of the first sample's

/// Each golden sample is an image with a question about it.
class ImportTest : public CliTest {
 protected:
  /// All that openvqa leaves of a training, as files in the working folder: `c.pkl`, questions, answers.
  void give_checkpoint(const std::string& size, Format format = Format::kZip) {
    const vqa::ModelOptions options = golden::mcan_options(size);
    heads_ = " --heads " + std::to_string(options.config.heads);
    answers_ = options.answers;
    {
      data::TensorFile weights = golden::mcan_weights(size, 0);
      openvqa_files::write_checkpoint(*this / "c.pkl", weights, format);
    }
    const int64_t words = options.words - kSpecial;
    openvqa_files::write_words(*this / "train.json", 0, words / 2);
    openvqa_files::write_words(*this / "val.json", words / 2, words);
    openvqa_files::write_answers(*this / "answer_dict.json", options.answers);
    file_ = data::read_safetensors(fs::path(VQA_SOURCE_DIR "/tests/golden") / ("mcan_" + size + ".safetensors"));
    size_ = size;
  }
  Outcome import(const std::string& flags = "") const {
    return vqa("import --from openvqa c.pkl --questions train.json val.json --answers answer_dict.json --out b" +
               heads_ + flags);
  }

  int64_t samples() const { return file_.at("tokens").size(0); }
  /// The question whose words have the ids of a sample.
  std::string question(int64_t sample) const {
    std::string text;
    for (int64_t i = 0; i < file_.at("tokens").size(1); ++i) {
      const auto id = file_.at("tokens")[sample][i].item<int64_t>();
      if (id != 0) text.append(text.empty() ? "" : " ").append(openvqa_files::word(id - kSpecial));
    }
    return text;
  }
  std::string best_answer(int64_t sample) const {
    return openvqa_files::answer(file_.at("logits")[sample].argmax().item<int64_t>());
  }

  /// The samples' grid features as `G.h5`, and the questions about them as the split val of `d`.
  void give_data() const {
    data::GridStorePlan plan;
    plan.provenance = {.backbone = "resnet152",
                       .weights_sha256 = std::string(64, 'a'),
                       .image_rule = "grid-feats",
                       .image_size = "600/1000",
                       .precision = "float32",
                       .program = "test"};
    plan.type = data::GridType::kFloat;
    plan.channels = 2048;
    plan.splits = {{"val2014", {}}};
    std::vector<SmallQuestion> questions;
    for (int64_t i = 0; i < samples(); ++i) {
      plan.splits[0].images.push_back({kFirstImage + i, 1, static_cast<int32_t>(cells(i))});
      questions.push_back({.id = i, .image = kFirstImage + i, .answer = best_answer(i), .text = question(i)});
    }
    fs::create_directory(*this / "d");
    write_questions(*this / "d", "val2014", questions);
    write_annotations(*this / "d", "val2014", questions);
    data::GridStoreWriter writer(*this / "G.h5", plan);
    for (int64_t i = 0; i < samples(); ++i)
      writer.write(0, static_cast<size_t>(i), golden::mcan_cells(size_, i, cells(i), 0).const_data_ptr());
    writer.finish();
  }
  int64_t cells(int64_t sample) const { return file_.at("grid_lengths")[sample].item<int64_t>(); }

  /// The logit of every answer to a sample's question, by id, from the probabilities that the program prints.
  torch::Tensor logits(int64_t sample) const {
    const Outcome outcome =
        vqa("answer --model b --features G.h5 --image val2014/COCO_" + std::to_string(kFirstImage + sample) +
            ".jpg --top " + std::to_string(answers_) + " --json --question '" + question(sample) + "'");
    expect_done(outcome);
    const json answer = json::parse(outcome.out);
    std::map<std::string, double> probabilities;
    for (const json& ranked : answer["answers"])
      probabilities[ranked["answer"].get<std::string>()] = ranked["probability"].get<double>();
    torch::Tensor all = torch::empty({answers_}, torch::kFloat64);
    for (int64_t id = 0; id < answers_; ++id) {
      const double p = probabilities.at(openvqa_files::answer(id));
      all[id] = std::log(p / (1 - p));
    }
    return all;
  }
  void expect_golden_logits() const {
    for (int64_t i = 0; i < samples(); ++i)
      EXPECT_LE(golden::relative_error(logits(i), file_.at("logits")[i]), 1e-4) << "sample " << i;
  }

  std::string heads_, size_;
  int64_t answers_ = 0;
  data::TensorFile file_;  // the golden one
};

TEST_F(ImportTest, McanSmallGivesTheLogitsOfOpenvqa) {
  give_checkpoint("small");
  const Outcome imported = import();
  expect_done(imported);
  EXPECT_THAT(imported.out, HasSubstr("b: MCAN of 6 + 6 layers, width 512, 8 heads, "));
  EXPECT_THAT(imported.out, HasSubstr("; 3,129 answers, 999 tokens, features of 2,048 channels\n"));
  fs::remove(*this / "c.pkl");
  give_data();
  expect_golden_logits();
}

TEST_F(ImportTest, AnswersEvaluatesAndDescribes) {
  give_checkpoint("tiny", Format::kOld);
  give_data();
  expect_done(import());
  expect_golden_logits();
  const Outcome eval = vqa("eval --model b --data d --features G.h5 --results r.json");
  expect_done(eval);
  EXPECT_THAT(eval.out, HasSubstr("  overall               100.00\n"));
  const json results = read_json(*this / "r.json");
  for (const json& result : results) EXPECT_EQ(result["answer"], best_answer(result["question_id"].get<int64_t>()));
  const Outcome info = vqa("info b");
  expect_done(info);
  EXPECT_THAT(info.out, HasSubstr("grid features       2,048 channels, made elsewhere\n"));
  expect_error(vqa("answer --model b --image x.png --question 'Is it?'"), 1, {"x.png"});
  expect_error(vqa("eval --model b --data d"), 1, {"nobody knows by which backbone", "--features"});
}

TEST_F(ImportTest, TrainingGoesOnWithIt) {
  give_checkpoint("tiny");
  give_data();
  expect_done(import());
  const auto before = listing(*this / "b");
  const std::string train =
      "train --model b --data d --features G.h5 --split val --val-split val --epochs 1 --dropout 0.1 --threads 1"
      " --workers 1 --out t";
  const Outcome training = vqa(train + " --learning-rate 1e-9");
  expect_done(training);
  EXPECT_THAT(training.err, HasSubstr("13 answers, 39 tokens"));
  EXPECT_THAT(training.err, HasSubstr("accuracy 100.00 %")) << "as good as the weights it began with";
  expect_same(listing(*this / "b"), before);
  EXPECT_EQ(read_text(*this / "t/words.txt"), read_text(*this / "b/words.txt"));
  EXPECT_THAT(vqa("info t").out, HasSubstr("grid features made by\n  backbone          resnet152\n"));
  expect_done(vqa("eval --model t --data d --features G.h5"));
}

TEST_F(ImportTest, AModelOfFeaturesIsTrainedOnFeatures) {
  give_checkpoint("tiny");
  give_data();
  expect_done(import(" --features G.h5"));
  expect_error(vqa("train --model b --data d --split val --val-split '' --out t"), 2,
               {"features: b takes grid features", "--features"});
  EXPECT_THAT(vqa("info b").out, HasSubstr("grid features made by\n  backbone          resnet152\n"));
}

TEST_F(ImportTest, LeavesNothingHalfWrittenAndReplacesNothing) {
  give_checkpoint("tiny");
  const auto before = listing(folder());
  const auto expect_refused = [&](const std::string& line, int code, const std::vector<std::string>& parts) {
    expect_error(vqa(line), code, parts);
    expect_same(listing(folder()), before);
  };
  const std::string rest = heads_ + " --out b", all = " --questions train.json val.json --answers answer_dict.json";
  expect_refused("import --from openvqa c.pkl --questions train.json --answers answer_dict.json" + rest, 1,
                 {"c.pkl: has embeddings for 40 words, the questions give 21 with PAD, UNK and CLS"});
  expect_refused("import --from openvqa train.json" + all + rest, 1, {"train.json: is no file of weights"});
  expect_refused("import --from openvqa " VQA_SOURCE_DIR "/tests/data/files/zip.pth" + all + rest, 1,
                 {"zip.pth: is no MCAN checkpoint of openvqa, mcan-vqa: it lacks "});
  expect_refused("import --from openvqa c.pkl" + all + " --heads 7 --out b", 2, {"heads: 7; allowed is a divisor"});
  expect_refused("import --from pythia c.pkl" + all + rest, 2, {"from: 'pythia'; allowed are openvqa"});
  expect_refused("import --from openvqa" + all + rest, 2, {"--checkpoint", "usage: vqa import"});
  expect_refused("import --from openvqa c.pkl --weights c.pkl" + all + rest, 2, {"weights: ", "--features"});
  expect_refused("import --from openvqa c.pkl --features c.pkl" + all + rest, 1, {"c.pkl"});
  expect_refused("import --from openvqa c.pkl" + all + heads_ + " --out train.json", 1, {"train.json: exists"});
  expect_refused("import --from openvqa c.pkl" + all + heads_ + " --out /proc/b", 1, {"/proc/b"});
  cut_in_half(*this / "c.pkl");
  expect_error(import(), 1, {"c.pkl: "});
  EXPECT_FALSE(fs::exists(*this / "b"));
  fs::create_directory(*this / "b");
  write_text(*this / "b/thesis.txt", "all of it");
  expect_error(import(), 1, {"b: exists"});
  EXPECT_EQ(read_text(*this / "b/thesis.txt"), "all of it");
}

// The README's commands, with files of the names that it shows.
TEST_F(ImportTest, TheReadmesCommandsWork) {
  give_checkpoint("tiny");
  give_data();
  fs::rename(*this / "c.pkl", *this / "epoch13.pkl");
  fs::rename(*this / "G.h5", *this / "grids.h5");
  fs::rename(*this / "d", *this / "coco");
  fs::rename(*this / "train.json", *this / "v2_OpenEnded_mscoco_train2014_questions.json");
  fs::rename(*this / "val.json", *this / "v2_OpenEnded_mscoco_val2014_questions.json");
  for (const char* more : {"v2_OpenEnded_mscoco_test2015_questions.json", "VG_questions.json"})
    openvqa_files::write_words(*this / more, 0, 9);  // none that is new
  const std::string readme = read_text(VQA_SOURCE_DIR "/README.md"), prompt = "$ vqa ";
  const size_t begin = readme.find(prompt + "import ");
  ASSERT_NE(begin, readme.npos);
  std::string block = readme.substr(begin, readme.find("```", begin) - begin);
  for (size_t at = 0; (at = block.find("\\\n")) != block.npos;) block.replace(at, 2, "");  // continued lines
  const std::map<std::string, std::string> shorter{{"import", heads_},
                                                   {"train", " --split val --val-split '' --epochs 1 --threads 1"}};
  ASSERT_EQ(lines(block).size(), 4u);
  for (const std::string& line : lines(block)) {
    const std::string command = line.substr(prompt.size());
    const auto flags = shorter.find(words(command).front());
    const std::string call = std::string("'").append(vqa_program().string()).append("' ").append(command);
    const Outcome outcome =
        run({"sh", "-c", flags == shorter.end() ? call : call + flags->second}, {.folder = folder()});
    EXPECT_EQ(outcome.code, 0) << command << "\n" << outcome.err;
  }
}

TEST_F(ImportTest, ExportsWhatItReads) {
  give_checkpoint("tiny");
  expect_done(import());
  const Outcome exported = vqa("export --model b --out e.safetensors --names openvqa");
  expect_done(exported);
  EXPECT_THAT(exported.out, HasSubstr("\nbackbone.dec_list.1.norm3.a_2  float  [64]\n"));
  EXPECT_THAT(exported.out, HasSubstr("\nembedding.weight  float  [40, 300]\n"));
  EXPECT_EQ(exported.out, vqa("info e.safetensors").out);
  const std::string again =
      "import --from openvqa e.safetensors --questions train.json val.json --out again"
      " --answers answer_dict.json";
  expect_done(vqa(again + heads_));
  for (const std::string& file : kBundleFiles)
    EXPECT_EQ(read_text(*this / ("again/" + file)), read_text(*this / ("b/" + file))) << file;
}

// A model's own weights were replaced by some that it cannot load.
TEST_F(ImportTest, ExportReplacesNothing) {
  give_checkpoint("tiny");
  expect_done(import());
  const std::string weights = read_text(*this / "b/model.safetensors");
  expect_error(vqa("export --model b --out b/model.safetensors --names openvqa"), 1,
               {"b/model.safetensors: exists already; name another file with --out"});
  EXPECT_EQ(read_text(*this / "b/model.safetensors"), weights);
}

TEST_F(ImportTest, ExportRefusesNamesThatAModelCannotHave) {
  give_all();
  const auto before = listing(folder());
  expect_error(vqa("export --model m --out e.safetensors --names openvqa"), 2, {"attention: dba; allowed is vanilla"});
  expect_error(vqa("export --model m --out e.safetensors --names lxmert"), 2,
               {"names: 'lxmert'; allowed are own, openvqa, mcan-vqa"});
  expect_error(vqa("export --model nowhere --out e.safetensors"), 1, {"nowhere: "});
  expect_same(listing(folder()), before);
}

/// What Python's safetensors finds in a file: a line per tensor with name, type, shape and the sum of its numbers.
Outcome read_by_python(const fs::path& file) {
  return run({"python3", "-c",
              "import sys, numpy, safetensors.numpy\n"
              "for name, x in sorted(safetensors.numpy.load_file(sys.argv[1]).items()):\n"
              "    print(name, x.dtype, list(x.shape), repr(float(x.astype('float64').sum())))\n",
              file.string()});
}

TEST_F(ImportTest, PythonsSafetensorsReadsModelsAndExports) {
  if (run({"python3", "-c", "import numpy, safetensors.numpy"}).code != 0)
    GTEST_SKIP() << "needs Python's numpy and safetensors";
  give_model();
  expect_done(vqa("export --model m --out e.safetensors"));
  for (const fs::path& file : {*this / "m/model.safetensors", *this / "e.safetensors"}) {
    const Outcome outcome = read_by_python(file);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const std::vector<std::string> found = lines(outcome.out);
    const data::TensorFile expected = data::read_safetensors(file);
    ASSERT_EQ(found.size(), expected.tensors.size());
    size_t at = 0;
    for (const auto& [name, tensor] : expected.tensors) {
      const std::vector<std::string> parts = words(found[at++]);
      EXPECT_EQ(parts.front(), name);
      EXPECT_EQ(parts.at(1), tensor.is_floating_point() ? "float32" : "int64");
      EXPECT_NEAR(std::stod(parts.back()), tensor.to(torch::kFloat64).sum().item<double>(), 1e-6) << name;
    }
  }
}

}  // namespace
}  // namespace cli
