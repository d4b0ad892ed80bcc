// Where the time of a step goes.
#pragma once

#include <string>

#include "vqa/batch.h"
#include "vqa/model.h"

namespace peers {

/// A table of the parts of `model` for batches like `batch`: each run alone, on random numbers of the shapes it has
/// there, forward and forward with backward, as often as the network has it.
std::string parts_table(const vqa::Model& model, const vqa::Batch& batch);

}  // namespace peers
