// Writes the fuzz targets' seeds, one folder per target: make_seeds SOURCE_DIR DATA_DIR OUTPUT_DIR
#include <mho/io.h>
#include <mho/parts.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "support/operator_cases.h"
#include "support/operator_models.h"

namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMostSeedBytes = 16384;  // large seeds slow the fuzzer down

void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

void copy_seeds(const fs::path& from, const std::string& extension, const fs::path& to) {
  for (const auto& entry : fs::directory_iterator(from)) {
    if (entry.path().extension() != extension || entry.file_size() > kMostSeedBytes) continue;
    fs::copy_file(entry.path(), to / entry.path().filename(), fs::copy_options::overwrite_existing);
  }
}

/// Seeds of the models' folder for the target that reads sixteen choices first: as declared, and two others.
void specializations_of(const fs::path& models, const fs::path& to) {
  for (const auto& entry : fs::directory_iterator(models)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string model{std::istreambuf_iterator<char>(file), {}};
    const std::string choices[] = {std::string(16, '\1'), {"\2\3\7\0\5\x13\xE3\2\10\3\1\4\x23\1\6\7", 16}};
    for (std::size_t i = 0; i < std::size(choices); ++i) {
      write_file(to / (entry.path().filename().string() + "_" + std::to_string(i)), choices[i] + model);
    }
  }
}

/// A result of two layers and two examples, as the program writes it.
mho::Result sample_result() {
  mho::Result result;
  for (const char* name : {"a", "b"}) {
    mho::LayerResult layer;
    layer.name = name;
    layer.node = layer.op = "Relu";
    layer.cut = true;
    layer.values = mho::Array(mho::DType::f64, {2, 3});
    layer.residual = layer.estimated_error = {0.5, 0.25};
    result.layers.push_back(layer);
  }
  result.f_input = result.f_baseline = {1, 2};
  result.target = result.evaluations = result.steps = {1, 2};
  result.converged = {true, false};
  result.names = {"one", "two"};
  result.target_tensor = "y";
  result.metadata = {{"method", "nig"}, {"mho", "0"}};
  return result;
}

void make_results(const fs::path& output) {
  const mho::Result result = sample_result();
  mho::io::write_result(output / "fuzz_results" / "result.npz", result);
  const std::string metadata = mho::io::read_npz_texts(output / "fuzz_results" / "result.npz").at("mho/metadata");
  // Arrays by number (fuzz_results.cpp): columns of one axis of 2, layers of two.
  std::string contents = metadata + '\0';
  for (int name = 0; name < 12; ++name) {
    contents += static_cast<char>(name);
    contents += static_cast<char>(name == 6 || name == 9 ? 2 | 2 << 2 | 3 << 4 : 1 | 2 << 2);
  }
  write_file(output / "fuzz_results" / "contents", contents);
  {
    mho::io::RunParts parts(output / "whole.h5");
    mho::io::RunPlan plan;
    plan.examples = 2;
    plan.chunk = 1;
    plan.identity = {{"model", "m"}};
    parts.begin(plan);
    fs::copy_file(parts.folder() / "manifest.json", output / "fuzz_results" / "manifest",
                  fs::copy_options::overwrite_existing);
    mho::Result half = result;
    half.names.clear();
    for (mho::LayerResult& layer : half.layers) {
      layer.values = mho::Array(mho::DType::f64, {1, 3});
      layer.residual = layer.estimated_error = {0.5};
    }
    half.f_input = half.f_baseline = {1};
    half.target = half.evaluations = half.steps = {1};
    half.converged = {true};
    for (std::int64_t part : {0, 1}) parts.write(part, 0, half);
    parts.assemble([](std::int64_t, const mho::Result&) {});
  }
  fs::rename(output / "whole.h5", output / "fuzz_hdf5" / "result.h5");
}

/// The models of the ONNX backend test-suite that are small enough, from its archive; none where it is not there.
void add_conformance(const fs::path& archive, const fs::path& to) {
  if (!fs::exists(archive)) return;
  const fs::path folder = to.parent_path() / "suite";
  fs::create_directories(folder);
  const std::string command = "tar -xzf '" + archive.string() + "' -C '" + folder.string() + "' --wildcards '*.onnx'";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("cannot unpack " + archive.string());
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    constexpr std::uintmax_t kMostBytes = 4096;
    if (!entry.is_regular_file() || entry.path().extension() != ".onnx" || entry.file_size() > kMostBytes) continue;
    fs::copy_file(entry.path(), to / ("suite_" + entry.path().parent_path().filename().string()),
                  fs::copy_options::overwrite_existing);
  }
  fs::remove_all(folder);
}

void make(const fs::path& source, const fs::path& data, const fs::path& output) {
  for (const char* target : {"fuzz_onnx_loader", "fuzz_specialize", "fuzz_npz", "fuzz_results", "fuzz_image",
                             "fuzz_fasta", "fuzz_csv", "fuzz_hdf5"}) {
    fs::create_directories(output / target);
  }
  int number = 0;
  for (const auto& [name, model] : mho::testing::operator_models()) {
    write_file(output / "fuzz_onnx_loader" / (std::to_string(number++) + "_" + name), model.serialized());
  }
  for (const auto& one : mho::testing::operator_cases(1)) {
    write_file(output / "fuzz_onnx_loader" / ("case_" + std::to_string(number++)), one.model.serialized());
  }
  write_file(output / "fuzz_onnx_loader" / "network", mho::testing::sample_network().serialized());
  copy_seeds(source / "tests/golden/data", ".onnx", output / "fuzz_onnx_loader");
  copy_seeds(source / "tests/golden/operators", ".onnx", output / "fuzz_onnx_loader");
  add_conformance(data / "onnx_conformance.tar.gz", output / "fuzz_onnx_loader");
  specializations_of(output / "fuzz_onnx_loader", output / "fuzz_specialize");
  for (const char* extension : {".npy", ".npz"}) {
    copy_seeds(source / "tests/data/io", extension, output / "fuzz_npz");
  }
  for (const char* extension : {".png", ".jpg", ".bmp", ".pgm", ".ppm"}) {
    copy_seeds(source / "tests/data/io", extension, output / "fuzz_image");
  }
  copy_seeds(source / "tests/data/io", ".gz", output / "fuzz_fasta");
  write_file(output / "fuzz_fasta" / "plain", ">one two\nACGT\nNacg\n>three\n-cgtRYK.\n");
  write_file(output / "fuzz_csv" / "table", "a,\"b \"\"c\"\"\"\n1,-2.5e3\n\"3\",4\n");
  write_file(output / "fuzz_csv" / "tabs", "1;2\r\n3;4\r\n");
  write_file(output / "fuzz_csv" / "lists", R"({"ids": [[1, 2], [3]], "mask": [[1, 1], [0]]})");
  copy_seeds(source / "tests/data/io", ".h5", output / "fuzz_hdf5");
  make_results(output);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: make_seeds SOURCE_DIR DATA_DIR OUTPUT_DIR\n", stderr);
    return 2;
  }
  try {
    make(argv[1], argv[2], argv[3]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_seeds: %s\n", error.what());
    return 1;
  }
  return 0;
}
