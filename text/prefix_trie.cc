#include "text/prefix_trie.h"

#include <algorithm>
#include <numeric>
#include <span>

namespace text {
namespace {

/// A node and its questions, which stand together in the sorted order.
struct Beginning {
  int64_t parent = 0, id = 0;  // the number of the node before, and the last token
  size_t begin = 0, end = 0;   // all that begin so
  size_t longer = 0;           // from here on those that go on

  bool goes_on() const { return longer < end; }
};

}  // namespace

PrefixTrie::PrefixTrie(const int64_t* ids, const int64_t* lengths, int64_t questions, int64_t most)
    : longest(most), level_begin{0}, node(static_cast<size_t>(questions * longest), -1) {
  const auto tokens = [&](int64_t question) {
    return std::span(ids + question * longest, static_cast<size_t>(lengths[question]));
  };
  // Sorted, questions with the same beginning stand together, whatever its length, and the shortest comes first.
  std::vector<int64_t> order(static_cast<size_t>(questions));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::sort(order.begin(), order.end(),
            [&](int64_t a, int64_t b) { return std::ranges::lexicographical_compare(tokens(a), tokens(b)); });
  for (const int64_t question : order) words.insert(words.end(), tokens(question).begin(), tokens(question).end());
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());

  std::vector<Beginning> above{{.begin = 0, .end = order.size()}};  // all begin with nothing
  for (int64_t level = 0; !above.empty(); ++level) {
    const auto id_at = [&](size_t place) { return ids[order[place] * longest + level]; };
    std::vector<Beginning> here;
    for (size_t number = 0; number < above.size(); ++number) {
      for (size_t begin = above[number].longer, end = begin; begin < above[number].end; begin = end) {
        while (end < above[number].end && id_at(end) == id_at(begin)) ++end;
        size_t more = begin;
        while (more < end && lengths[order[more]] == level + 1) ++more;
        here.push_back({static_cast<int64_t>(number), id_at(begin), begin, end, more});
      }
    }
    const auto ending = std::stable_partition(here.begin(), here.end(), [](const Beginning& b) { return b.goes_on(); });
    for (const Beginning& each : here) {
      for (size_t i = each.begin; i < each.end; ++i)
        node[static_cast<size_t>(order[i] * longest + level)] = static_cast<int64_t>(word.size());
      parent.push_back(each.parent);
      word.push_back(std::lower_bound(words.begin(), words.end(), each.id) - words.begin());
    }
    here.erase(ending, here.end());
    level_begin.push_back(static_cast<int64_t>(word.size()));
    parents.push_back(static_cast<int64_t>(here.size()));
    above = std::move(here);
  }
  std::replace(node.begin(), node.end(), int64_t{-1}, nodes());
}

}  // namespace text
