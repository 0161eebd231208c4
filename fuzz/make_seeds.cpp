// Writes the fuzz targets' seeds, one folder per target: make_seeds SOURCE_DIR OUTPUT_DIR
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
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

void make(const fs::path& source, const fs::path& output) {
  for (const char* target : {"fuzz_onnx_loader", "fuzz_npz", "fuzz_image", "fuzz_fasta", "fuzz_csv", "fuzz_hdf5"}) {
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
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: make_seeds SOURCE_DIR OUTPUT_DIR\n", stderr);
    return 2;
  }
  try {
    make(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_seeds: %s\n", error.what());
    return 1;
  }
  return 0;
}
