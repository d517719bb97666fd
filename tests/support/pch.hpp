// Precompiled for tests only.
#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>
