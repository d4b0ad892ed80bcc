#include "vqa/describe_lines.h"

#include <iomanip>

namespace vqa {

void write_line(std::ostream& out, const std::string& name, const std::string& value) {
  // However long the name, a space follows.
  out << std::left << std::setw(19) << name << " " << value << "\n";
}

void write_lines(std::ostream& out, const data::GridProvenance& provenance, const std::string& indent) {
  for (const data::ProvenanceField& field : data::kProvenanceFields) {
    const std::string& value = provenance.*field.value;
    write_line(out, indent + std::string(field.name), value.empty() ? "(unknown)" : value);
  }
}

}  // namespace vqa
