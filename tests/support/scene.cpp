#include "scene.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>

namespace kith::test {
namespace {

struct Block {
  std::vector<std::string> before;  // comments and blank lines, kept as they are
  std::string command;              // empty: only the file's tail
  std::vector<std::string> expected;
};

bool is_note(const std::string& line) { return line.empty() || line.front() == '#'; }

std::vector<Block> parse(std::istream& file) {
  std::vector<Block> blocks(1);
  std::vector<std::string> notes;
  for (std::string line; std::getline(file, line);) {
    if (is_note(line)) {
      notes.push_back(line);
    } else if (line.starts_with("> ")) {
      blocks.push_back({std::exchange(notes, {}), line.substr(2), {}});
    } else {
      blocks.back().expected.push_back(line);
    }
  }
  blocks.erase(blocks.begin());
  blocks.push_back({std::move(notes), {}, {}});
  return blocks;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::string scene_file(const std::string& path) { return std::string(KITH_SCENES) + "/" + path; }

}  // namespace

std::vector<std::string> words(std::string_view line) {
  std::istringstream stream{std::string(line)};
  std::vector<std::string> out;
  for (std::string word; stream >> word;) out.push_back(word);
  return out;
}

void run_scene(const std::string& path, const SceneCommand& command) {
  std::ifstream file(scene_file(path));
  REQUIRE_MESSAGE(file.is_open(), "no scene ", scene_file(path));
  const std::vector<Block> blocks = parse(file);
  file.close();

  const bool rewrite = std::getenv("KITH_REWRITE_SCENES") != nullptr;
  std::string rewritten;
  for (const Block& block : blocks) {
    rewritten += joined(block.before);
    if (block.command.empty()) continue;
    const std::vector<std::string> actual = command(words(block.command));
    rewritten += "> " + block.command + "\n" + joined(actual);
    if (rewrite) continue;
    INFO(path, ": > ", block.command);
    REQUIRE_EQ(joined(actual), joined(block.expected));
  }
  if (rewrite) std::ofstream(scene_file(path)) << rewritten;
}

}  // namespace kith::test
