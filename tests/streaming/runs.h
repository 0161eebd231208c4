// Streamed runs of the digits model that the tests stop, damage and compare.
#pragma once

#include <gtest/gtest.h>
#include <mho/io.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "process.h"
#include "temporary_folder.h"

namespace mho::streaming {

using cli::Finished;
using cli::Process;
using cli::run_program;
using cli::TemporaryFolder;
namespace fs = std::filesystem;

inline const std::string kDigits = "examples/digits/digits.npz";

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// 36 digits in nine chunks, with layers of different size; some tenths of a second.
inline std::vector<std::string> command(const std::string& result, const std::vector<std::string>& more = {},
                                        const std::string& chunk = "4") {
  std::vector<std::string> words = {"attribute", "examples/digits/cnn.onnx",
                                    "-i",        kDigits,
                                    "-l",        "relu1",
                                    "relu4",     "logits",
                                    "--chunk",   chunk,
                                    "--threads", "1",
                                    "--quiet",   "-o",
                                    result};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// A number from the environment, for longer runs on demand.
inline int setting(const char* name, int usual) {
  const char* text = std::getenv(name);
  return text == nullptr ? usual : std::atoi(text);
}

/// The digits' pixels from the last to the first: other images of the same shape.
inline void write_reversed_images(const std::filesystem::path& path) {
  const Array images = io::read_npz(MHO_SOURCE_DIR "/" + kDigits).at("images");
  Array others(images.dtype(), images.shape());
  std::ranges::reverse_copy(images.as<float>(), others.as<float>().begin());
  io::write_npy(path, others);
}

}  // namespace mho::streaming
