// MCAN as its authors' programs store it: openvqa (https://github.com/MILVLG/openvqa, openvqa/models/mcan) and mcan-vqa
// (https://github.com/MILVLG/mcan-vqa, core/model).
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "data/tensor_file.h"
#include "vqa/model.h"

namespace vqa {

inline constexpr const char* kOpenvqaEmbedding = "embedding.weight";  // the words', in every dialect

/// What the two programs call or do differently.
struct OpenvqaDialect {
  const char* name;
  const char* grid_projection;  // what the names of the image's first linear layer begin with
  const char* special_words;    // that have the embedding's first rows
  int64_t special_count;        // how many these are
};

/// Every dialect, openvqa's first.
const std::vector<OpenvqaDialect>& openvqa_dialects();

/// The published name of one of our model's parameters, for a model of given grid features.
std::string openvqa_name(const std::string& ours, const OpenvqaDialect& dialect = openvqa_dialects().front());

/// The tensors of a model by their published names, sharing its memory. The embedding is ours: see extra_rows.
data::TensorFile openvqa_tensors(const ModelImpl& model, const OpenvqaDialect& dialect);

/// How many rows more than ours a dialect's embedding has: openvqa gives CLS the id 2 and asks for it nowhere; here
/// words begin at 2.
int64_t extra_rows(const OpenvqaDialect& dialect);

/// An embedding (W, word_dim) with a dialect's rows, to one with ours, and back. Rows that are put back are zero.
torch::Tensor without_special_rows(const torch::Tensor& embedding, const OpenvqaDialect& dialect);
torch::Tensor with_special_rows(const torch::Tensor& embedding, const OpenvqaDialect& dialect);

/// Throws std::invalid_argument naming the setting that makes of this model another network than the published one.
void require_openvqa_form(const ModelImpl& model);

}  // namespace vqa
