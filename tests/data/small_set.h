// Writes small data sets in VQA-v2's layout.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/data/write.h"

/// One question with its annotation.
struct SmallQuestion {
  int64_t id = 0;
  int64_t image = 0;
  std::string answer = "yes";
  std::string text = "Is it?";
  std::string type = "is it";
};

inline void write_questions(const std::filesystem::path& dir, const std::string& split,
                            const std::vector<SmallQuestion>& questions) {
  nlohmann::json list = nlohmann::json::array();
  for (const SmallQuestion& question : questions) {
    list.push_back({{"question_id", question.id}, {"image_id", question.image}, {"question", question.text}});
  }
  write_text(dir / ("v2_OpenEnded_mscoco_" + split + "_questions.json"), nlohmann::json{{"questions", list}}.dump());
}

inline void write_annotations(const std::filesystem::path& dir, const std::string& split,
                              const std::vector<SmallQuestion>& questions) {
  nlohmann::json list = nlohmann::json::array();
  for (const SmallQuestion& question : questions) {
    list.push_back({{"question_id", question.id},
                    {"image_id", question.image},
                    {"question_type", question.type},
                    {"answer_type", "yes/no"},
                    {"multiple_choice_answer", question.answer},
                    {"answers", std::vector<nlohmann::json>(10, {{"answer", question.answer}})}});
  }
  write_text(dir / ("v2_mscoco_" + split + "_annotations.json"), nlohmann::json{{"annotations", list}}.dump());
}

inline void write_image(const std::filesystem::path& dir, const std::string& name) {
  std::filesystem::create_directories((dir / name).parent_path());
  write_text(dir / name, "pixels");
}

/// Questions, annotations and images (as .jpg) of one split.
inline void write_split(const std::filesystem::path& dir, const std::string& split,
                        const std::vector<SmallQuestion>& questions) {
  write_questions(dir, split, questions);
  write_annotations(dir, split, questions);
  for (const SmallQuestion& question : questions) {
    const std::string digits = std::to_string(question.image);
    write_image(dir, split + "/COCO_" + split + "_" + std::string(12 - digits.size(), '0') + digits + ".jpg");
  }
}
