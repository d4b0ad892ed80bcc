#include "text/prefix_trie.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

using testing::Each;
using testing::ElementsAre;
using text::PrefixTrie;

namespace {

/// Questions in rows of `longest`; what is past their length is filled with `filler`.
PrefixTrie trie_of(const std::vector<std::vector<int64_t>>& questions, int64_t longest, int64_t filler = 0) {
  std::vector<int64_t> ids, lengths;
  for (std::vector<int64_t> question : questions) {
    lengths.push_back(static_cast<int64_t>(question.size()));
    question.resize(static_cast<size_t>(longest), filler);
    ids.insert(ids.end(), question.begin(), question.end());
  }
  return PrefixTrie(ids.data(), lengths.data(), static_cast<int64_t>(questions.size()), longest);
}

/// The tokens on the way to a node.
std::vector<int64_t> path(const PrefixTrie& trie, int64_t level, int64_t node) {
  std::vector<int64_t> tokens;
  for (; level >= 0; --level) {
    const auto n = static_cast<size_t>(node);
    tokens.insert(tokens.begin(), trie.words[static_cast<size_t>(trie.word[n])]);
    if (level > 0) node = trie.level_begin[static_cast<size_t>(level) - 1] + trie.parent[n];
  }
  return tokens;
}

}  // namespace

TEST(PrefixTrieTest, SharesBeginnings) {
  // what color is the cat; what color is the dog; what is it; what
  const PrefixTrie trie = trie_of({{9, 4, 5, 7, 20}, {9, 4, 5, 7, 30}, {9, 5, 8}, {9}}, 5);
  EXPECT_EQ(trie.nodes(), 1 + 2 + 2 + 1 + 2);
  EXPECT_THAT(trie.level_begin, ElementsAre(0, 1, 3, 5, 6, 8));
  EXPECT_THAT(trie.parents, ElementsAre(1, 2, 1, 1, 0));
  EXPECT_THAT(trie.words, ElementsAre(4, 5, 7, 8, 9, 20, 30));
}

TEST(PrefixTrieTest, EqualQuestionsEndAtOneNode) {
  const PrefixTrie trie = trie_of({{3, 4}, {3, 4}, {3, 4}}, 2);
  EXPECT_EQ(trie.nodes(), 2);
  EXPECT_THAT(trie.node, ElementsAre(0, 1, 0, 1, 0, 1));
}

TEST(PrefixTrieTest, OneTokenIsOneNode) {
  const PrefixTrie trie = trie_of({{5}}, 1);
  EXPECT_THAT(trie.level_begin, ElementsAre(0, 1));
  EXPECT_THAT(trie.parents, ElementsAre(0));
  EXPECT_THAT(trie.parent, ElementsAre(0));
}

TEST(PrefixTrieTest, WhatStandsInThePaddingHasNoInfluence) {
  const std::vector<std::vector<int64_t>> questions = {{3}, {3, 4, 5}, {6, 4}};
  const PrefixTrie zeros = trie_of(questions, 4), others = trie_of(questions, 4, 5);
  EXPECT_EQ(zeros.node, others.node);
  EXPECT_EQ(zeros.words, others.words);
  EXPECT_EQ(zeros.node[1], zeros.nodes());
}

TEST(PrefixTrieTest, NodesSpellTheQuestionsAndParentsComeFirst) {
  std::mt19937 random(1);
  std::vector<std::vector<int64_t>> questions(200);
  for (auto& question : questions) {
    question.resize(1 + random() % 7);
    for (int64_t& id : question) id = 1 + static_cast<int64_t>(random() % 3);
  }
  const int64_t longest = 7;
  const PrefixTrie trie = trie_of(questions, longest);
  std::map<std::vector<int64_t>, int64_t> beginnings;
  for (size_t q = 0; q < questions.size(); ++q) {
    for (size_t t = 0; t < questions[q].size(); ++t) {
      const int64_t node = trie.node[q * static_cast<size_t>(longest) + t];
      const std::vector<int64_t> beginning(questions[q].begin(),
                                           questions[q].begin() + static_cast<std::ptrdiff_t>(t) + 1);
      ASSERT_EQ(path(trie, static_cast<int64_t>(t), node), beginning);
      EXPECT_EQ(beginnings.emplace(beginning, node).first->second, node);
      const bool goes_on = node - trie.level_begin[t] < trie.parents[t];
      EXPECT_TRUE(goes_on || t + 1 == questions[q].size());
    }
  }
  EXPECT_EQ(trie.nodes(), static_cast<int64_t>(beginnings.size()));
  for (size_t t = 0; t < trie.parents.size(); ++t) {
    const int64_t below = t + 1 < trie.parents.size() ? trie.level_begin[t + 2] - trie.level_begin[t + 1] : 0;
    EXPECT_LE(trie.parents[t], below) << "a node that goes on has a child";
  }
}
