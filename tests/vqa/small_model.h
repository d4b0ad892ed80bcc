// A small drawn data set and a small model, quick enough for tests that train.
#pragma once

#include <filesystem>

#include "data/shapes.h"
#include "data/split.h"
#include "tests/temporary_folder.h"
#include "vqa/new_bundle.h"

inline std::filesystem::path small_data(const TemporaryFolder& folder, int64_t images = 12) {
  const std::filesystem::path dir = folder / "shapes";
  data::write_shapes(dir, {.images = images, .validation_images = 4, .questions_per_image = 4});
  return dir;
}

inline vqa::Config small_config() {
  vqa::Config config;
  vqa::ModelConfig& m = config.model;
  m.dim = m.word_dim = m.pool_dim = 16;
  m.fused_dim = m.feed_forward = 32;
  m.heads = 2;
  m.d_p = 4;
  m.d_in = 8;
  m.encoder_layers = m.decoder_layers = 1;
  m.min_answer_count = 1;
  m.dropout = 0.1;
  config.training.epochs = 3;
  config.training.batch_size = 8;
  config.training.log_every = 2;
  return config;
}

inline vqa::Bundle small_bundle(const data::Split& train, const vqa::Config& config = small_config()) {
  return vqa::new_bundle(config, train);
}
