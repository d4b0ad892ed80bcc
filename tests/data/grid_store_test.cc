#include "data/grid_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <cstring>
#include <functional>
#include <limits>
#include <stdexcept>
#include <thread>

#include "data/atomic_file.h"
#include "data/grid_store_layout.h"
#include "data/hdf5.h"
#include "tests/data/error_of.h"
#include "tests/data/grid_store_sample.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class GridStoreTest : public testing::Test {
 protected:
  std::string path() const { return (folder_ / "G.h5").string(); }
  fs::path file(const std::string& name) const { return folder_ / name; }

  /// What opening says, without the path that it begins with.
  std::string refusal() const {
    const std::string message = error_of<std::runtime_error>([&] { GridStore store(path()); });
    EXPECT_THAT(message, StartsWith(path() + ": "));
    return message.substr(std::min(message.size(), path().size() + 2));
  }

  /// Changes a finished store through the HDF5 library.
  void edit(const std::function<void(hid_t file)>& change) const {
    const Hdf5Lock lock;
    const Hdf5Handle access = hdf5_file_access();
    const Hdf5Handle opened(H5Fopen(path().c_str(), H5F_ACC_RDWR, access.id()), H5Fclose);
    ASSERT_TRUE(opened);
    change(opened.id());
  }

  /// Changes one row of a finished store where it lies.
  void edit_row(size_t split, size_t row, const std::function<void(GridRow& row)>& change) const {
    GridLayout layout = read_grid_layout(path());
    change(layout.splits[split].rows[row]);
    std::string bytes = read_file(path());
    std::memcpy(bytes.data() + layout.row_at(layout.splits[split], row), &layout.splits[split].rows[row],
                sizeof(GridRow));
    write_text(path(), bytes);
  }

 private:
  TemporaryFolder folder_;
};

void expect_sample(const GridStore& store, const GridStorePlan& plan) {
  for (size_t split = 0; split < plan.splits.size(); ++split) {
    for (size_t i = 0; i < plan.splits[split].images.size(); ++i) {
      const PlannedGrid& planned = plan.splits[split].images[i];
      const GridImage* image = store.find(plan.splits[split].name, planned.image_id);
      ASSERT_NE(image, nullptr) << planned.image_id;
      EXPECT_EQ(image->height, planned.height);
      EXPECT_EQ(image->width, planned.width);
      std::vector<unsigned char> features(store.bytes(*image));
      store.read(*image, features.data());
      EXPECT_EQ(features, sample_features(plan, split, i)) << planned.image_id;
    }
  }
}

TEST_F(GridStoreTest, IsReadAsItWasWritten) {
  for (const GridType type : {GridType::kHalf, GridType::kFloat}) {
    const GridStorePlan plan = sample_plan(type);
    write_sample_store(path(), plan);
    const GridStore store(path());
    EXPECT_EQ(store.type(), type);
    EXPECT_EQ(store.channels(), 5);
    EXPECT_EQ(store.size(), 5);
    for (const ProvenanceField& field : kProvenanceFields)
      EXPECT_EQ(store.provenance().*field.value, plan.provenance.*field.value) << field.name;
    expect_sample(store, plan);
    EXPECT_EQ(store.find("train2014", 10), nullptr);
    EXPECT_EQ(store.find("test2015", 9), nullptr);
    EXPECT_TRUE(find_damaged(store).empty());
  }
}

TEST_F(GridStoreTest, GivesFloats) {
  // 1.5, the smallest subnormal, the largest, an infinity, -0 and enough more for the vector code and its rest.
  std::vector<uint16_t> halves{0x3E00, 0x0001, 0x7BFF, 0x7C00, 0x8000};
  for (uint16_t i = 0; i < 22; ++i) halves.push_back(static_cast<uint16_t>(0x3C00 + i));
  GridStorePlan plan = sample_plan();
  plan.channels = 9;
  plan.splits = {{"val2014", {{7, 1, 3}}}};
  GridStoreWriter writer(path(), plan);
  writer.write(0, 0, halves.data());
  writer.finish();

  const GridStore store(path());
  std::vector<float> floats(store.numbers(*store.find("val2014", 7)));
  store.read_float(*store.find("val2014", 7), floats.data());
  ASSERT_EQ(floats.size(), halves.size());
  EXPECT_EQ(floats[0], 1.5F);
  EXPECT_EQ(floats[1], 0x1p-24F);
  EXPECT_EQ(floats[2], 65504.F);
  EXPECT_EQ(floats[3], std::numeric_limits<float>::infinity());
  EXPECT_TRUE(floats[4] == 0 && std::signbit(floats[4]));
  for (size_t i = 5; i < floats.size(); ++i) EXPECT_EQ(floats[i], 1 + static_cast<float>(i - 5) / 1024);
}

