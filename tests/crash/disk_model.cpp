#include "disk_model.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace kith::crash {
namespace {

constexpr std::size_t sector = 512;

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

void write_out(const std::filesystem::path& path, ByteView bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool written =
      fd >= 0 && ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  if (fd >= 0) ::close(fd);
  if (!written) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace

// --- calls ---------------------------------------------------------------------------------------

bool DiskModel::begin(const Call& call) {
  last_is_naming_ = false;
  last_inode_ = nullptr;
  const std::string second = to_text(call.data);
  switch (call.type) {
    case 'W':
      add_piece(call.inode, {false, call.offset, false, call.data, false});
      return true;
    case 'T':
    case 'A':
      add_piece(call.inode, {true, call.offset, call.type == 'A', {}, false});
      return true;
    case 'C':
      inodes_[call.inode] = std::make_shared<Inode>();
      name({{call.name, Entry{false, inodes_[call.inode]}}});
      return true;
    case 'D':
      name({{call.name, Entry{true, nullptr}}});
      return true;
    case 'R':
      inode(call.inode);
      name({{call.name, std::nullopt}, {second, Entry{false, inodes_.at(call.inode)}}});
      return true;
    case 'L':
      inode(call.inode);
      name({{second, Entry{false, inodes_.at(call.inode)}}});
      return true;
    case 'U':
      name({{call.name, std::nullopt}});
      return true;
    default:
      return false;
  }
}

void DiskModel::finish(const Call& call) {
  if (call.type == 'W' && call.durable) {
    Inode& written = inode(call.inode);
    if (!written.pieces.empty()) written.pieces.back().durable = true;
    fold(written);
  }
  if (call.type == 'S') {
    Inode& synced = inode(call.inode);
    for (Piece& piece : synced.pieces) piece.durable = true;
    fold(synced);
  }
  if (call.type == 'Y') {
    for (Naming& naming : namings_)
      for (const auto& [path, entry] : naming.changes)
        naming.durable = naming.durable || parent_of(path) == call.name;
    fold_names();
  }
}

DiskModel::Inode& DiskModel::inode(std::uint64_t number) {
  const auto it = inodes_.find(number);
  if (it == inodes_.end()) throw std::runtime_error("a file that nobody created");
  return *it->second;
}

void DiskModel::add_piece(std::uint64_t number, Piece piece) {
  Inode& changed = inode(number);
  changed.pieces.push_back(std::move(piece));
  last_inode_ = &changed;
}

void DiskModel::name(std::vector<std::pair<std::string, std::optional<Entry>>> changes) {
  namings_.push_back({std::move(changes), false});
  last_is_naming_ = true;
}

// What is durable goes into the base as far as nothing before it is in doubt.
void DiskModel::fold(Inode& inode) {
  auto it = inode.pieces.begin();
  for (; it != inode.pieces.end() && it->durable; ++it) apply(inode.base, *it);
  inode.pieces.erase(inode.pieces.begin(), it);
}

void DiskModel::fold_names() {
  auto it = namings_.begin();
  for (; it != namings_.end() && it->durable; ++it) apply(names_, *it);
  namings_.erase(namings_.begin(), it);
}

// --- images --------------------------------------------------------------------------------------

void DiskModel::apply(Bytes& content, const Piece& piece) {
  if (piece.is_size) {
    if (!piece.grow || content.size() < piece.offset) content.resize(piece.offset);
    return;
  }
  if (content.size() < piece.offset + piece.data.size())
    content.resize(piece.offset + piece.data.size());
  std::copy(piece.data.begin(), piece.data.end(),
            content.begin() + static_cast<std::ptrdiff_t>(piece.offset));
}

// Each sector it touches is there or not; the size may have grown ahead of them.
void DiskModel::apply_torn(Bytes& content, const Piece& piece, Rng& rng) {
  if (piece.is_size) return apply(content, piece);
  const std::uint64_t end = piece.offset + piece.data.size();
  const std::uint64_t bias = 1 + rng.below(7);
  for (std::uint64_t at = piece.offset; at < end;) {
    const std::uint64_t next = std::min(end, (at / sector + 1) * sector);
    if (rng.below(8) < bias) {
      const auto from = piece.data.begin() + static_cast<std::ptrdiff_t>(at - piece.offset);
      apply(content,
            {false, at, false, Bytes(from, from + static_cast<std::ptrdiff_t>(next - at)), false});
    }
    at = next;
  }
  if (content.size() < end && rng.below(2) == 0) content.resize(end);
}

void DiskModel::apply(Names& names, const Naming& naming) {
  for (const auto& [path, entry] : naming.changes) {
    if (entry)
      names.insert_or_assign(path, *entry);
    else
      names.erase(path);
  }
}

Bytes DiskModel::content(const Inode& inode, Survival survival, Rng& rng) const {
  Bytes content = inode.base;
  for (const Piece& piece : inode.pieces) {
    const bool last = &inode == last_inode_ && &piece == &inode.pieces.back();
    const std::uint64_t draw = survival == Survival::random ? rng.below(100) : 0;
    const bool torn = survival == Survival::random && draw < 30;
    const bool whole = survival == Survival::all || (survival == Survival::only_last && last) ||
                       (survival == Survival::all_but_last && !last) || draw >= 65;
    if (piece.durable || (whole && !torn))
      apply(content, piece);
    else if (torn)
      apply_torn(content, piece, rng);
  }
  return content;
}

std::size_t DiskModel::weight() const {
  if (!namings_.empty()) return 16;
  std::size_t pieces = 0;
  for (const auto& [number, inode] : inodes_) pieces += inode->pieces.size();
  return pieces == 0 ? 1 : std::min<std::size_t>(4, 1 + pieces);
}

void DiskModel::build(const std::filesystem::path& directory, Survival survival, Rng& rng) const {
  Names names = names_;
  for (const Naming& naming : namings_) {
    const bool last = last_is_naming_ && &naming == &namings_.back();
    const bool kept = survival == Survival::all || (survival == Survival::only_last && last) ||
                      (survival == Survival::all_but_last && !last) ||
                      (survival == Survival::random && rng.below(2) == 0);
    if (naming.durable || kept) apply(names, naming);
  }
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  for (const auto& [path, entry] : names) {  // a directory sorts before what is in it
    const std::filesystem::path target = directory.string() + path.substr(root_.size());
    if (!std::filesystem::exists(target.parent_path())) continue;
    if (entry.directory)
      std::filesystem::create_directory(target);
    else
      write_out(target, content(*entry.inode, survival, rng));
  }
}

}  // namespace kith::crash
