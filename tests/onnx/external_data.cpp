// Invariant: external data is read from files inside the model's folder only, and only where they hold all of it.
#include <sys/inotify.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>

#include "onnx/loading.h"

namespace mho::onnx {
namespace {

namespace fs = std::filesystem;
using testing::external_tensor;

/// A folder holding `model/` with weights.bin (the floats 0 to 15), and a file outside of it.
class OnnxExternalData : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "mho_onnx_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    fs::create_directories(folder() / "sub");
    write(folder() / "weights.bin");
    write(folder() / "sub" / "weights.bin");
    write(root_ / "secret.bin");
  }
  void TearDown() override { fs::remove_all(root_); }

  [[nodiscard]] fs::path folder() const { return root_ / "model"; }
  [[nodiscard]] const fs::path& root() const { return root_; }

  static void write(const fs::path& path) {
    std::ofstream file(path, std::ios::binary);
    for (int i = 0; i < 16; ++i) {
      const auto value = static_cast<float>(i);
      file.write(reinterpret_cast<const char*>(&value), sizeof(value));
    }
  }

  static ModelBuilder model(const TensorProto& tensor) {
    ModelBuilder model;
    model.initializer(tensor).output("w");
    return model;
  }
  [[nodiscard]] std::vector<float> elements(const TensorProto& tensor) const {
    const graph::Graph graph = load(model(tensor), folder()).specialize({});
    const auto values = graph.value(graph.outputs()[0]).constant->as<float>();
    return {values.begin(), values.end()};
  }
  [[nodiscard]] Failure failure(const TensorProto& tensor) const {
    return failure_of([&] { static_cast<void>(load(model(tensor), folder())); });
  }
  static TensorProto floats(const Shape& shape, const std::string& location, const std::string& offset = {},
                            const std::string& length = {}) {
    return external_tensor("w", TensorProto::FLOAT, shape, location, offset, length);
  }

 private:
  fs::path root_;
};

TEST_F(OnnxExternalData, IsReadAtItsOffset) {
  EXPECT_EQ(elements(floats({2}, "weights.bin")), (std::vector<float>{0, 1}));
  EXPECT_EQ(elements(floats({2}, "weights.bin", "8", "8")), (std::vector<float>{2, 3}));
  EXPECT_EQ(elements(floats({1, 2}, "sub/weights.bin", "56")), (std::vector<float>{14, 15}));
  EXPECT_EQ(elements(floats({0}, "weights.bin", "64")), (std::vector<float>{}));
  EXPECT_EQ(elements(floats({1}, "./weights.bin", "4")), (std::vector<float>{1}));
}

TEST_F(OnnxExternalData, MayLieAtAnyAlignment) {
  std::ofstream file(folder() / "odd.bin", std::ios::binary);
  const float values[] = {1.5F, -2.5F};
  file.put('x');
  file.write(reinterpret_cast<const char*>(values), sizeof(values));
  file.close();
  EXPECT_EQ(elements(floats({2}, "odd.bin", "1")), (std::vector<float>{1.5F, -2.5F}));
}

TEST_F(OnnxExternalData, IsFoundFromTheModelsFileAndOutlivesTheModel) {
  const fs::path path = folder() / "model.onnx";
  std::ofstream(path, std::ios::binary) << model(floats({3}, "weights.bin", "4")).serialized();
  const graph::Graph graph = Model::load(path).specialize({});
  const auto values = graph.value(graph.outputs()[0]).constant->as<float>();
  EXPECT_EQ(std::vector<float>(values.begin(), values.end()), (std::vector<float>{1, 2, 3}));
}

TEST_F(OnnxExternalData, OutsideTheFolderIsRefused) {
  for (const std::string location : {"../secret.bin", "sub/../../secret.bin", "..", "sub/../weights.bin"}) {
    expect_failure(failure(floats({2}, location)), Code::kInvalidModel,
                   {"'w'", location.c_str(), "outside the model's folder", "not allowed"});
  }
  expect_failure(failure(floats({2}, (root() / "secret.bin").string())), Code::kInvalidModel,
                 {"secret.bin", "outside the model's folder"});
  expect_failure(failure(floats({2}, "/etc/passwd")), Code::kInvalidModel, {"/etc/passwd", "not allowed"});
}

