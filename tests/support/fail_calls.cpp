// Preloaded into the program under test: makes one system call fail, as a full disk or a bad one would.
//   MHO_FAIL=KIND:NUMBER:ERRNO   the NUMBERth call of KIND (write, read, fsync, rename, open) and all after it fail;
//   MHO_FAIL=KIND:NUMBER:ERRNO:1 only that one
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

struct Fault {
  std::string kind;
  long number = -1;
  int error = 0;
  bool once = false;
  std::atomic<long> calls{0};

  Fault() {
    const char* text = std::getenv("MHO_FAIL");
    if (text == nullptr) return;
    const std::string all = text;
    const std::size_t first = all.find(':');
    const std::size_t second = all.find(':', first + 1);
    kind = all.substr(0, first);
    number = std::atol(all.c_str() + first + 1);
    error = std::atoi(all.c_str() + second + 1);
    once = all.find(':', second + 1) != std::string::npos;
  }
};

Fault& fault() {
  static Fault one;
  return one;
}

/// Whether this call is to fail; errno is set then.
bool fails(const char* kind) {
  Fault& f = fault();
  if (f.kind != kind) return false;
  const long call = ++f.calls;
  if (f.once ? call != f.number : call < f.number) return false;
  errno = f.error;
  return true;
}

template <class Function>
Function next(const char* name) {
  Function function = nullptr;
  void* found = dlsym(RTLD_NEXT, name);
  std::memcpy(&function, &found, sizeof function);
  return function;
}

}  // namespace

#define MHO_EXPORT extern "C" __attribute__((visibility("default")))

MHO_EXPORT ssize_t write(int fd, const void* data, size_t size) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
  return fd > 2 && fails("write") ? -1 : real(fd, data, size);
}
MHO_EXPORT ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  return fails("write") ? -1 : real(fd, data, size, at);
}
MHO_EXPORT ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  return fails("write") ? -1 : real(fd, data, size, at);
}
MHO_EXPORT ssize_t read(int fd, void* data, size_t size) {
  static const auto real = next<ssize_t (*)(int, void*, size_t)>("read");
  return fails("read") ? -1 : real(fd, data, size);
}
MHO_EXPORT ssize_t pread(int fd, void* data, size_t size, off_t at) {
  static const auto real = next<ssize_t (*)(int, void*, size_t, off_t)>("pread");
  return fails("read") ? -1 : real(fd, data, size, at);
}
MHO_EXPORT ssize_t pread64(int fd, void* data, size_t size, off64_t at) {
  static const auto real = next<ssize_t (*)(int, void*, size_t, off64_t)>("pread64");
  return fails("read") ? -1 : real(fd, data, size, at);
}
MHO_EXPORT int fsync(int fd) {
  static const auto real = next<int (*)(int)>("fsync");
  return fails("fsync") ? -1 : real(fd);
}
MHO_EXPORT int rename(const char* from, const char* to) noexcept {
  static const auto real = next<int (*)(const char*, const char*)>("rename");
  return fails("rename") ? -1 : real(from, to);
}
MHO_EXPORT int ftruncate(int fd, off_t size) noexcept {
  static const auto real = next<int (*)(int, off_t)>("ftruncate");
  return fails("write") ? -1 : real(fd, size);
}
MHO_EXPORT int ftruncate64(int fd, off64_t size) noexcept {
  static const auto real = next<int (*)(int, off64_t)>("ftruncate64");
  return fails("write") ? -1 : real(fd, size);
}
