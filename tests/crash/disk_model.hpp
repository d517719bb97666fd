// Disk model: what a power failure may leave of the calls so far.
//
// Of a file: everything up to its last sync and every O_DSYNC write that has returned; of all other
// writes any subset, each whole or torn at 512 bytes. Of a directory: the names at its last fsync,
// and any subset of the changes after it, each of them atomic. A file whose name (or whose
// directory's name) is lost is lost, synced or not.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "call_log.hpp"
#include "kith/base/rng.hpp"

namespace kith::crash {

// How much of what is not durable an image holds.
enum class Survival : std::uint8_t { none, all, all_but_last, only_last, random };

class DiskModel {
 public:
  explicit DiskModel(std::string root) : root_(std::move(root)) {}

  // A call that has begun: from now on it may be on the disk. False for those that change nothing.
  bool begin(const Call& call);
  // It has returned: a sync, or a write that is durable by itself.
  void finish(const Call& call);

  // How much there is to find out about a crash at this call: files that come and go, and several
  // writes in doubt, have more states than one write.
  std::size_t weight() const;
  // The files of one image, below `directory` (which is emptied first).
  void build(const std::filesystem::path& directory, Survival survival, Rng& rng) const;

 private:
  struct Piece {
    bool is_size;
    std::uint64_t offset;  // or the size; `grow` sizes never shrink
    bool grow;
    Bytes data;
    bool durable;
  };
  struct Inode {
    Bytes base;
    std::vector<Piece> pieces;  // in order, the first is not durable
  };
  struct Entry {
    bool directory;
    std::shared_ptr<Inode> inode;
  };
  struct Naming {
    std::vector<std::pair<std::string, std::optional<Entry>>> changes;
    bool durable;
  };
  using Names = std::map<std::string, Entry>;

  Inode& inode(std::uint64_t number);
  void add_piece(std::uint64_t number, Piece piece);
  void name(std::vector<std::pair<std::string, std::optional<Entry>>> changes);
  static void fold(Inode& inode);
  void fold_names();
  static void apply(Bytes& content, const Piece& piece);
  static void apply_torn(Bytes& content, const Piece& piece, Rng& rng);
  static void apply(Names& names, const Naming& naming);
  Bytes content(const Inode& inode, Survival survival, Rng& rng) const;

  std::string root_;
  std::map<std::uint64_t, std::shared_ptr<Inode>> inodes_;  // by their number, the newest of it
  Names names_;                                             // durable
  std::vector<Naming> namings_;                             // since, in order
  const Inode* last_inode_ = nullptr;                       // of the call begun last
  bool last_is_naming_ = false;
};

}  // namespace kith::crash
