// How the rows of a batch of sequences are shared out to threads.
#pragma once

#include <torch/torch.h>

#include <vector>

namespace fusion {

/// Consecutive rows of one sample, worked on by one thread.
struct RowPart {
  int64_t sample = 0;
  int64_t begin = 0, end = 0;  // rows of (B * n)
};

constexpr int64_t kBlockRows = 256;  // of a part, worked on at a time: the second cache holds them

/// Whether a sequence is one block, which threads share out otherwise than by rows.
inline bool is_one_block(int64_t n) { return n <= kBlockRows; }

/// The parts of a batch, sample by sample: its real rows alone, padding never.
struct RowParts {
  std::vector<RowPart> parts;
  std::vector<int64_t> first;  // (B + 1) of each sample the first of its parts; a sample without rows has none

  bool splits = false;     // whether a sample has several
  int64_t block_rows = 0;  // no block of for_each_block has more

  int64_t count() const { return std::ssize(parts); }
};

/// The rows of sample b that are no padding: all n, or as `lengths`, (B) int64 on the CPU, has it.
int64_t real_rows(const torch::Tensor& lengths, int64_t b, int64_t n);

/// Throws c10::Error where one of `lengths`, which may be undefined, is not within 0 to n.
void require_real_rows(const torch::Tensor& lengths, int64_t n);

/// `lengths` as in real_rows, and checked. A sample is one part where there are samples enough for all threads.
RowParts share_out_rows(const torch::Tensor& lengths, int64_t batch, int64_t n);

/// work(first, last) of the rows from `begin` to `end`, at most `most` at a time, in blocks of about one size.
template <class Work>
void in_blocks(int64_t begin, int64_t end, int64_t most, const Work& work) {
  const int64_t rows = end - begin, blocks = (rows + most - 1) / most;
  for (int64_t i = 0; i < blocks; ++i) work(begin + rows * i / blocks, begin + rows * (i + 1) / blocks);
}

/// work(begin, end) of the blocks of a part.
template <class Work>
void for_each_block(const RowPart& part, const Work& work) {
  in_blocks(part.begin, part.end, kBlockRows, work);
}

}  // namespace fusion
