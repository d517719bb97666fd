// Allocated: how many bytes were asked of the heap since it was made. Counted where a sanitizer
// offers its hooks; elsewhere always 0, so a limit on it holds trivially.
#pragma once

#include <cstddef>

extern "C" [[gnu::weak]] int __sanitizer_install_malloc_and_free_hooks(
    void (*on_malloc)(const volatile void*, std::size_t), void (*on_free)(const volatile void*));

namespace kith::fuzz {

class Allocated {
 public:
  Allocated() {
    static const bool installed = install();
    (void)installed;
    before_ = total();
  }
  std::size_t bytes() const { return total() - before_; }

 private:
  static std::size_t& total() {
    static std::size_t sum = 0;
    return sum;
  }
  static bool install() {
    if (!&__sanitizer_install_malloc_and_free_hooks) return false;
    return __sanitizer_install_malloc_and_free_hooks(
               [](const volatile void*, std::size_t size) { total() += size; },
               [](const volatile void*) {}) != 0;
  }
  std::size_t before_ = 0;
};

}  // namespace kith::fuzz
