#include "data/json_file.h"

#include "data/text_source.h"

namespace data {

nlohmann::json read_json(const std::filesystem::path& path) {
  TextSource source(path);
  try {
    return nlohmann::json::parse(source.begin(), source.end());
  } catch (const nlohmann::json::parse_error& error) {
    source.fail_json(error);
  } catch (const nlohmann::json::out_of_range& error) {  // a number that no double holds
    source.fail_json(error);
  }
}

}  // namespace data
