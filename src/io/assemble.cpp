// Puts the parts of a run together as one file.
#include "io/assemble.h"

#include <fmt/format.h>
#include <mho/io.h>

#include <algorithm>
#include <set>

#include "io/files.h"
#include "io/hdf5_writer.h"
#include "io/npz.h"
#include "io/result_layout.h"

namespace mho::io {

namespace {

/// Names of HDF5 data sets, in which a slash would make groups: one per layer, all different.
std::vector<std::string> hdf5_names(const Result& result) {
  std::vector<std::string> names;
  std::set<std::string> taken = {"mho"};
  for (const LayerResult& layer : result.layers) {
    std::string name = array_name(layer.name);
    if (name.starts_with('/')) name.erase(0, 1);
    std::ranges::replace(name, '/', '.');
    if (name.find_first_not_of('.') == std::string::npos) name.insert(0, "layer:");
    std::string unique = name;
    for (int i = 2; !taken.insert(unique).second; ++i) unique = fmt::format("{}_{}", name, i);
    names.push_back(std::move(unique));
  }
  return names;
}

bool same_layers(const Result& a, const Result& b) {
  return std::ranges::equal(a.layers, b.layers, [](const LayerResult& x, const LayerResult& y) {
    const Shape& p = x.values.shape();
    const Shape& q = y.values.shape();
    return x.name == y.name && p.size() == q.size() && std::equal(p.begin() + 1, p.end(), q.begin() + 1) &&
           x.residual.empty() == y.residual.empty() && x.cancellation.empty() == y.cancellation.empty();
  });
}

}  // namespace

void Assembly::add(const Result& part) {
  if (!first_) {
    first_ = part;
  } else if (!same_layers(*first_, part) || first_->names.empty() != part.names.empty()) {
    throw Error(Code::kIo, "the parts of this run do not go together: they have different layers");
  }
  names_.insert(names_.end(), part.names.begin(), part.names.end());
}

void Assembly::write(const PartsFolder& folder, bool npz, const std::filesystem::path& path) const {
  npz ? write_npz(folder, path) : write_hdf5(folder, path);
}

std::string Assembly::metadata(const std::vector<std::string>& arrays) const {
  nlohmann::json document = describe(*first_);
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    document["layers"][i]["array"] = arrays[i];
    document["layers"][i]["shape"] = whole_shape(first_->layers[i].values);
  }
  document["run"]["examples_per_chunk"] = std::to_string(plan_.chunk);
  return metadata_text(document);
}

Shape Assembly::whole_shape(const Array& part) const {
  Shape shape = part.shape();
  shape.at(0) = plan_.examples;
  return shape;
}

void Assembly::write_npz(const PartsFolder& folder, const std::filesystem::path& path) const {
  NpzWriter writer(path);
  std::vector<std::string> arrays;
  for (const LayerResult& layer : first_->layers) arrays.push_back(array_name(layer.name));
  const auto name_of = [](const LayerResult& layer) { return array_name(layer.name); };
  for_each_array(*first_, name_of, [&](const std::string& name, const Array& first) {
    const DType dtype = read_npz_array(folder.part(0), name).dtype();
    writer.begin(name, dtype, whole_shape(first));
    for (std::int64_t part = 0; part < plan_.parts(); ++part) {
      writer.append(read_npz_array(folder.part(part), name).bytes());
    }
    writer.end();
  });
  if (!names_.empty()) writer.add_texts("mho/names", names_);
  writer.add_text("mho/metadata", metadata(arrays));
  writer.finish();
}

void Assembly::write_hdf5(const PartsFolder& folder, const std::filesystem::path& path) const {
  const std::filesystem::path temporary = folder.path / ".whole.tmp";
  Hdf5Writer writer(temporary);
  const std::vector<std::string> arrays = hdf5_names(*first_);
  // Names follow the order of layers, which is that of every part.
  const auto visit = [&](const Result& part, const auto& function) {
    std::size_t next = 0;
    for_each_array(
        part, [&](const LayerResult&) { return arrays[next++]; }, function);
  };
  visit(*first_, [&](const std::string& name, const Array& first) {
    const bool is_layer = std::ranges::find(arrays, name) != arrays.end();
    writer.create(name, is_layer && plan_.single ? DType::f32 : first.dtype(), whole_shape(first));
  });
  for (std::int64_t part = 0; part < plan_.parts(); ++part) {
    visit(read_result(folder.part(part)),
          [&](const std::string& name, const Array& array) { writer.append(name, array); });
  }
  if (!names_.empty()) {
    const auto longest = std::ranges::max_element(names_, {}, &std::string::size);
    writer.create_texts("mho/names", static_cast<std::int64_t>(names_.size()), longest->size());
    writer.append("mho/names", std::span<const std::string>(names_));
  }
  writer.add_text("mho/metadata", metadata(arrays));
  writer.close();
  flush_file(temporary);
  put_in_place(temporary, path);
}

}  // namespace mho::io
