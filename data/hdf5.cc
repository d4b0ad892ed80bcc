#include "data/hdf5.h"

#include <cstring>

namespace data {
namespace {

std::mutex g_mutex;

Hdf5Handle text_type(size_t size) {
  Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.id(), size);
  H5Tset_cset(type.id(), H5T_CSET_UTF8);
  return type;
}

bool write_value(hid_t object, const char* name, hid_t type, const void* value) {
  const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Hdf5Handle attribute(H5Acreate2(object, name, type, space.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  return attribute && H5Awrite(attribute.id(), type, value) >= 0;
}

/// The attribute, where there is one of exactly one value.
Hdf5Handle open_single(hid_t object, const char* name) {
  Hdf5Handle attribute(H5Aexists(object, name) > 0 ? H5Aopen(object, name, H5P_DEFAULT) : H5I_INVALID_HID, H5Aclose);
  if (!attribute) return attribute;
  const Hdf5Handle space(H5Aget_space(attribute.id()), H5Sclose);
  if (space && H5Sget_simple_extent_npoints(space.id()) == 1) return attribute;
  return {H5I_INVALID_HID, H5Aclose};
}

}  // namespace

Hdf5Lock::Hdf5Lock() : lock_(g_mutex) {
  // All is closed here; what could not be written (a full disk) makes the library crash when it tries again at exit.
  [[maybe_unused]] static const herr_t no_exit_handler = H5dont_atexit();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Hdf5Handle hdf5_file_access() {
  Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_file_locking(access.id(), false, true);
  return access;
}

bool write_attribute(hid_t object, const char* name, const std::string& text) {
  const char* characters = text.c_str();
  return write_value(object, name, text_type(H5T_VARIABLE).id(), &characters);
}

bool write_attribute(hid_t object, const char* name, int32_t number) {
  return write_value(object, name, H5T_STD_I32LE, &number);
}

std::optional<std::string> read_text_attribute(hid_t object, const char* name) {
  constexpr size_t kLongest = 1 << 16;  // characters; no attribute of ours is near
  const Hdf5Handle attribute = open_single(object, name);
  if (!attribute) return std::nullopt;
  const Hdf5Handle type(H5Aget_type(attribute.id()), H5Tclose);
  if (!type || H5Tget_class(type.id()) != H5T_STRING) return std::nullopt;
  // Reading converts nothing but the length, and refuses where the character sets differ.
  if (H5Tis_variable_str(type.id()) > 0) {
    char* characters = nullptr;
    if (H5Aread(attribute.id(), type.id(), &characters) < 0 || characters == nullptr) return std::nullopt;
    std::string text = characters;
    H5free_memory(characters);
    return text;
  }
  const size_t size = H5Tget_size(type.id());
  if (size > kLongest) return std::nullopt;
  std::string text(size, '\0');
  if (H5Aread(attribute.id(), type.id(), text.data()) < 0) return std::nullopt;
  text.resize(std::strlen(text.c_str()));
  return text;
}

std::optional<int32_t> read_number_attribute(hid_t object, const char* name) {
  const Hdf5Handle attribute = open_single(object, name);
  if (!attribute) return std::nullopt;
  const Hdf5Handle type(H5Aget_type(attribute.id()), H5Tclose);
  int32_t number = 0;
  if (!type || H5Tget_class(type.id()) != H5T_INTEGER || H5Aread(attribute.id(), H5T_NATIVE_INT32, &number) < 0)
    return std::nullopt;
  return number;
}

}  // namespace data
