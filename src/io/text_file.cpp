// A text file, gzipped or not, character by character.
#include "io/text_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <mho/error.h>
#include <mho/formats.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "io/files.h"

namespace mho::io {

TextFile::TextFile(std::filesystem::path path, std::uint64_t limit)
    : path_(std::move(path)), buffer_(std::size_t{1} << 16), limit_(limit) {
  static_cast<void>(InputFile(path_));  // refuses folders, pipes and files that cannot be read, with the reason
  Descriptor descriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.get() < 0) {
    throw Error(Code::kIo,
                fmt::format("{}: cannot be opened: {}", path_.string(), std::generic_category().message(errno)));
  }
  file_.reset(gzdopen(descriptor.get(), "rb"));
  if (file_ == nullptr) throw std::bad_alloc();
  descriptor.release();
  gzbuffer(file_.get(), 1U << 17);
}

bool TextFile::fill() {
  if (ended_) return false;
  const int got = gzread(file_.get(), buffer_.data(), static_cast<unsigned>(buffer_.size()));
  int code = Z_OK;
  const char* why = gzerror(file_.get(), &code);
  // A gzip stream that stops too early gives what it has, and Z_BUF_ERROR.
  if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
    const int error = errno;
    throw Error(Code::kIo, fmt::format("{}: cannot be read: {}", path_.string(),
                                       code == Z_ERRNO ? std::generic_category().message(error) : std::string(why)));
  }
  at_ = 0;
  end_ = static_cast<std::size_t>(got);
  ended_ = got == 0;
  read_ += end_;
  if (read_ > limit_) {
    throw Error(Code::kLimit, fmt::format("{}: has more than {} characters", path_.string(), limit_));
  }
  return got > 0;
}

bool TextFile::line(std::string& into, std::size_t limit) {
  into.clear();
  if (peek() == kEnd) return false;
  while (true) {
    if (at_ == end_ && !fill()) break;
    const auto begin = buffer_.begin() + static_cast<std::ptrdiff_t>(at_);
    const auto last = buffer_.begin() + static_cast<std::ptrdiff_t>(end_);
    const auto stop = std::find(begin, last, '\n');
    if (static_cast<std::size_t>(stop - begin) > limit - into.size()) {
      throw Error(Code::kLimit, fmt::format("{}: has a line of more than {} characters", path_.string(), limit));
    }
    into.append(begin, stop);
    at_ = static_cast<std::size_t>(stop - buffer_.begin());
    if (stop == last) continue;
    ++at_;
    break;
  }
  if (into.ends_with('\r')) into.pop_back();
  return true;
}

std::string text_extension(const std::filesystem::path& path) {
  const auto lower = [](std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) { return 'A' <= c && c <= 'Z' ? char(c - 'A' + 'a') : c; });
    return text;
  };
  const std::string last = lower(path.extension().string());
  return last == ".gz" ? lower(path.stem().extension().string()) : last;
}

}  // namespace mho::io
