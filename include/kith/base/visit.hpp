// match(variant, handlers...): a forgotten alternative does not compile.
#pragma once

#include <utility>
#include <variant>

namespace kith {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

template <class Variant, class... Fs>
decltype(auto) match(Variant&& variant, Fs&&... handlers) {
  return std::visit(Overloaded{std::forward<Fs>(handlers)...}, std::forward<Variant>(variant));
}

}  // namespace kith
