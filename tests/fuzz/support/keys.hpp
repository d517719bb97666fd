// Fixed identities, so that what one run signs or seals the next one opens.
#pragma once

#include <memory>

#include "kith/crypto/identity.hpp"

namespace kith::fuzz {

inline constexpr std::size_t identities_count = 12;

inline std::shared_ptr<const crypto::Identity> identity(std::size_t number) {
  static const auto all = [] {
    std::vector<std::shared_ptr<const crypto::Identity>> made;
    for (std::size_t i = 0; i < identities_count; ++i) {
      ByteArray<32> seed{};
      seed.fill(static_cast<Byte>(i + 1));
      made.push_back(std::make_shared<const crypto::Identity>(crypto::Identity::from_seed(seed)));
    }
    return made;
  }();
  return all[number % all.size()];
}

}  // namespace kith::fuzz
