// Files that PyTorch writes: torch.save's zip archives (since 1.6) and its old format, and TorchScript archives.
#pragma once

#include <memory>
#include <string_view>

#include "data/file_mapping.h"
#include "data/tensor_file.h"

namespace data {

/// Whether a file begins as a zip archive does.
bool is_torch_zip(std::string_view bytes);
/// Whether a file begins as a pickle does (of whatever), or as a tar archive, PyTorch's first format.
bool is_torch_stream(std::string_view bytes);

/// The named tensors (data/torch_pickle.h tells which) of what torch.save or torch.jit.save wrote as a zip archive: an
/// entry with a pickle and one for each storage. Tensors are views of the mapping; those that share a storage share it.
/// Throws std::runtime_error of one line with the path where the archive is damaged, lacks an entry, was written on a
/// big-endian machine, or its pickle is refused (data/pickle.h).
TensorFile read_torch_zip(const std::shared_ptr<FileMapping>& mapping);

/// The same of what torch.save wrote before 1.6 (or with `_use_new_zipfile_serialization=False`): five pickles, then
/// the storages one after another. Those lie anywhere, so that most are copied, each once. Throws as read_torch_zip,
/// and where the file is any other pickle.
TensorFile read_torch_stream(const std::shared_ptr<FileMapping>& mapping);

}  // namespace data
