// Inputs of compress_rows and restore_rows, the places that compute them, and what each makes of the inputs.
#pragma once

#include <cmath>
#include <ostream>
#include <vector>

#include "fusion/compress_rows.h"
#include "fusion/cuda/compress_passes.h"
#include "fusion/cuda/restore_passes.h"
#include "fusion/restore_rows.h"
#include "tests/fusion/emulated_gpu.h"

namespace fusion {

struct Sizes {
  int64_t n = 7, dim = 6;
  int64_t heads = 3, slots = 5, r = 2;
  std::vector<int64_t> lengths{};  // of the samples; empty: all are full
  double dropout = 0;
  at::ScalarType type = torch::kFloat32;
  bool rounded = false;  // to numbers that bfloat16 has
  int64_t batch = 3;
  bool has_out_bias = true;
  bool in_columns = false;  // slots, as mix_slots leaves those of one sample
  bool has_bias = true, has_beside = true;
  int64_t others = 0;  // columns of `projected` that restore_rows does not read
  bool tries_bfloat16 = false;

  int64_t m() const { return heads * slots; }
  int64_t keys() const { return heads * r; }
};

/// Something that computes both.
struct Place {
  const char* name;
  at::DeviceType device;
  Compressed (*compress)(const CompressInputs&);
  torch::Tensor (*restore)(const RestoreInputs&);
};
inline void PrintTo(const Place& place, std::ostream* out) { *out << place.name; }

inline const Place kCpu{"Cpu", torch::kCPU, compress_rows, restore_rows};
inline const Place kCuda{"Cuda", torch::kCUDA, compress_rows, restore_rows};
inline const Place kEmulated{"Emulated", torch::kCPU,
                             [](const CompressInputs& in) { return *cuda::compress_rows_on<cuda::EmulatedGpu>(in); },
                             [](const RestoreInputs& in) { return *cuda::restore_rows_on<cuda::EmulatedGpu>(in); }};
inline const Place kDefinition{"Definition", torch::kCPU, compress_rows_by_definition, restore_rows_by_definition};

/// The same numbers on every device.
inline torch::Tensor leaf(at::IntArrayRef sizes, const Sizes& s, at::DeviceType device, double scale = 1) {
  const torch::Tensor numbers =
      scale * torch::randn(sizes, s.type == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32);
  return (s.rounded ? numbers.to(torch::kBFloat16) : numbers).to(s.type).to(device).requires_grad_();
}

inline torch::Tensor lengths_of(const Sizes& s, at::DeviceType device) {
  return s.lengths.empty() ? torch::Tensor() : torch::tensor(s.lengths, torch::kInt64).to(device);
}

inline CompressInputs compress_inputs(const Sizes& s, at::DeviceType device = torch::kCPU) {
  torch::manual_seed(7);
  const double scale = std::sqrt(6.0 / static_cast<double>(s.dim));  // scores as great whatever the width
  CompressInputs inputs{.lengths = lengths_of(s, device), .dropout = s.dropout};
  inputs.x = leaf({s.batch, s.n, s.dim}, s, device);
  inputs.queries = leaf({s.batch, s.heads, s.slots, s.r}, s, device);
  inputs.weight = leaf({s.keys(), s.dim}, s, device, scale);
  if (s.has_bias) inputs.bias = leaf({s.keys()}, s, device);
  if (s.has_beside) inputs.beside = leaf({s.m(), s.dim}, s, device, scale);
  return inputs;
}

/// The same slots (B, h, d_p, D) in memory as (D, h, B, d_p).
inline torch::Tensor in_columns(const torch::Tensor& slots) {
  return slots.detach().permute({3, 1, 0, 2}).contiguous().permute({2, 1, 3, 0}).requires_grad_();
}

inline RestoreInputs restore_inputs(const Sizes& s, at::DeviceType device = torch::kCPU) {
  torch::manual_seed(8);
  RestoreInputs inputs{.lengths = lengths_of(s, device), .dropout = s.dropout};
  inputs.projected = leaf({s.batch, s.n, s.m() + s.others}, s, device);
  inputs.bias = leaf({s.m()}, s, device);
  inputs.slots = leaf({s.batch, s.heads, s.slots, s.dim}, s, device);
  if (s.in_columns) inputs.slots = in_columns(inputs.slots);
  if (s.has_out_bias) inputs.out_bias = leaf({s.dim}, s, device);
  return inputs;
}

/// A number that every element of a tensor changes, each otherwise, by factors that every type has.
inline torch::Tensor weighed(const torch::Tensor& x) {
  const torch::Tensor factors = torch::arange(x.numel(), torch::kFloat32).mul(0.37).sin().to(torch::kBFloat16);
  return (x * factors.view_as(x).to(x.options())).sum();
}

/// What compress_rows gives, of `projected` the columns that its callers may read.
inline std::vector<torch::Tensor> outputs_of(const CompressInputs& inputs, const Compressed& c) {
  const int64_t beside = inputs.beside.defined() ? inputs.beside.size(0) : 0;
  return {c.mixed, c.row_sums, c.projected.narrow(-1, c.projected.size(-1) - beside, beside)};
}

inline std::vector<torch::Tensor> leaves_of(const CompressInputs& inputs) {
  std::vector<torch::Tensor> leaves{inputs.x, inputs.queries, inputs.weight};
  for (const torch::Tensor& x : {inputs.bias, inputs.beside}) {
    if (x.defined()) leaves.push_back(x);
  }
  return leaves;
}

inline torch::Tensor loss(const std::vector<torch::Tensor>& outputs) {
  return weighed(outputs[0]) + weighed(outputs[1]) + weighed(outputs[2]);
}

inline std::vector<torch::Tensor> on_cpu(std::vector<torch::Tensor> tensors) {
  for (torch::Tensor& each : tensors) each = each.detach().cpu().to(torch::kFloat32);
  return tensors;
}

/// What a place computes: outputs, then gradients.
inline std::vector<torch::Tensor> compressed_by(const Place& place, const Sizes& sizes) {
  const CompressInputs inputs = compress_inputs(sizes, place.device);
  torch::manual_seed(9);
  std::vector<torch::Tensor> all = outputs_of(inputs, place.compress(inputs));
  for (torch::Tensor& g : torch::autograd::grad({loss(all)}, leaves_of(inputs))) all.push_back(g);
  return on_cpu(all);
}

inline std::vector<torch::Tensor> restored_by(const Place& place, const Sizes& sizes) {
  const RestoreInputs inputs = restore_inputs(sizes, place.device);
  torch::manual_seed(9);
  const torch::Tensor out = place.restore(inputs);
  std::vector<torch::Tensor> all{out};
  std::vector<torch::Tensor> leaves{inputs.projected, inputs.bias, inputs.slots};
  if (sizes.has_out_bias) leaves.push_back(inputs.out_bias);
  for (torch::Tensor& g : torch::autograd::grad({weighed(out)}, leaves)) all.push_back(g);
  return on_cpu(all);
}

}  // namespace fusion
