// HDF5's C interface with owners for its handles and its error stack as mho::Error. Only the files hdf5*.cpp see it.
#pragma once

// The interface of 1.10, which later releases still offer: Debian 12 has 1.10, Ubuntu 24.04 too.
#define H5_USE_110_API
#include <hdf5.h>
#include <mho/array.h>
#include <mho/error.h>

#include <filesystem>
#include <string>
#include <utility>

namespace mho::io::hdf5 {

/// While one lives, HDF5 prints no errors of this thread.
class Quiet {
 public:
  Quiet();
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
  ~Quiet();

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

/// Owns one identifier.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle() = default;
  Handle(hid_t id, Close close) noexcept : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  [[nodiscard]] hid_t get() const noexcept { return id_; }
  [[nodiscard]] hid_t release() noexcept { return std::exchange(id_, H5I_INVALID_HID); }

 private:
  hid_t id_ = H5I_INVALID_HID;
  Close close_ = nullptr;
};

/// The innermost entry of HDF5's error stack, which is emptied.
[[nodiscard]] std::string last_error();
/// Error(kIo): path, what failed, and why HDF5 says it did.
[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what);

/// The handle if it is one, else fail().
[[nodiscard]] inline Handle own(hid_t id, Handle::Close close, const std::filesystem::path& path,
                                const std::string& what) {
  if (id < 0) fail(path, what);
  return {id, close};
}
inline void require(herr_t status, const std::filesystem::path& path, const std::string& what) {
  if (status < 0) fail(path, what);
}

/// Opens for reading; no data of other files is followed from there.
[[nodiscard]] Handle open_file(const std::filesystem::path& path);

}  // namespace mho::io::hdf5
