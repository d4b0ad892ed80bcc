#include "tools/commands/accuracy_table.h"

#include <algorithm>
#include <iomanip>
#include <iostream>

#include "data/atomic_file.h"

namespace tools {
namespace {

void print_rows(const std::vector<std::pair<std::string, double>>& rows) {
  size_t widest = 20;
  for (const auto& row : rows) widest = std::max(widest, row.first.size());
  for (const auto& [name, accuracy] : rows) {
    std::cout << "  " << std::left << std::setw(static_cast<int>(widest)) << name << std::right << std::setw(8)
              << accuracy << "\n";
  }
}

}  // namespace

void print_accuracy(const data::AccuracyReport& report, const std::string& json) {
  std::cout << std::fixed << std::setprecision(2);
  std::cout << "accuracy on " << report.per_question.size() << " questions, %\n";
  print_rows({{"overall", report.overall}});
  std::cout << "by answer type\n";
  print_rows(report.per_answer_type);
  std::cout << "by question type\n";
  print_rows(report.per_question_type);
  if (!json.empty()) data::write_file(json, data::to_json(report));
}

}  // namespace tools
