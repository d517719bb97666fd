// Result<T, E>: an expected failure as a value. E is a small enum per room whose enumerators say
// what the failure did to the state. Our bugs are KITH_ASSERT; hostile peers are Dropped{reason}.
#pragma once

#include <expected>

namespace kith {

template <class T, class E>
using Result = std::expected<T, E>;

template <class E>
using Failure = std::unexpected<E>;

template <class E>
constexpr Failure<E> fail(E error) {
  return Failure<E>(error);
}

}  // namespace kith
