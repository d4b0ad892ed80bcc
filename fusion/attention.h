// The attention kinds behind one interface. A new kind is one file and one line in the registry (attention.cc).
#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>
#include <vector>

#include "fusion/sequence.h"

namespace fusion {

struct AttentionOptions {
  std::string kind = "dba";  // a name from attention_kinds()
  int64_t dim = 512;         // model width D
  int64_t heads = 8;         // attention heads h; divide dim, and d_in where there is one
  int64_t d_p = 16;          // dba, dba-paper: length of the compressed sequence, at most dim
  int64_t d_in = 24;         // dba, dba-paper: width of queries and keys of compressed rows, over all heads
  int64_t linformer_k = 16;  // linformer: length to which keys are compressed
  int64_t max_length = 608;  // linformer: keys of the longest sequence
  std::string linformer_sharing = "key-value";  // linformer: of its maps, a name from linformer_sharings()
  std::string kernel = "glu";                   // ffkernel: form of its layers, a name from feature_kernel_forms()
  int64_t kernel_depth = 1;                     // ffkernel: how many
  double dropout = 0.1;                         // probability, on attention weights, and inside ffkernel's kernel

  /// Throws std::invalid_argument naming the field, its value and what is allowed.
  void validate() const;
};

/// What an attention layer gives.
struct AttentionOutput {
  torch::Tensor features;  // (B, T of the queries, D); rows at padded positions mean nothing
  torch::Tensor state;  // of DBA's kinds: the compressed sequence C, (B, d_p, D); undefined for kinds without a state
};

/// One attention layer. The state is what DBA hands from layer to layer (its Z in, its C out); kinds without one ignore
/// it and return it undefined.
class AttentionImpl : public torch::nn::Module {
 public:
  /// Attention of a sequence to itself. `state` is the previous layer's state on this sequence, or initial_state.
  virtual AttentionOutput self(const Sequence& x, const torch::Tensor& state) = 0;

  /// Attention of `queries` to `keys`. `state` is the state that self-attention left on the keys' side.
  virtual AttentionOutput cross(const Sequence& queries, const Sequence& keys, const torch::Tensor& state) = 0;

  /// The state that this layer's weights make of a sequence and a learnt initial state `z`: for cross-attention to keys
  /// whose own self-attention leaves none. Undefined for kinds without a state.
  virtual torch::Tensor compress(const Sequence& /*x*/, const torch::Tensor& /*z*/) { return {}; }

  /// A scalar to add to the loss, times a weight of the caller's choice, at each application; undefined where the kind
  /// asks for none.
  virtual torch::Tensor penalty() const { return {}; }
};

/// A kind's name, whether it carries a state through the layers and is built for sequences of max_length at most, how
/// it is made, and what it asks of the options that are its own (null where it has none).
struct AttentionKind {
  std::string name;
  bool has_state, has_length;
  std::shared_ptr<AttentionImpl> (*make)(const AttentionOptions&);
  void (*check)(const AttentionOptions&);
};

/// Every kind there is.
const std::vector<AttentionKind>& attention_kinds();

/// The kind called `name`. Throws std::invalid_argument that lists the names.
const AttentionKind& attention_kind(const std::string& name);

/// A layer of the kind that `options` names, validated.
std::shared_ptr<AttentionImpl> make_attention(const AttentionOptions& options);

/// Throws std::invalid_argument where a state is not (B, d_p, D).
void require_state(const AttentionOptions& options, const torch::Tensor& state);

/// The learnt state that a stack of layers starts with, Z of the DBA paper: (d_p, D), drawn from the standard normal
/// distribution. (The published code draws it D^1/2 times smaller; then all d_p rows start out compressing alike.)
torch::Tensor initial_state(const AttentionOptions& options);

}  // namespace fusion
