// The lines that descriptions are made of: a name, and its value in a column.
#pragma once

#include <ostream>
#include <string>

#include "data/grid_provenance.h"

namespace vqa {

/// "name                value".
void write_line(std::ostream& out, const std::string& name, const std::string& value);

/// A line for each field, named with `indent` before it; what is not known is called so.
void write_lines(std::ostream& out, const data::GridProvenance& provenance, const std::string& indent = "");

}  // namespace vqa
