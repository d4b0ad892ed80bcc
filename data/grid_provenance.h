// How a store of grid features was made.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace data {

/// Enough to make the same features again. Empty fields are not known.
struct GridProvenance {
  std::string backbone;        // "resnet152"
  std::string weights_sha256;  // of the weights' file, 64 hexadecimal digits
  std::string image_rule;      // "grid-feats"
  std::string image_size;      // as --image-size takes it
  std::string precision;       // in which the network was computed: "float32"
  std::string program;         // name and version: "vqa 0.1.0"
};

struct ProvenanceField {
  std::string_view name;  // of the file's attribute
  std::string_view word;  // in messages; empty where a difference does not matter
  std::string GridProvenance::*value;
};

/// All fields: the one place that names them.
inline constexpr std::array<ProvenanceField, 6> kProvenanceFields{{
    {"backbone", "backbone", &GridProvenance::backbone},
    {"weights_sha256", "weights", &GridProvenance::weights_sha256},
    {"image_rule", "image-rule", &GridProvenance::image_rule},
    {"image_size", "image-size", &GridProvenance::image_size},
    {"precision", "precision", &GridProvenance::precision},
    {"program", "", &GridProvenance::program},
}};

/// A provenance and whose it is, for messages: "G.h5" or "the model".
struct NamedProvenance {
  std::string name;
  const GridProvenance& provenance;
};

/// The first difference in words, "G.h5 was made with image-rule grid-feats, the model with torchvision", or an empty
/// text where features of both are alike. The version of the program makes no difference.
std::string provenance_mismatch(const NamedProvenance& one, const NamedProvenance& other);

}  // namespace data
