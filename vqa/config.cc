#include "vqa/config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "data/json_file.h"
#include "data/settings.h"

namespace vqa {
using nlohmann::json;

namespace {

[[noreturn]] void refuse(const std::string& name, std::string_view value, const std::string& allowed) {
  data::refuse_value(name, "'" + std::string(value) + "'", allowed);
}

template <class Number>
Number parse_number(const std::string& name, std::string_view text, const char* allowed) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || !std::isfinite(static_cast<double>(number))) refuse(name, text, allowed);
  return number;
}

std::string trim(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

/// The field called `name`; throws std::invalid_argument where there is none.
Field& find(std::vector<Field>& all, const std::string& name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Field& field) { return field.name == name; });
  if (found == all.end()) throw std::invalid_argument("'" + name + "' is not a setting; vqa train --help lists them");
  return *found;
}

void read_fields(std::vector<Field> all, const json& object, const char* where) {
  if (!object.is_object()) throw std::invalid_argument(std::string("'") + where + "' is not a JSON object");
  for (const auto& [name, value] : object.items()) find(all, name).read(value);
}

void read_config_json(const json& object, Config& config) {
  if (object.contains("model") || object.contains("training")) {
    // What a bundle's config.json holds besides is the bundle's; in a file of settings it would be lost silently.
    const bool of_a_bundle = object.contains("format");
    for (const auto& [part, settings] : object.items()) {
      if (part == "model") {
        read_fields(fields(config.model), settings, "model");
      } else if (part == "training") {
        read_fields(fields(config.training), settings, "training");
      } else if (!of_a_bundle) {
        throw std::invalid_argument("'" + part + "' stands beside 'model' or 'training'; put it into one of them");
      }
    }
  } else {
    read_fields(fields(config), object, "settings");
  }
}

}  // namespace

void Field::parse(std::string_view text) {
  if (auto* const* s = std::get_if<std::string*>(&value)) {
    **s = text;
  } else if (auto* const* i = std::get_if<int64_t*>(&value)) {
    **i = parse_number<int64_t>(name, text, "a whole number");
  } else if (auto* const* d = std::get_if<double*>(&value)) {
    **d = parse_number<double>(name, text, "a number");
  } else {
    if (text != "true" && text != "false") refuse(name, text, "true or false");
    *std::get<bool*>(value) = text == "true";
  }
}

std::string Field::text() const {
  if (auto* const* s = std::get_if<std::string*>(&value)) return **s;
  return to_json().dump();
}

void Field::check() const {
  if (auto* const* s = std::get_if<std::string*>(&value)) {
    if (!allowed.empty()) data::check_name(name, **s, allowed);
  } else if (auto* const* i = std::get_if<int64_t*>(&value)) {
    if (range) data::check_value(name, **i, *range);
  } else if (auto* const* d = std::get_if<double*>(&value)) {
    if (range) data::check_value(name, **d, *range);
  }
}

void Field::read(const json& from) {
  std::visit(
      [&](auto* at) {
        using Type = std::remove_pointer_t<decltype(at)>;
        try {
          const bool fits = std::is_same_v<Type, int64_t>  ? from.is_number_integer()
                            : std::is_same_v<Type, double> ? from.is_number()
                                                           : true;
          if (!fits) refuse(name, from.dump(), "a value like " + to_json().dump());
          *at = from.get<Type>();
        } catch (const json::exception&) {
          refuse(name, from.dump(), "a value like " + to_json().dump());
        }
      },
      value);
}

json Field::to_json() const {
  return std::visit([](auto* at) { return nlohmann::json(*at); }, value);
}

json to_json(const Config& config) {
  Config copy = config;
  json result = {{"model", json::object()}, {"training", json::object()}};
  for (const Field& field : fields(copy.model)) result["model"][field.name] = field.to_json();
  for (const Field& field : fields(copy.training)) result["training"][field.name] = field.to_json();
  return result;
}

Config config_from_json(const json& object) {
  Config config;
  for (const char* part : {"model", "training"}) {
    if (!object.is_object() || !object.contains(part)) throw std::invalid_argument(std::string("lacks '") + part + "'");
  }
  read_config_json(object, config);
  return config;
}

void read_config_file(const std::string& path, Config& config) {
  if (std::filesystem::is_directory(path)) {
    throw std::runtime_error(path + ": is a folder; --config names a file of settings");
  }
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path + ": cannot be read; --config names a file of settings");
  if ((in >> std::ws).peek() == '{') {
    try {
      read_config_json(data::read_json(path), config);
    } catch (const std::invalid_argument& error) {
      throw std::runtime_error(path + ": " + error.what());
    }
    return;
  }
  in.clear();
  in.seekg(0);
  std::vector<Field> all = fields(config);
  std::string line;
  for (int64_t number = 1; std::getline(in, line); ++number) {
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    try {
      const auto equals = line.find('=');
      if (equals == std::string::npos) throw std::invalid_argument("'" + line + "' is not 'name = value'");
      find(all, trim(line.substr(0, equals))).parse(trim(line.substr(equals + 1)));
    } catch (const std::invalid_argument& error) {
      throw std::runtime_error(path + ": line " + std::to_string(number) + ": " + error.what());
    }
  }
}

}  // namespace vqa
