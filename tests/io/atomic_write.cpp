// Invariant: a file that is being written appears whole or not at all; what was there before survives every failure.
#include <gtest/gtest.h>
#include <mho/error.h>
#include <mho/io.h>

#include <thread>

#include "io/files.h"
#include "io/npz.h"
#include "io/temporary_folder.h"

namespace mho::io {
namespace {

TEST(AtomicFile, UncommittedWritesLeaveTheOldFileAndNothingElse) {
  TemporaryFolder folder;
  write_bytes(folder / "result.npz", "old");
  {
    AtomicFile file(folder / "result.npz");
    file.write(std::as_bytes(std::span("half a new one")));
    EXPECT_EQ(read_bytes(folder / "result.npz"), "old");
  }
  EXPECT_EQ(read_bytes(folder / "result.npz"), "old");
  EXPECT_EQ(folder.file_count(), 1u);
}

TEST(AtomicFile, FailedArchivesLeaveTheOldFileAndNothingElse) {
  TemporaryFolder folder;
  write_bytes(folder / "result.npz", "old");
  const Array array({1}, std::vector<float>{1});
  EXPECT_THROW(
      {
        NpzWriter writer(folder / "result.npz");
        writer.add("a", array);
        writer.add("a", array);
      },
      Error);
  EXPECT_EQ(read_bytes(folder / "result.npz"), "old");
  EXPECT_EQ(folder.file_count(), 1u);
}

TEST(AtomicFile, ReadersNeverSeeHalfAFile) {
  TemporaryFolder folder;
  const auto path = folder / "array.npy";
  write_npy(path, Array(DType::f64, {1}));
  std::jthread writer([&](const std::stop_token& stop) {
    for (std::int64_t size = 1; !stop.stop_requested(); size = size % 5000 + 1000) {
      write_npy(path, Array(DType::f64, {size}));
    }
  });
  for (int i = 0; i < 200; ++i) EXPECT_NO_THROW((void)read_npy(path));
}

TEST(AtomicFile, WritesThroughALinkInsteadOfReplacingIt) {
  TemporaryFolder folder;
  write_bytes(folder / "real.npy", "old");
  std::filesystem::create_symlink(folder / "real.npy", folder / "link.npy");
  write_npy(folder / "link.npy", Array(DType::f32, {3}));
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link.npy"));
  EXPECT_EQ(read_npy(folder / "real.npy").shape(), (Shape{3}));
}

TEST(AtomicFile, FoldersAndDevicesAreNotReplaced) {
  TemporaryFolder folder;
  EXPECT_THROW(write_npy(folder / "", Array()), Error);
  EXPECT_THROW(write_npy("/dev/null", Array()), Error);
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  EXPECT_THROW(write_npy(folder / "no/such/folder.npy", Array()), Error);
}

}  // namespace
}  // namespace mho::io
