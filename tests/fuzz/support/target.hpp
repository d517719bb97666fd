// Target: one file of this directory, which defines the two functions below. libFuzzer calls the
// first with whatever it thinks of; fuzz_test replays the corpus through it and writes the seeds.
#pragma once

#include "input.hpp"
#include "kith/base/assert.hpp"

namespace kith::fuzz {

using Seeds = std::vector<Bytes>;

inline Bytes copy(ByteView view) { return Bytes(view.begin(), view.end()); }
inline Bytes text(std::string_view view) { return copy(as_bytes(view)); }

}  // namespace kith::fuzz

// Always returns 0; a broken promise is a KITH_ASSERT.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
// Inputs that already reach what the target is about.
kith::fuzz::Seeds fuzz_seeds();