TEST_F(OnnxExternalData, LinksOutOfTheFolderAreRefused) {
  fs::create_symlink(root() / "secret.bin", folder() / "link.bin");
  fs::create_directory_symlink(root(), folder() / "up");
  expect_failure(failure(floats({2}, "link.bin")), Code::kInvalidModel, {"'link.bin'", "outside"});
  expect_failure(failure(floats({2}, "up/secret.bin")), Code::kInvalidModel, {"'up/secret.bin'", "outside"});
  // A link that stays inside is a file like any other.
  fs::create_symlink("weights.bin", folder() / "inside.bin");
  EXPECT_EQ(elements(floats({1}, "inside.bin", "8")), (std::vector<float>{2}));
  // A folder whose name begins like the model's is another folder.
  fs::create_directories(root() / "model2");
  write(root() / "model2" / "weights.bin");
  fs::create_symlink(root() / "model2" / "weights.bin", folder() / "neighbour.bin");
  expect_failure(failure(floats({2}, "neighbour.bin")), Code::kInvalidModel, {"outside"});
}

/// Counts how often files are opened, whoever opens them.
class Opened {
 public:
  explicit Opened(const std::vector<fs::path>& files) : descriptor_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    for (const fs::path& file : files) EXPECT_GE(::inotify_add_watch(descriptor_, file.c_str(), IN_OPEN), 0) << file;
  }
  ~Opened() { ::close(descriptor_); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  [[nodiscard]] int count() const {
    alignas(inotify_event) char events[4096];
    int count = 0;
    for (ssize_t got = 0; (got = ::read(descriptor_, events, sizeof(events))) > 0;) {
      count += static_cast<int>(got / static_cast<ssize_t>(sizeof(inotify_event)));
    }
    return count;
  }

 private:
  int descriptor_;
};

