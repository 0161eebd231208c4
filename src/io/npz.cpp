// read_npz, read_npz_texts and write_npz of <mho/io.h>: a .npz is a zip archive of .npy members.
#include "io/npz.h"

#include <fmt/format.h>
#include <mho/error.h>
#include <mho/io.h>

namespace mho::io {

namespace {

/// Reads what is left, so that the CRC of the whole member is checked.
void drain(ByteSource& source) {
  std::vector<std::byte> block(std::size_t{1} << 16);
  while (source.remaining() > 0) {
    const std::uint64_t count = std::min<std::uint64_t>(source.remaining(), block.size());
    source.read(std::span(block).first(static_cast<std::size_t>(count)));
  }
}

/// Calls `visit(name, header, source, what)` for every member.
template <class Visit>
void for_each_member(const std::filesystem::path& path, Visit&& visit) {
  const InputFile file(path);
  std::set<std::string, std::less<>> seen;
  for (const ZipEntry& entry : read_zip_directory(file)) {
    std::string name = entry.name;
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    if (!seen.insert(name).second) {
      throw Error(Code::kIo, fmt::format("{}: holds two arrays named '{}'", path.string(), name));
    }
    const std::string what = fmt::format("{}: array '{}'", path.string(), name);
    const auto source = open_zip_entry(file, entry);
    const NpyHeader header = read_npy_header(*source, what);
    visit(name, header, *source, what);
    drain(*source);
  }
}

}  // namespace

std::map<std::string, Array, std::less<>> read_npz(const std::filesystem::path& path) {
  std::map<std::string, Array, std::less<>> arrays;
  for_each_member(path, [&](const std::string& name, const NpyHeader& header, ByteSource& source, const auto& what) {
    if (header.kind == 'U' || header.kind == 'S') return;
    arrays.emplace(name, read_npy_elements(source, header, what));
  });
  return arrays;
}

std::map<std::string, std::string> read_npz_texts(const std::filesystem::path& path) {
  std::map<std::string, std::string> texts;
  for_each_member(path, [&](const std::string& name, const NpyHeader& header, ByteSource& source, const auto& what) {
    if (auto text = read_npy_text(source, header, what)) texts.emplace(name, std::move(*text));
  });
  return texts;
}

std::map<std::string, std::vector<std::string>, std::less<>> read_npz_text_lists(const std::filesystem::path& path) {
  std::map<std::string, std::vector<std::string>, std::less<>> lists;
  for_each_member(path, [&](const std::string& name, const NpyHeader& header, ByteSource& source, const auto& what) {
    if (auto texts = read_npy_texts(source, header, what)) lists.emplace(name, std::move(*texts));
  });
  return lists;
}

Array read_npz_array(const std::filesystem::path& path, std::string_view name) {
  const InputFile file(path);
  for (const ZipEntry& entry : read_zip_directory(file)) {
    if (entry.name != fmt::format("{}.npy", name)) continue;
    const std::string what = fmt::format("{}: array '{}'", path.string(), name);
    const auto source = open_zip_entry(file, entry);
    Array array = read_npy_elements(*source, read_npy_header(*source, what), what);
    drain(*source);
    return array;
  }
  throw Error(Code::kIo, fmt::format("{}: there is no array '{}'", path.string(), name));
}

std::string NpzWriter::member(std::string_view name) {
  if (name.empty() || name.find('\0') != std::string_view::npos) {
    throw Error(Code::kInvalidArgument, "an array of an .npz needs a name without zero bytes");
  }
  if (!names_.insert(std::string(name)).second) {
    throw Error(Code::kInvalidArgument, fmt::format("the .npz would hold two arrays named '{}'", name));
  }
  return fmt::format("{}.npy", name);
}

void NpzWriter::add(std::string_view name, const Array& array) {
  const std::string header = npy_header(npy_descr(array.dtype()), array.shape());
  zip_.add(member(name), std::as_bytes(std::span(header)), array.bytes());
}

void NpzWriter::begin(std::string_view name, DType dtype, const Shape& shape) {
  const std::string header = npy_header(npy_descr(dtype), shape);
  const auto elements = static_cast<std::uint64_t>(element_count(shape)) * size_of(dtype);
  zip_.begin(member(name), header.size() + elements);
  zip_.append(std::as_bytes(std::span(header)));
}

void NpzWriter::add_text(std::string_view name, std::string_view utf8) {
  const std::string bytes = npy_text(utf8);
  zip_.add(member(name), std::as_bytes(std::span(bytes)), {});
}

void NpzWriter::add_texts(std::string_view name, std::span<const std::string> utf8) {
  const std::string bytes = npy_texts(utf8);
  zip_.add(member(name), std::as_bytes(std::span(bytes)), {});
}

void write_npz(const std::filesystem::path& path, const std::map<std::string, Array, std::less<>>& arrays,
               const std::map<std::string, std::string>& texts) {
  NpzWriter writer(path);
  for (const auto& [name, array] : arrays) writer.add(name, array);
  for (const auto& [name, text] : texts) writer.add_text(name, text);
  writer.finish();
}

}  // namespace mho::io
