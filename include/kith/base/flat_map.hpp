// FlatMap: a sorted vector of pairs, in the manner of std::flat_map (which g++ 12 lacks). Lookups
// touch few cache lines and elements cost no node; insertions move what comes after, so it is for
// thousands, not millions. Pointers into it last until the next insertion or removal.
//
// Keys that are spread evenly say where in the order they ought to stand (`quantile`): the search
// begins there and widens. Keys chosen to be uneven cost a binary search, as all others do.
#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

namespace kith {

template <class Key, class Value>
class FlatMap {
 public:
  using Item = std::pair<Key, Value>;
  using iterator = typename std::vector<Item>::iterator;
  using const_iterator = typename std::vector<Item>::const_iterator;

  iterator begin() { return items_.begin(); }
  iterator end() { return items_.end(); }
  const_iterator begin() const { return items_.begin(); }
  const_iterator end() const { return items_.end(); }
  std::size_t size() const { return items_.size(); }

  iterator lower_bound(const Key& key) { return begin() + place(key); }
  const_iterator lower_bound(const Key& key) const { return begin() + place(key); }
  const_iterator upper_bound(const Key& key) const {
    return std::upper_bound(begin(), end(), key,
                            [](const Key& a, const Item& b) { return a < b.first; });
  }
  iterator find(const Key& key) { return exact(lower_bound(key), key); }
  const_iterator find(const Key& key) const {
    const auto it = lower_bound(key);
    return it != end() && it->first == key ? it : end();
  }

  // False: the key was there and keeps its value.
  template <class... Args>
  std::pair<iterator, bool> try_emplace(const Key& key, Args&&... args) {
    const auto it = lower_bound(key);
    if (it != end() && it->first == key) return {it, false};
    return {items_.emplace(it, std::piecewise_construct, std::forward_as_tuple(key),
                           std::forward_as_tuple(std::forward<Args>(args)...)),
            true};
  }
  iterator erase(const_iterator it) { return items_.erase(it); }
  std::size_t erase(const Key& key) {
    const auto it = find(key);
    if (it == end()) return 0;
    items_.erase(it);
    return 1;
  }

 private:
  static bool before(const Item& a, const Key& b) { return a.first < b; }

  std::ptrdiff_t place(const Key& key) const {
    const auto size = static_cast<std::ptrdiff_t>(items_.size());
    std::ptrdiff_t low = 0, high = size;
    if constexpr (requires { quantile(key); }) {
      const auto guess = static_cast<std::ptrdiff_t>(
          (std::uint64_t{quantile(key)} * static_cast<std::uint64_t>(size)) >> 32);
      low = high = guess;  // found to be: all before low are less, none from high on is
      for (std::ptrdiff_t step = 4; low > 0 && !before(begin()[low - 1], key); step *= 2)
        high = low - 1, low = std::max<std::ptrdiff_t>(0, low - step);
      for (std::ptrdiff_t step = 4; high < size && before(begin()[high], key); step *= 2)
        low = high + 1, high = std::min(size, high + step);
    }
    return std::lower_bound(begin() + low, begin() + high, key, before) - begin();
  }

  iterator exact(iterator it, const Key& key) {
    return it != end() && it->first == key ? it : end();
  }

  std::vector<Item> items_;
};

}  // namespace kith