TEST_F(OnnxExternalData, NothingOutsideTheFolderIsEverOpened) {
  fs::create_directories(root() / "model2");
  write(root() / "model2" / "weights.bin");
  fs::create_symlink(root() / "secret.bin", folder() / "link.bin");
  fs::create_symlink("../secret.bin", folder() / "relative.bin");
  fs::create_symlink("link.bin", folder() / "link_to_link.bin");
  fs::create_directory_symlink(root(), folder() / "up");
  fs::create_directory_symlink("..", folder() / "sub" / "above");
  fs::create_directory_symlink(root() / "model2", folder() / "other");
  const Opened opened({root() / "secret.bin", root() / "model2" / "weights.bin", "/etc/passwd"});
  const std::string absolute = (root() / "secret.bin").string();
  std::vector<std::string> locations;
  for (const char* location : {"../secret.bin",
                               "./../secret.bin",
                               "sub/../../secret.bin",
                               "sub/./../../secret.bin",
                               ".//..//secret.bin",
                               "..",
                               "../",
                               "../model2/weights.bin",
                               "weights.bin/../../secret.bin",
                               "link.bin",
                               "relative.bin",
                               "link_to_link.bin",
                               "./link.bin",
                               "sub/../link.bin",
                               "up/secret.bin",
                               "up/model2/weights.bin",
                               "up/model/../secret.bin",
                               "sub/above/link.bin",
                               "sub/above/up/secret.bin",
                               "other/weights.bin",
                               "/etc/passwd",
                               "//etc/passwd",
                               "/./etc/passwd",
                               "file:///etc/passwd",
                               "..\\secret.bin",
                               "sub\\..\\..\\secret.bin",
                               "C:\\secret.bin",
                               "%2e%2e/secret.bin",
                               "..%2fsecret.bin",
                               "~/secret.bin",
                               "$HOME/secret.bin",
                               ".../secret.bin",
                               ". ./secret.bin",
                               "..\n/secret.bin",
                               "UP/secret.bin",
                               "Link.bin",
                               "WEIGHTS.BIN",
                               "\xC0\xAE\xC0\xAE/secret.bin",
                               "\xEF\xBC\x8E\xEF\xBC\x8E/secret.bin",
                               "..\xE2\x88\x95secret.bin",
                               "|cat ../secret.bin"}) {
    locations.emplace_back(location);
  }
  for (const char* before : {"", "/", "//", "/proc/self/root", "file://"}) locations.push_back(before + absolute);
  locations.emplace_back("../secret.bin\0", 14);
  locations.emplace_back("weights.bin\0/../../secret.bin", 29);
  locations.emplace_back(5000, '/');
  locations.back() += "secret.bin";
  locations.emplace_back(100'000, 'a');
  for (const std::string& location : locations) {
    const Failure refused = failure(floats({2}, location));
    EXPECT_TRUE(refused.code == Code::kInvalidModel || refused.code == Code::kIo)
        << location << ": " << refused.message;
  }
  EXPECT_EQ(opened.count(), 0);
  // The watch sees what it is to see.
  EXPECT_TRUE(std::ifstream(root() / "secret.bin").good());
  EXPECT_EQ(opened.count(), 1);
}

TEST_F(OnnxExternalData, WhatIsNoFileIsRefused) {
  expect_failure(failure(floats({2}, "absent.bin")), Code::kIo, {"'w'", "'absent.bin'", folder().filename().c_str()});
  expect_failure(failure(floats({2}, "sub")), Code::kIo, {"sub", "not a regular file"});
  expect_failure(failure(floats({2}, "")), Code::kInvalidModel, {"'w'", "no location"});
  expect_failure(failure(floats({2}, std::string("weights.bin\0../x", 16))), Code::kInvalidModel, {"'w'"});
  ASSERT_EQ(::mkfifo((folder() / "pipe").c_str(), 0600), 0);
  expect_failure(failure(floats({2}, "pipe")), Code::kIo, {"pipe", "not a regular file"});
  fs::create_symlink("loop.bin", folder() / "loop.bin");
  expect_failure(failure(floats({2}, "loop.bin")), Code::kIo, {"loop.bin"});
}

TEST_F(OnnxExternalData, BeyondTheFileIsRefused) {
  expect_failure(failure(floats({17}, "weights.bin")), Code::kInvalidModel,
                 {"'w'", "needs 68 bytes", "'weights.bin'", "64"});
  expect_failure(failure(floats({1}, "weights.bin", "61")), Code::kInvalidModel, {"offset 61"});
  expect_failure(failure(floats({1}, "weights.bin", "18446744073709551615")), Code::kInvalidModel, {"'w'", "offset"});
  expect_failure(failure(floats({1}, "weights.bin", "18446744073709551616")), Code::kInvalidModel,
                 {"offset", "not a number"});
  for (const char* offset : {"-4", "4x", " 4", "0x4"}) {
    expect_failure(failure(floats({1}, "weights.bin", offset)), Code::kInvalidModel, {"offset", "not a number"});
  }
  expect_failure(failure(floats({2}, "weights.bin", "0", "4")), Code::kInvalidModel,
                 {"'w'", "needs 8 bytes", "declares 4"});
  expect_failure(failure(floats({2}, "weights.bin", "0", "64")), Code::kInvalidModel, {"needs 8 bytes", "declares 64"});
  expect_failure(failure(floats({1 << 16, 1 << 16}, "weights.bin")), Code::kInvalidModel, {"'w'", "bytes"});
}

TEST_F(OnnxExternalData, FromMemoryWithoutAFolderIsRefused) {
  expect_failure(failure_of([] { static_cast<void>(load(model(floats({2}, "weights.bin")))); }), Code::kInvalidModel,
                 {"'w'", "external", "folder"});
}

TEST_F(OnnxExternalData, InAttributesIsRefused) {
  ModelBuilder model;
  model.output("y");
  model.node("Constant", {}, {"y"}).named("c").with("value", floats({2}, "/etc/passwd"));
  const Model loaded = load(model, folder());
  expect_failure(failure_of([&] { static_cast<void>(loaded.specialize({})); }), Code::kInvalidModel,
                 {"Constant node 'c'"});
}

}  // namespace
}  // namespace mho::onnx
