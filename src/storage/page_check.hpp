// Page check: is this data.mdb safe to hand to LMDB?
//
// LMDB trusts every page it maps: one flipped bit in a page header is a wild read, and a page
// beyond the end of a truncated file is SIGBUS. So before it is opened, every page that the newest
// meta page reaches is read with pread and checked: its number, kind, node offsets and sizes, the
// overflow runs and the free list. Values are not read (each has its own checksum), so the cost is
// one small read a tree page: under a second a GiB from the page cache.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace kith::storage {

// Says what is wrong with the file, in a few words; nullopt when nothing is, or when it is missing
// or empty (LMDB then makes a fresh one).
std::optional<std::string> find_page_damage(const std::filesystem::path& data_file);

}  // namespace kith::storage
