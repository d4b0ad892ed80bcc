// The little of HDF5's C interface that everybody needs: its lock, its handles, its attributes.
#pragma once

#include <hdf5.h>

#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace data {

/// The library serves one thread at a time: hold this while calling it. Its own messages on stderr are off meanwhile.
class Hdf5Lock {
 public:
  Hdf5Lock();

 private:
  std::lock_guard<std::mutex> lock_;
};

/// Owns one of the library's handles. False where the call that made it failed.
class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Hdf5Handle(hid_t id, Close closing) : id_(id), close_(closing) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Hdf5Handle& operator=(Hdf5Handle&&) = delete;
  ~Hdf5Handle() { close(); }

  explicit operator bool() const { return id_ >= 0; }
  hid_t id() const { return id_; }
  /// Whether closing worked: for a file, whether all of it could be written.
  bool close() { return id_ < 0 || close_(std::exchange(id_, H5I_INVALID_HID)) >= 0; }

 private:
  hid_t id_;
  Close close_;
};

/// A property list for opening files: no locks, which network file systems and read-only ones refuse.
Hdf5Handle hdf5_file_access();

/// Attributes of one value. Writing gives false, reading nothing, where it fails; text of fixed and of variable length
/// is read, and written as h5py reads best.
bool write_attribute(hid_t object, const char* name, const std::string& text);
bool write_attribute(hid_t object, const char* name, int32_t number);
std::optional<std::string> read_text_attribute(hid_t object, const char* name);
std::optional<int32_t> read_number_attribute(hid_t object, const char* name);

}  // namespace data
