// Files that commands write, as users name them.
#pragma once

#include <string>
#include <vector>

namespace tools {

/// Throws UsageError where `out`, the value of `flag`, is one of the files `read` by the same command, however spelt:
/// writing would destroy it. Names that are empty or stand for nothing are passed over.
void require_not_read(const std::string& flag, const std::string& out, const std::vector<std::string>& read);

/// The files in a folder, a model's; none where there is no such folder.
std::vector<std::string> files_in(const std::string& folder);

}  // namespace tools
