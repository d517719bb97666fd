// JSON as a test looks at it: its shape in one line, one value by its pointer. view.cpp alone pays
// for the JSON library.
#pragma once

#include <string>
#include <string_view>

namespace kith::test {

bool is_json(std::string_view text);  // whole, and its strings are UTF-8

// Names and types in the order they are printed: {schema:text,members:[{id:text}]}. An array shows
// each kind of element once, split by '|'. What is no JSON: "not JSON".
std::string shape(std::string_view json);

// What a pointer names: strings bare, all else as JSON; "absent" when nothing is there.
std::string at(std::string_view json, std::string_view pointer);

}  // namespace kith::test
