// Invariant: memory does not grow with the number of examples. MHO_STREAM_EXAMPLES: how many (256 KiB each; default
// 400, 100 MB; 80000 are 20 GB).
#include "io/hdf5_writer.h"
#include "runs.h"

namespace mho::streaming {
namespace {

/// Writes `count` examples of [1, 256, 256] that are all different.
void write_examples(const std::string& path, std::int64_t count) {
  io::Hdf5Writer writer(path);
  writer.create("x", DType::f32, {count, 1, 256, 256});
  Array example(DType::f32, {1, 1, 256, 256});
  for (std::int64_t n = 0; n < count; ++n) {
    auto values = example.as<float>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<float>((i * 7 + static_cast<std::size_t>(n) * 13) % 251) / 251.0F;
    }
    writer.append("x", example);
  }
  writer.close();
}

std::int64_t peak_kib(const TemporaryFolder& folder, std::int64_t count) {
  const std::string data = folder / "data.h5";
  const std::string result = folder / "result.h5";
  write_examples(data, count);
  const TemporaryFolder log;
  Process process({"attribute", "tests/data/io/wide.onnx", "-i", data + ":/x", "-m", "gradient_x_activation", "-l", "x",
                   "pooled", "--threads", "1", "--store", "float32", "--memory", "64M", "--quiet", "-o", result},
                  log / ".");
  const Finished run = process.wait(24 * 3600);
  EXPECT_EQ(run.status, 0) << run.errors;
  EXPECT_GE(fs::file_size(result), static_cast<std::uintmax_t>(count) * 256 * 256 * 4);
  fs::remove(result);
  fs::remove(data);
  return run.peak_kib;
}

TEST(Memory, DoesNotGrowWithTheNumberOfExamples) {
  const TemporaryFolder folder;
  const int count = setting("MHO_STREAM_EXAMPLES", 400);
  const std::int64_t one = peak_kib(folder, std::max(count / 4, 64));
  const std::int64_t four = peak_kib(folder, count);
  RecordProperty("peak_kib_quarter", static_cast<int>(one));
  RecordProperty("peak_kib_whole", static_cast<int>(four));
  printf("peak resident set: %lld KiB for a quarter, %lld KiB for all %d examples\n", static_cast<long long>(one),
         static_cast<long long>(four), count);
  EXPECT_LE(four, one + 8 * 1024);
}

}  // namespace
}  // namespace mho::streaming
