// Scenes: text transcripts as tests. A file is a list of blocks,
//
//   # a comment
//   > command with arguments
//   expected line
//   expected line
//
// and run_scene() feeds each command to a callback and compares the lines it returns with the
// expected ones. With KITH_REWRITE_SCENES=1 in the environment the file is rewritten from what
// happened instead; read the difference as prose before you commit it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kith::test {

// Splits at blanks: "send a b" -> {"send", "a", "b"}.
std::vector<std::string> words(std::string_view line);

using SceneCommand = std::function<std::vector<std::string>(const std::vector<std::string>& words)>;

// `path` is relative to tests/scenes, e.g. "session/handshake.txt". Fails the running test case at
// the first block that differs, showing both.
void run_scene(const std::string& path, const SceneCommand& command);

}  // namespace kith::test
