// Cache: recently read or written values whose checksum was verified, least recently used out.
// Bounded by bytes. Not thread safe: the store's mutex guards it.
#pragma once

#include <list>
#include <map>
#include <optional>

#include "kith/base/disk.hpp"

namespace kith::storage {

struct CacheKey {
  Table table;
  Bytes key;
  auto operator<=>(const CacheKey&) const = default;
};

class Cache {
 public:
  explicit Cache(std::size_t limit_bytes) : limit_(limit_bytes) {}

  std::optional<Buffer> find(const CacheKey& key) {
    const auto it = index_.find(key);
    if (it == index_.end()) return std::nullopt;
    order_.splice(order_.begin(), order_, it->second);
    return it->second->value;
  }

  void put(const CacheKey& key, Buffer value) {
    erase(key);
    const std::size_t size = cost(key, value);
    if (size > limit_ / 8) return;  // one giant must not empty the cache
    while (bytes_ + size > limit_) erase(CacheKey(order_.back().key));
    order_.push_front({key, std::move(value)});
    index_.emplace(key, order_.begin());
    bytes_ += size;
  }

  void erase(const CacheKey& key) {
    const auto it = index_.find(key);
    if (it == index_.end()) return;
    bytes_ -= cost(key, it->second->value);
    order_.erase(it->second);
    index_.erase(it);
  }

 private:
  struct Entry {
    CacheKey key;
    Buffer value;
  };
  // The key is held twice; 160 is the list, map and block headers.
  static std::size_t cost(const CacheKey& key, const Buffer& value) {
    return 2 * key.key.size() + value.size() + 160;
  }

  std::size_t limit_;
  std::size_t bytes_ = 0;
  std::list<Entry> order_;
  std::map<CacheKey, std::list<Entry>::iterator> index_;
};

}  // namespace kith::storage