TEST_F(GridStoreTest, GivesFloatsAsTheyAreStored) {
  GridStorePlan plan = sample_plan(GridType::kFloat);
  plan.channels = 2;
  plan.splits = {{"val2014", {{7, 1, 1}}}};
  GridStoreWriter writer(path(), plan);
  const std::vector<float> written{1e30F, -2.F};
  writer.write(0, 0, written.data());
  writer.finish();
  const GridStore store(path());
  std::vector<float> read(2);
  store.read_float(*store.find("val2014", 7), read.data());
  EXPECT_EQ(read, written);
}

TEST_F(GridStoreTest, TakesTwoBytesANumberAndAtMostOnePercent) {
  GridStorePlan plan = sample_plan();
  plan.channels = 512;
  plan.splits = {{"train2014", {}}};
  for (int64_t id = 0; id < 50; ++id) plan.splits[0].images.push_back({id, 14, 10});
  write_sample_store(path(), plan);
  const uint64_t features = 50 * 14 * 10 * 512 * 2;
  EXPECT_GE(fs::file_size(path()), features);
  EXPECT_LE(fs::file_size(path()), features + features / 100);
}

TEST_F(GridStoreTest, IsReadByManyThreads) {
  const GridStorePlan plan = sample_plan();
  write_sample_store(path(), plan);
  const GridStore store(path());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        expect_sample(store, plan);
        expect_sample(GridStore(path()), plan);  // opening calls the HDF5 library, which wants one thread
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(GridStoreTest, TruncatedAnywhereIsRefused) {
  write_sample_store(path());
  const std::string bytes = read_file(path());
  for (size_t size = 0; size < bytes.size(); size += size < 4096 || bytes.size() - size < 200 ? 7 : 61) {
    write_text(path(), bytes.substr(0, size));
    refusal();
  }
}

TEST_F(GridStoreTest, BecomingShorterWhileOpenIsAnError) {
  write_sample_store(path());
  const GridStore store(path());
  fs::resize_file(path(), 100);
  std::vector<unsigned char> features(store.bytes(*store.find("val2014", 42)));
  EXPECT_EQ(error_of<std::runtime_error>([&] { store.read(*store.find("val2014", 42), features.data()); }),
            path() + ": image 42 cannot be read: the file has become shorter since it was opened");
}

TEST_F(GridStoreTest, DamageIsFound) {
  write_sample_store(path());
  std::string bytes = read_file(path());
  bytes[GridStore(path()).find("train2014", 25)->at + 3] ^= 1;
  write_text(path(), bytes);
  const GridStore store(path());
  int64_t heard = 0;
  const std::vector<DamagedGrid> damaged = find_damaged(store, [&](int64_t done, int64_t total) {
    EXPECT_EQ(done, ++heard);
    EXPECT_EQ(total, 5);
  });
  EXPECT_EQ(heard, 5);
  ASSERT_EQ(damaged.size(), 1u);
  EXPECT_EQ(damaged[0].split, "train2014");
  EXPECT_EQ(damaged[0].image_id, 25);
}

TEST_F(GridStoreTest, OtherFilesAreRefused) {
  EXPECT_THAT(refusal(), StartsWith("does not exist; make a grid store with vqa extract"));
  write_text(path(), "");
  EXPECT_EQ(refusal(), "is no HDF5 file");
  write_text(path(), std::string(5000, 'x'));
  EXPECT_EQ(refusal(), "is no HDF5 file");
  fs::remove(path());
  {
    const Hdf5Lock lock;
    const Hdf5Handle file(H5Fcreate(path().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
  }
  EXPECT_EQ(refusal(), "is an HDF5 file, but no grid store; make one with vqa extract");
  fs::remove(path());
  fs::create_directory(path());
  EXPECT_EQ(refusal(), "is a folder, not a file");
  EXPECT_THAT(error_of<std::runtime_error>([] { GridStore store("/dev/null"); }), HasSubstr("is no regular file"));
}

TEST_F(GridStoreTest, WrongAttributesAreRefused) {
  const auto refusal_with = [&](const char* name, const auto& value) {
    fs::remove(path());
    write_sample_store(path());
    edit([&](hid_t file) {
      ASSERT_GE(H5Adelete(file, name), 0);
      ASSERT_TRUE(write_attribute(file, name, value));
    });
    return refusal();
  };
  EXPECT_THAT(refusal_with("format", std::string("grid")), StartsWith("is an HDF5 file, but no grid store"));
  EXPECT_THAT(refusal_with("format", 1), StartsWith("is an HDF5 file, but no grid store"));
  EXPECT_THAT(refusal_with("format_version", 2), StartsWith("has the format version 2, and this program reads 1"));
  EXPECT_THAT(refusal_with("format_version", std::string("1")), StartsWith("has the format version (none)"));
  EXPECT_EQ(refusal_with("dtype", std::string("fp8")), "has features of the unknown dtype 'fp8'");
  EXPECT_EQ(refusal_with("dtype", std::string("fp32")), "dataset 'train2014/features' is not of little-endian fp32");
  EXPECT_EQ(refusal_with("backbone", 3),
            "has no attribute 'backbone' with a text; make the store again with vqa extract");
}

TEST_F(GridStoreTest, TextOfFixedLengthIsRead) {
  write_sample_store(path());
  edit([](hid_t file) {
    H5Adelete(file, "backbone");
    const Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose), space(H5Screate(H5S_SCALAR), H5Sclose);
    H5Tset_size(type.id(), 12);
    const Hdf5Handle text(H5Acreate2(file, "backbone", type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    ASSERT_GE(H5Awrite(text.id(), type.id(), "resnet152\0\0\0"), 0);
  });
  EXPECT_EQ(GridStore(path()).provenance().backbone, "resnet152");
}

TEST_F(GridStoreTest, MissingDatasetsAreRefused) {
  const auto refusal_without = [&](const char* name) {
    fs::remove(path());
    write_sample_store(path());
    edit([&](hid_t file) { ASSERT_GE(H5Ldelete(file, name, H5P_DEFAULT), 0); });
    return refusal();
  };
  EXPECT_THAT(refusal_without("val2014/features"), StartsWith("has no dataset 'val2014/features'"));
  EXPECT_THAT(refusal_without("val2014/index"), StartsWith("has no dataset 'val2014/index'"));
  fs::remove(path());
  write_sample_store(path());
  edit([&](hid_t file) {
    H5Ldelete(file, "train2014", H5P_DEFAULT);
    H5Ldelete(file, "val2014", H5P_DEFAULT);
  });
  EXPECT_EQ(refusal(), "holds no split: it has no group");
}

/// Puts a dataset of the wanted type and shape in the place of `name`.
void replace_dataset(hid_t file, const char* name, hid_t type, const std::vector<hsize_t>& shape,
                     hid_t properties = H5P_DEFAULT) {
  H5Ldelete(file, name, H5P_DEFAULT);
  const Hdf5Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), H5Sclose);
  const Hdf5Handle made(H5Dcreate2(file, name, type, space.id(), H5P_DEFAULT, properties, H5P_DEFAULT), H5Dclose);
  ASSERT_TRUE(made);
}

TEST_F(GridStoreTest, DatasetsOfAnotherKindAreRefused) {
  const auto refusal_with = [&](const std::function<void(hid_t file)>& change) {
    fs::remove(path());
    write_sample_store(path(), sample_plan(GridType::kFloat));
    edit(change);
    return refusal();
  };
  const auto features = [](const std::vector<hsize_t>& shape) {
    return [shape](hid_t file) { replace_dataset(file, "val2014/features", H5T_IEEE_F32LE, shape); };
  };
  EXPECT_EQ(refusal_with(features({8})), "dataset 'val2014/features' has to have 2 dimensions");
  EXPECT_EQ(refusal_with(features({8, 5})),
            "dataset 'val2014/features' does not lie within the file: it is truncated or damaged")
      << "its room has never been taken";
  EXPECT_EQ(refusal_with(features({8, 6})), "dataset 'val2014/features' has 6 channels, other splits 5");
  EXPECT_EQ(refusal_with(features({8, 0})), "dataset 'val2014/features' has an impossible shape");
  EXPECT_THAT(refusal_with(features({hsize_t{1} << 58, 5})),
              StartsWith("dataset 'val2014/features' does not lie within the file"));
  EXPECT_EQ(refusal_with([](hid_t file) {
              replace_dataset(file, "val2014/features", H5T_IEEE_F32BE, {8, 5});
            }),
            "dataset 'val2014/features' is not of little-endian fp32");
  EXPECT_EQ(refusal_with([](hid_t file) { replace_dataset(file, "val2014/index", H5T_STD_I64LE, {2}); }),
            "dataset 'val2014/index' is not made of image_id, first_cell, height, width, crc32, state");
  EXPECT_THAT(refusal_with([](hid_t file) {
                const Hdf5Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
                const hsize_t chunk[] = {2, 5};
                H5Pset_chunk(properties.id(), 2, chunk);
                H5Pset_deflate(properties.id(), 4);
                replace_dataset(file, "val2014/features", H5T_IEEE_F32LE, {8, 5}, properties.id());
              }),
              StartsWith("dataset 'val2014/features' is chunked, compressed or outside the file"));
  EXPECT_THAT(refusal_with([](hid_t file) {
                const Hdf5Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
                H5Pset_external(properties.id(), "/etc/passwd", 0, 8 * 5 * 4);
                replace_dataset(file, "val2014/features", H5T_IEEE_F32LE, {8, 5}, properties.id());
              }),
              StartsWith("dataset 'val2014/features' is chunked, compressed or outside the file"));
}

TEST_F(GridStoreTest, LinksToOtherFilesAreNotFollowed) {
  write_sample_store(path());
  edit([](hid_t file) {
    H5Lcreate_external("/nowhere.h5", "/x", file, "elsewhere", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/train2014", file, "again", H5P_DEFAULT, H5P_DEFAULT);
  });
  EXPECT_EQ(GridStore(path()).splits().size(), 2u);
}

TEST_F(GridStoreTest, HostileRowsAreRefused) {
  const auto refusal_with = [&](const std::function<void(GridRow & row)>& change) {
    fs::remove(path());
    write_sample_store(path());
    edit_row(0, 1, change);
    return refusal();
  };
  constexpr int64_t kFar = std::numeric_limits<int64_t>::max();
  const std::string in = "image 25 (in 'train2014/index') ";
  for (const int64_t first : {int64_t{-1}, int64_t{8}, kFar}) {
    EXPECT_THAT(refusal_with([&](GridRow& row) { row.first_cell = first; }),
                StartsWith(in + "has cells that are not in the store"));
  }
  EXPECT_THAT(refusal_with([](GridRow& row) { row.height = -3; }), StartsWith(in + "has a negative size"));
  EXPECT_THAT(refusal_with([](GridRow& row) { row.width = 0; }), StartsWith(in + "has no cell"));
  EXPECT_THAT(refusal_with([](GridRow& row) { row.height = row.width = -3; }), StartsWith(in + "has a negative size"));
  EXPECT_THAT(refusal_with([](GridRow& row) { row.height = row.width = std::numeric_limits<int32_t>::max(); }),
              StartsWith(in + "has cells that are not in the store"));
  EXPECT_THAT(refusal_with([](GridRow& row) { row.state = static_cast<GridState>(4); }),
              StartsWith(in + "has an unknown state"));
  EXPECT_THAT(refusal_with([](GridRow& row) { row.image_id = 9; }),
              StartsWith("image 9 (in 'train2014/index') is not in ascending order of ids"));
}

TEST_F(GridStoreTest, UnfinishedIsRefused) {
  const GridStorePlan plan = sample_plan();
  GridStoreWriter writer(path(), plan);
  write_sample(writer, plan, 0, 0);
  EXPECT_EQ(refusal(), "does not exist yet: " + path() +
                           ".part is being written, or was stopped; go on with vqa extract --resume");
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(error_of<std::runtime_error>([&] { GridStore store(path() + ".part"); }),
                AllOf(StartsWith(path() + ".part: is not finished: it is being written, or was stopped at " +
                                 std::to_string(i) + " of 5 images"),
                      EndsWith("go on with vqa extract --resume")));
    writer.sync();
  }
}

TEST(GridProvenance, MismatchIsNamed) {
  const GridProvenance one = sample_plan().provenance;
  GridProvenance other = one;
  const auto mismatch = [&] { return provenance_mismatch({"G.h5", one}, {"the model", other}); };
  EXPECT_EQ(mismatch(), "");
  other.program = "vqa 0.2.0";
  EXPECT_EQ(mismatch(), "");
  other.precision = "bfloat16";
  EXPECT_EQ(mismatch(), "G.h5 was made with precision float32, the model with bfloat16");
  other.image_size = "448";
  EXPECT_EQ(mismatch(), "G.h5 was made with image-size 600/1000, the model with 448");
  other.image_rule = "torchvision";
  EXPECT_EQ(mismatch(), "G.h5 was made with image-rule grid-feats, the model with torchvision");
  other.weights_sha256 = std::string(64, 'b');
  EXPECT_EQ(mismatch(), "G.h5 was made with weights SHA-256 aaaaaaaaaaaa, the model with SHA-256 bbbbbbbbbbbb");
  other.backbone = "";
  EXPECT_EQ(mismatch(), "G.h5 was made with backbone resnet18, the model with (unknown)");
}

}  // namespace
}  // namespace data
