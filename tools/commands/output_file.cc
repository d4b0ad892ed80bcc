#include "tools/commands/output_file.h"

#include <filesystem>

#include "tools/commands/usage.h"

namespace tools {
namespace fs = std::filesystem;

void require_not_read(const std::string& flag, const std::string& out, const std::vector<std::string>& read) {
  std::error_code ignored;
  for (const std::string& file : read) {
    if (!out.empty() && !file.empty() && fs::equivalent(out, file, ignored))
      throw UsageError(flag + ": " + out + " is read by this command, which would write over it; choose another file");
  }
}

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored))
    files.push_back(entry.path().string());
  return files;
}

}  // namespace tools
