// Call log: what the recorder wrote, read back.
#pragma once

#include <filesystem>
#include <vector>

#include "kith/base/bytes.hpp"

namespace kith::crash {

struct Call {
  char type;  // recorder.h
  bool durable;
  std::uint64_t inode, offset;
  std::string name;
  Bytes data;
};

std::vector<Call> read_call_log(const std::filesystem::path& file);

}  // namespace kith::crash
