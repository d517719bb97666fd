// Bounded containers: every table in the core has a named limit and says what happens at it.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <utility>

namespace kith {

// A FIFO that refuses when full.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t limit) : limit_(limit) {}
  bool push(T item) {
    if (items_.size() >= limit_) return false;
    items_.push_back(std::move(item));
    return true;
  }
  T pop() {
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }
  const T& front() const { return items_.front(); }
  bool empty() const { return items_.empty(); }
  bool full() const { return items_.size() >= limit_; }
  std::size_t size() const { return items_.size(); }
  std::size_t limit() const { return limit_; }

 private:
  std::size_t limit_;
  std::deque<T> items_;
};

// A map that forgets its least recently used entry when full. Ordered inside, so deterministic.
template <class Key, class Value>
class LruMap {
 public:
  explicit LruMap(std::size_t limit) : limit_(limit) {}

  Value* find(const Key& key) {
    const auto it = index_.find(key);
    if (it == index_.end()) return nullptr;
    order_.splice(order_.begin(), order_, it->second);
    return &it->second->second;
  }
  const Value* peek(const Key& key) const {
    const auto it = index_.find(key);
    return it == index_.end() ? nullptr : &it->second->second;
  }
  Value& put(const Key& key, Value value) {
    if (Value* old = find(key)) {
      *old = std::move(value);
      return *old;
    }
    if (index_.size() >= limit_) {
      index_.erase(order_.back().first);
      order_.pop_back();
    }
    order_.emplace_front(key, std::move(value));
    index_.emplace(key, order_.begin());
    return order_.front().second;
  }
  void erase(const Key& key) {
    const auto it = index_.find(key);
    if (it == index_.end()) return;
    order_.erase(it->second);
    index_.erase(it);
  }
  std::size_t size() const { return index_.size(); }
  void clear() {
    index_.clear();
    order_.clear();
  }

 private:
  using Entry = std::pair<Key, Value>;
  std::size_t limit_;
  std::list<Entry> order_;
  std::map<Key, typename std::list<Entry>::iterator> index_;
};

}  // namespace kith
