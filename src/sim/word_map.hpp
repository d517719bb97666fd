// WordMap and WordSet: what a checker remembers under a hash, millions of times a run: open
// addressing, one cache line a question. Never walked, nothing is taken out; zero is no key.
#pragma once

#include <cstdint>
#include <vector>

namespace kith::sim {

template <class Item>  // has a `key`, zero at first
class WordTable {
 public:
  bool contains(std::uint64_t key) const { return size_ > 0 && items_[place(key)].key == key; }

 protected:
  // What is kept under `key`, now if not before; until the next question.
  Item& item(std::uint64_t key) {
    if (2 * (size_ + 1) > items_.size()) grow();
    Item& item = items_[place(key)];
    size_ += item.key == 0 ? 1 : 0;
    item.key = key;
    return item;
  }

 private:
  // Where the key is, or would be.
  std::size_t place(std::uint64_t key) const {
    std::size_t at = key & (items_.size() - 1);
    while (items_[at].key != 0 && items_[at].key != key) at = (at + 1) & (items_.size() - 1);
    return at;
  }
  void grow() {
    std::vector<Item> old(items_.empty() ? 64 : 2 * items_.size());
    old.swap(items_);
    for (const Item& item : old)
      if (item.key != 0) items_[place(item.key)] = item;
  }

  std::vector<Item> items_;  // a power of two
  std::size_t size_ = 0;
};

struct KeyOnly {
  std::uint64_t key = 0;
};
struct KeyAndWord {
  std::uint64_t key = 0, word = 0;
};

class WordMap : public WordTable<KeyAndWord> {
 public:
  // The word kept under `key`, 0 at first; until the next question.
  std::uint64_t& operator[](std::uint64_t key) { return item(key).word; }
};

class WordSet : public WordTable<KeyOnly> {
 public:
  // False: it was there.
  bool insert(std::uint64_t key) {
    if (contains(key)) return false;
    item(key);
    return true;
  }
};

}  // namespace kith::sim
