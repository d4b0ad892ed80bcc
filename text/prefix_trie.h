// Questions that begin alike, laid together. No LibTorch here.
#pragma once

#include <cstdint>
#include <vector>

namespace text {

/// A trie of Q questions' tokens, a node for every different beginning: "what color is the cat" and "what color is the
/// dog" have six nodes, not ten. Whatever reads from left to right does so once per node.
///
/// Nodes are numbered level by level; level t holds beginnings of t + 1 tokens. Within a level, those that go on come
/// first: the parents of level t + 1 are the first `parents[t]` nodes of level t.
struct PrefixTrie {
  /// `ids` (Q, T = `most`) row by row, `lengths` (Q), each 1 to T; what stands past a question's length has no
  /// influence.
  PrefixTrie(const int64_t* ids, const int64_t* lengths, int64_t questions, int64_t most);

  int64_t nodes() const { return level_begin.back(); }  // N

  int64_t longest = 0;               // T
  std::vector<int64_t> level_begin;  // (levels + 1): level t has the nodes level_begin[t] to level_begin[t + 1] - 1
  std::vector<int64_t> parents;      // (levels): how many nodes of a level have children
  std::vector<int64_t> parent;       // (N): the node before, counted from its level's first; 0 at level 0
  std::vector<int64_t> words;        // (W): the different tokens, ascending
  std::vector<int64_t> word;         // (N): a node's last token, as a place in `words`
  std::vector<int64_t> node;         // (Q, T): where a question's beginning ends; N past its length
};

}  // namespace text
