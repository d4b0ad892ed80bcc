#include "data/grid_provenance.h"

#include "data/printable.h"

namespace data {
namespace {

/// A checksum is told apart by its beginning.
std::string shown(const ProvenanceField& field, const std::string& value) {
  constexpr size_t kDigits = 12;
  if (value.empty()) return "(unknown)";
  return field.value == &GridProvenance::weights_sha256 ? "SHA-256 " + printable(value).substr(0, kDigits)
                                                        : printable(value);
}

}  // namespace

std::string provenance_mismatch(const NamedProvenance& one, const NamedProvenance& other) {
  for (const ProvenanceField& field : kProvenanceFields) {
    const std::string &first = one.provenance.*field.value, &second = other.provenance.*field.value;
    if (field.word.empty() || first == second) continue;
    return one.name + " was made with " + std::string(field.word) + " " + shown(field, first) + ", " + other.name +
           " with " + shown(field, second);
  }
  return "";
}

}  // namespace data
