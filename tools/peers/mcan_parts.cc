#include "tools/peers/mcan_parts.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <vector>

#include "fusion/layers.h"
#include "tools/bench/stopwatch.h"
#include "vqa/adam.h"
#include "vqa/loss.h"

namespace peers {
namespace {

constexpr int kRounds = 3;

struct Part {
  std::string name;
  int64_t count = 1;  // in the network
  std::function<torch::Tensor()> run;
  bool optimizer = false;  // runs in training alone, without a backward pass
};

/// The best of several, in milliseconds.
double milliseconds(const std::function<void()>& work) {
  work();
  double best = 1e30;
  for (int i = 0; i < kRounds; ++i) {
    best = std::min(best, 1e3 * bench::seconds_taken(work));
  }
  return best;
}

double forward_time(const Part& part) {
  return milliseconds([&] {
    const torch::NoGradGuard no_grad;
    part.run();
  });
}

double training_time(const Part& part) {
  return milliseconds([&] {
    const torch::Tensor out = part.run();
    if (!part.optimizer) out.backward(torch::ones_like(out));
  });
}

/// The two sides of the network: shapes and options.
struct Side {
  fusion::Sequence x;
  torch::Tensor state;
};

Side make_side(int64_t batch, int64_t length, const torch::Tensor& lengths, const fusion::AttentionOptions& options) {
  const auto leaf = [](const torch::Tensor& x) { return x.set_requires_grad(true); };
  Side side{fusion::Sequence::padded(leaf(torch::randn({batch, length, options.dim})), lengths), {}};
  if (fusion::attention_kind(options.kind).has_state)
    side.state = leaf(torch::randn({batch, options.d_p, options.dim}));
  return side;
}

class Parts {
 public:
  Parts(const vqa::Model& model, const vqa::Batch& batch)
      : model_(model),
        batch_(batch),
        options_(vqa::mcan_options(model->options().config)),
        words_(make_side(batch.tokens.size(0), batch.tokens.size(1), batch.token_lengths, options_.question_block())),
        cells_(make_side(batch.grid.size(0), batch.grid.size(1), {}, options_.image_block())),
        adam_(*model, {}) {}

  std::vector<Part> all() {
    const int64_t encoders = options_.encoder_layers, decoders = options_.decoder_layers;
    std::vector<Part> parts = ends();
    parts.push_back(self("question: self-attention", encoders, options_.question_block(), words_));
    parts.push_back(feed_forward("question: feed-forward", encoders, words_));
    parts.push_back(residual("question: dropout, sum, norm", 2 * encoders, words_));
    parts.push_back(self("image: self-attention", decoders, options_.image_block(), cells_));
    parts.push_back(cross("image: attention to the question", decoders));
    parts.push_back(feed_forward("image: feed-forward", decoders, cells_));
    parts.push_back(residual("image: dropout, sum, norm", 3 * decoders, cells_));
    parts.push_back({"optimizer", 1,
                     [this] {
                       adam_.clip_gradients(0);
                       adam_.step(0);
                       return torch::Tensor();
                     },
                     true});
    return parts;
  }

  /// The whole network, as one part.
  Part whole() {
    return {"all, measured as a whole", 1, [this] { return loss(model_->forward(batch_).logits); }};
  }

 private:
  torch::Tensor loss(const torch::Tensor& logits) { return vqa::find_loss("binary").of(logits, batch_.targets); }

  /// What comes before the layers and after them.
  std::vector<Part> ends() {
    const vqa::ModelConfig& c = model_->options().config;
    const fusion::AttentionPoolOptions options{
        .dim = c.dim, .hidden_dim = c.pool_dim, .out_dim = c.fused_dim, .dropout = c.dropout};
    fusion::AttentionPool pool(options);
    torch::nn::Linear classifier(c.fused_dim, model_->options().answers);
    fusion::LayerNorm norm(fusion::LayerNormOptions{.dim = c.fused_dim, .form = c.layer_norm});
    const torch::Tensor fused = torch::randn({batch_.tokens.size(0), c.fused_dim}).set_requires_grad(true);
    return {{"question: embedding and LSTM", 1, [this] { return model_->encode_question(batch_).features; }},
            {"image: projection of the grid", 1, [this] { return model_->encode_image(batch_).cells.features; }},
            {"question: pooling", 1, [=, this]() mutable { return pool->forward(words_.x).features; }},
            {"image: pooling", 1, [=, this]() mutable { return pool->forward(cells_.x).features; }},
            {"norm, classifier, loss", 1, [=, this]() mutable { return loss(classifier(norm(fused))); }}};
  }

  Part self(const std::string& name, int64_t count, const fusion::AttentionOptions& options, const Side& side) {
    const std::shared_ptr<fusion::AttentionImpl> layer = trained(fusion::make_attention(options));
    return {name, count, [layer, side] { return layer->self(side.x, side.state).features; }};
  }

  Part cross(const std::string& name, int64_t count) {
    const std::shared_ptr<fusion::AttentionImpl> layer = trained(fusion::make_attention(options_.cross_block()));
    return {name, count, [layer, this] { return layer->cross(cells_.x, words_.x, words_.state).features; }};
  }

  Part feed_forward(const std::string& name, int64_t count, const Side& side) {
    fusion::FeedForward layer(options_.layer);
    layer->train(model_->is_training());
    return {name, count, [layer, side]() mutable { return layer->forward(side.x.features); }};
  }

  Part residual(const std::string& name, int64_t count, const Side& side) {
    const fusion::LayerNormOptions options{.dim = options_.layer.attention.dim, .form = options_.layer.layer_norm};
    fusion::LayerNorm norm(options);
    const torch::Tensor branch = torch::randn_like(side.x.features).set_requires_grad(true);
    const double dropout = options_.layer.dropout;
    return {name, count, [=]() mutable {
              norm->train(torch::GradMode::is_enabled());
              return norm->after(side.x.features, branch, dropout);
            }};
  }

  std::shared_ptr<fusion::AttentionImpl> trained(std::shared_ptr<fusion::AttentionImpl> layer) const {
    layer->train(model_->is_training());
    return layer;
  }

  vqa::Model model_;
  const vqa::Batch& batch_;
  fusion::McanOptions options_;
  Side words_, cells_;
  vqa::Adam adam_;
};

std::string row(const std::string& name, int64_t count, double forward, double training, double all) {
  char text[160];
  std::snprintf(text, sizeof(text), "  %-34s%4lldx%10.1f%10.1f%8.1f %%\n", name.c_str(), static_cast<long long>(count),
                forward, training, 100 * training / all);
  return text;
}

std::string header(const std::string& attention) {
  char text[160];
  std::snprintf(text, sizeof(text), "  %-34s%5s%10s%10s%10s\n", (attention + ": milliseconds a batch").c_str(), "",
                "forward", "training", "share");
  return text;
}

}  // namespace

std::string parts_table(const vqa::Model& model, const vqa::Batch& batch) {
  Parts parts(model, batch);
  const Part whole = parts.whole();
  const double all_forward = forward_time(whole), all = training_time(whole);
  std::string text = header(model->options().config.attention);
  double sum_forward = 0, sum = 0;
  for (const Part& part : parts.all()) {
    const auto count = static_cast<double>(part.count);
    const double forward = part.optimizer ? 0 : forward_time(part) * count, training = training_time(part) * count;
    text += row(part.name, part.count, forward, training, all);
    sum_forward += forward;
    sum += training;
  }
  text += row("sum of the parts", 1, sum_forward, sum, all);
  return text + row(whole.name + " (no optimizer)", 1, all_forward, all, all);
}

}  // namespace peers
