#include "text/prefix_lstm.h"

namespace text {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// A trie's numbers where the network is.
struct Levels {
  std::vector<int64_t> level_begin, parents;
  Tensor parent, word;  // (N) each

  int64_t count() const { return static_cast<int64_t>(parents.size()); }
  int64_t nodes() const { return level_begin.back(); }

  /// The rows of a level in a tensor of all nodes; a view.
  Tensor at(int64_t level, const Tensor& all) const {
    return all.slice(0, level_begin[static_cast<size_t>(level)], level_begin[static_cast<size_t>(level) + 1]);
  }
  /// Those of its nodes that have children.
  Tensor parents_at(int64_t level, const Tensor& all) const {
    return all.narrow(0, level_begin[static_cast<size_t>(level)], parents[static_cast<size_t>(level)]);
  }
};

/// Rows of `values` (n, ...) summed into `rows` rows: row i goes to row `index[i]`.
Tensor sum_by(const Tensor& index, const Tensor& values, int64_t rows) {
  return torch::embedding_dense_backward(values, index, rows, /*padding_idx=*/-1, /*scale_grad_by_freq=*/false);
}

/// Views of the gates of some nodes.
struct Gates {
  explicit Gates(const Tensor& gates)
      : all(gates),
        input_forget(gates.narrow(1, 0, gates.size(1) / 2)),
        input(quarter(0)),
        forget(quarter(1)),
        candidate(quarter(2)),
        output(quarter(3)) {}
  Tensor quarter(int64_t i) const { return all.narrow(1, i * all.size(1) / 4, all.size(1) / 4); }

  Tensor all;                               // (n, 4D)
  Tensor input_forget;                      // (n, 2D)
  Tensor input, forget, candidate, output;  // (n, D): i, f, g, o
};

/// What the forward pass leaves for the backward pass.
struct Trace {
  Tensor gates;     // (N, 4D), after their sigmoid and tanh
  Tensor cell;      // (N, D)
  Tensor squashed;  // (N, D): tanh(cell)
  Tensor states;    // (N + 1, D), the last row zero
};

/// `projected` (W, 4D): each word's part of the gates.
Trace run_forward(const Levels& levels, const Tensor& projected, const Tensor& hidden) {
  Trace trace;
  trace.gates = projected.index_select(0, levels.word);
  trace.cell = torch::empty({levels.nodes(), hidden.size(1)}, projected.options());
  trace.squashed = torch::empty_like(trace.cell);
  trace.states = torch::zeros({levels.nodes() + 1, hidden.size(1)}, projected.options());
  for (int64_t level = 0; level < levels.count(); ++level) {
    const Gates gates(levels.at(level, trace.gates));
    const Tensor parent = levels.at(level, levels.parent);  // (n)
    if (level > 0) {
      const Tensor above = levels.parents_at(level - 1, trace.states).mm(hidden.t());  // (P_t, 4D)
      gates.all.add_(above.index_select(0, parent));
    }
    gates.input_forget.sigmoid_();
    gates.candidate.tanh_();
    gates.output.sigmoid_();
    Tensor cell = levels.at(level, trace.cell), squashed = levels.at(level, trace.squashed),
           states = levels.at(level, trace.states);  // (n, D) each
    torch::mul_out(cell, gates.input, gates.candidate);
    if (level > 0) cell.addcmul_(gates.forget, levels.at(level - 1, trace.cell).index_select(0, parent));
    torch::tanh_out(squashed, cell);
    torch::mul_out(states, gates.output, squashed);
  }
  return trace;
}

struct Gradients {
  Tensor gates;   // (N, 4D), before their sigmoid and tanh
  Tensor hidden;  // (4D, D)
};

/// Steps of run_forward from the last level up. `d_states` (N, D) holds the gradient of the states, and is changed.
Gradients run_backward(const Levels& levels, const Trace& trace, const Tensor& hidden, const Tensor& d_states) {
  const Tensor d_cell = torch::zeros_like(trace.cell), d_gates = torch::empty_like(trace.gates);
  std::vector<Tensor> d_products, parent_states;  // by level: (P_t, 4D), (P_t, D)
  for (int64_t level = levels.count() - 1; level >= 0; --level) {
    const Gates gates(levels.at(level, trace.gates));
    Gates d(levels.at(level, d_gates));
    const Tensor squashed = levels.at(level, trace.squashed);                           // (n, D)
    const Tensor d_state = levels.at(level, d_states), d_c = levels.at(level, d_cell);  // (n, D)
    d_c.add_(torch::tanh_backward(d_state * gates.output, squashed));
    torch::sigmoid_backward_out(d.output, d_state * squashed, gates.output);
    torch::sigmoid_backward_out(d.input, d_c * gates.candidate, gates.input);
    torch::tanh_backward_out(d.candidate, d_c * gates.input, gates.candidate);
    if (level == 0) {
      d.forget.zero_();
      break;
    }
    const Tensor parent = levels.at(level, levels.parent);                                // (n)
    const Tensor cell_before = levels.at(level - 1, trace.cell).index_select(0, parent);  // (n, D)
    torch::sigmoid_backward_out(d.forget, d_c * cell_before, gates.forget);
    const int64_t parents = levels.parents[static_cast<size_t>(level) - 1];
    d_products.push_back(sum_by(parent, d.all, parents));
    parent_states.push_back(levels.parents_at(level - 1, trace.states));
    levels.parents_at(level - 1, d_states).addmm_(d_products.back(), hidden);
    levels.parents_at(level - 1, d_cell).add_(sum_by(parent, d_c * gates.forget, parents));
  }
  if (d_products.empty()) return {d_gates, torch::zeros_like(hidden)};
  return {d_gates, torch::cat(d_products).t().mm(torch::cat(parent_states))};
}

class PrefixLstm : public torch::autograd::Function<PrefixLstm> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& projected, const Tensor& hidden, const Levels& levels) {
    const Trace trace = run_forward(levels, projected, hidden);
    context->saved_data["level_begin"] = levels.level_begin;
    context->saved_data["parents"] = levels.parents;
    context->saved_data["words"] = projected.size(0);
    context->save_for_backward(
        {levels.parent, levels.word, hidden, trace.gates, trace.cell, trace.squashed, trace.states});
    return trace.states;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const Levels levels{context->saved_data["level_begin"].toIntVector(), context->saved_data["parents"].toIntVector(),
                        saved[0], saved[1]};
    const Tensor d_states = gradients[0].slice(0, 0, levels.nodes()).clone();  // (N, D)
    const Gradients found = run_backward(levels, {saved[3], saved[4], saved[5], saved[6]}, saved[2], d_states);
    return {sum_by(levels.word, found.gates, context->saved_data["words"].toInt()), found.hidden, Tensor()};
  }
};

}  // namespace

torch::Tensor prefix_lstm(const PrefixTrie& trie, const torch::Tensor& words, const PrefixLstmWeights& weights) {
  const auto moved = [&](const std::vector<int64_t>& numbers) {
    return torch::tensor(numbers, torch::kInt64).to(words.device());
  };
  const Levels levels{trie.level_begin, trie.parents, moved(trie.parent), moved(trie.word)};
  const Tensor projected = torch::addmm(weights.input_bias + weights.hidden_bias, words, weights.input.t());  // (W, 4D)
  const Tensor states = PrefixLstm::apply(projected, weights.hidden, levels);  // (N + 1, D)
  const auto questions = static_cast<int64_t>(trie.node.size()) / trie.longest;
  return torch::embedding(states, moved(trie.node).view({questions, trie.longest}), /*padding_idx=*/trie.nodes());
}

}  // namespace text
