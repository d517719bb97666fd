#include "page_check.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>
#include <vector>

#include "fd.hpp"
#include "kith/base/bytes.hpp"

namespace kith::storage {
namespace {

// The layout of LMDB 0.9 on a 64-bit little-endian host (mdb.c: MDB_page, MDB_node, MDB_db,
// MDB_meta). Frozen since 2012: a change would carry another data version.
static_assert(sizeof(void*) == 8 && std::endian::native == std::endian::little);

constexpr std::size_t page_header = 16;
constexpr std::size_t node_header = 8;
constexpr std::size_t db_size = 48;
constexpr std::uint32_t magic = 0xBEEFC0DE;
constexpr std::uint32_t data_version = 1;
constexpr std::uint16_t branch_page = 0x01, leaf_page = 0x02, overflow_page = 0x04,
                        meta_page = 0x08;
constexpr std::uint16_t kind_flags = 0x7e, integer_keys = 0x08;
constexpr std::uint16_t node_big = 0x01, node_sub = 0x02;
constexpr std::uint64_t no_page = ~std::uint64_t{0};
constexpr int depth_limit = 32;  // CURSOR_STACK
// Pages at the end that the last transaction allocated and gave back may never have been written.
constexpr std::uint64_t unwritten_limit = 4096;

// Which tree a page belongs to. Named tables stand in the main one and nowhere else.
enum class Tree : std::uint8_t { free_list, main, table };

struct Damage {
  std::string what;
};

class Walk {
 public:
  Walk(int fd, std::uint64_t file_size) : fd_(fd), file_size_(file_size) {}

  void run() {
    Bytes meta = read_meta();
    last_ = load_le<std::uint64_t>(&meta[136]);
    if (last_ >= file_size_ / page_size_ + unwritten_limit) throw Damage{"it is cut short"};
    seen_.assign(file_size_ / page_size_ + 1, false);
    database(&meta[40], Tree::free_list);
    database(&meta[88], Tree::main);
    // LMDB writes over what is said to be free.
    seen_.resize(std::max<std::size_t>(seen_.size(), last_ + 1));
    for (const std::uint64_t number : free_) {
      if (seen_[number]) throw Damage{"the free list is wrong"};
      seen_[number] = true;
    }
  }

 private:
  void read_at(std::uint64_t offset, MutableBytes out) const {
    if (offset + out.size() > file_size_) throw Damage{"it is cut short"};
    if (!read_fully_at(fd_, offset, out)) throw Damage{"a page cannot be read"};
  }

  // The newer of the two meta pages; sets page_size_.
  Bytes read_meta() {
    Bytes newest;
    for (std::uint64_t i = 0; i < 2; ++i) {
      Bytes meta(152);
      read_at(i * page_size_, meta);
      if (!(load_le<std::uint16_t>(&meta[10]) & meta_page) ||
          load_le<std::uint32_t>(&meta[16]) != magic ||
          load_le<std::uint32_t>(&meta[20]) != data_version)
        throw Damage{"it does not begin like a database"};
      if (i == 0) page_size_ = load_le<std::uint32_t>(&meta[40]);
      if (page_size_ < 512 || page_size_ > 65536 || !std::has_single_bit(page_size_))
        throw Damage{"its page size is wrong"};
      if (i == 0 || load_le<std::uint64_t>(&meta[144]) > load_le<std::uint64_t>(&newest[144]))
        newest = meta;
    }
    if (load_le<std::uint32_t>(&newest[40]) != page_size_) throw Damage{"its page size is wrong"};
    return newest;
  }

  void database(const Byte* db, Tree tree) {
    const auto root = load_le<std::uint64_t>(db + 40);
    const int depth = load_le<std::uint16_t>(db + 6);
    // Sorted duplicates and the like are kinds we never make; LMDB would believe the bit.
    if ((load_le<std::uint16_t>(db + 4) & kind_flags) !=
        (tree == Tree::free_list ? integer_keys : 0))
      throw Damage{"a table is of an unknown kind"};
    const Counts outer = std::exchange(counts_, {});
    if (root != no_page) {
      if (depth < 1 || depth > depth_limit) throw Damage{"a tree is too deep"};
      page(root, depth, tree);
    }
    // LMDB believes these; so does the quota. What the free list says of its own matters to nobody.
    for (std::size_t i = 0; i < counts_.size() && tree != Tree::free_list; ++i)
      if (load_le<std::uint64_t>(db + 8 + 8 * i) != counts_[i])
        throw Damage{"a table's sizes are wrong"};
    counts_ = outer;
  }

  void claim(std::uint64_t number, std::uint64_t count) {
    if (number < 2 || number > last_ || count > last_ - number + 1)
      throw Damage{"a page number is out of range"};
    if ((number + count) * page_size_ > file_size_) throw Damage{"it is cut short"};
    for (std::uint64_t i = number; i < number + count; ++i) {
      if (seen_[i]) throw Damage{"a page is used twice"};
      seen_[i] = true;
    }
  }

  void page(std::uint64_t number, int depth, Tree tree) {
    claim(number, 1);
    Bytes bytes(page_size_);
    read_at(number * page_size_, bytes);
    const auto flags = load_le<std::uint16_t>(&bytes[10]);
    const std::uint16_t kind = depth > 1 ? branch_page : leaf_page;
    if (load_le<std::uint64_t>(&bytes[0]) != number || (flags & 0x7f & ~0x10) != kind)
      throw Damage{"a page header is wrong"};
    const std::size_t lower = load_le<std::uint16_t>(&bytes[12]);
    const std::size_t upper = load_le<std::uint16_t>(&bytes[14]);
    if (lower < page_header || lower > upper || upper > page_size_ || lower % 2 != 0)
      throw Damage{"a page header is wrong"};
    // LMDB asserts that a branch has two ways; only the free list may be caught in between.
    const std::size_t keys = (lower - page_header) / 2;
    if (tree != Tree::free_list && keys < (depth > 1 ? 2u : 1u))
      throw Damage{"a page header is wrong"};
    if (keys == 0 && depth > 1) throw Damage{"a page header is wrong"};
    ++counts_[depth > 1 ? branches : leaves];
    if (depth == 1) counts_[entries] += keys;
    for (std::size_t at = page_header; at < lower; at += 2) {
      const std::size_t offset = load_le<std::uint16_t>(&bytes[at]);
      if (offset < upper || offset + node_header > page_size_) throw Damage{"a node is misplaced"};
      node(ByteView(bytes).subspan(offset), depth, tree);
    }
  }

  void node(ByteView bytes, int depth, Tree tree) {
    const auto low = load_le<std::uint32_t>(&bytes[0]);
    const auto flags = load_le<std::uint16_t>(&bytes[4]);
    const std::size_t key = load_le<std::uint16_t>(&bytes[6]);
    const bool big = depth == 1 && (flags & node_big);
    const std::size_t inside = depth > 1 ? 0 : big ? 8 : low;
    if (key > bytes.size() - node_header || inside > bytes.size() - node_header - key)
      throw Damage{"a node is too long"};
    const Byte* data = bytes.data() + node_header + key;
    if (depth > 1) return page(low | std::uint64_t{flags} << 32, depth - 1, tree);
    if (flags & ~(node_big | node_sub)) throw Damage{"a node is of an unknown kind"};
    if (flags & node_sub) {
      if (big || tree != Tree::main || low != db_size) throw Damage{"a node is of an unknown kind"};
      return database(data, Tree::table);
    }
    if (big) overflow(load_le<std::uint64_t>(data), low, tree == Tree::free_list);
    if (tree != Tree::free_list) return;
    if (key != 8) throw Damage{"the free list is wrong"};
    if (!big) free_pages(ByteView(data, low));
  }

  void overflow(std::uint64_t number, std::size_t size, bool free_list) {
    const std::uint64_t count = (page_header - 1 + size) / page_size_ + 1;
    if (number > last_) throw Damage{"a page number is out of range"};
    Bytes bytes(free_list ? page_header + size : page_header);
    read_at(number * page_size_, bytes);
    if (load_le<std::uint64_t>(&bytes[0]) != number ||
        !(load_le<std::uint16_t>(&bytes[10]) & overflow_page) ||
        load_le<std::uint32_t>(&bytes[12]) < count)
      throw Damage{"a page header is wrong"};
    // All that it says it has, which may be more than it needs: so many LMDB frees with it.
    claim(number, load_le<std::uint32_t>(&bytes[12]));
    counts_[overflows] += load_le<std::uint32_t>(&bytes[12]);
    if (free_list) free_pages(ByteView(bytes).subspan(page_header));
  }

  // One entry of the free list: a count, then that many page numbers. LMDB would reuse a wrong one.
  void free_pages(ByteView list) {
    if (list.size() < 8 || list.size() % 8 != 0 ||
        load_le<std::uint64_t>(&list[0]) > list.size() / 8 - 1)
      throw Damage{"the free list is wrong"};
    const std::size_t count = load_le<std::uint64_t>(&list[0]);
    for (std::size_t i = 1; i <= count; ++i) {
      const auto number = load_le<std::uint64_t>(&list[8 * i]);
      // Downwards, or LMDB takes for a run of free pages what is none.
      const bool sorted = i == 1 || number < load_le<std::uint64_t>(&list[8 * (i - 1)]);
      if (number < 2 || number > last_ || !sorted) throw Damage{"the free list is wrong"};
      free_.push_back(number);
    }
  }

  // What a table says of itself, in its order (MDB_db).
  enum { branches, leaves, overflows, entries };
  using Counts = std::array<std::uint64_t, 4>;

  int fd_;
  std::uint64_t file_size_;
  std::uint32_t page_size_ = 0;
  std::uint64_t last_ = 0;
  std::vector<bool> seen_;
  std::vector<std::uint64_t> free_;
  Counts counts_{};
};

}  // namespace

std::optional<std::string> find_page_damage(const std::filesystem::path& data_file) {
  const Fd fd(::open(data_file.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0 || info.st_size == 0) return std::nullopt;
  try {
    Walk(fd.get(), static_cast<std::uint64_t>(info.st_size)).run();
  } catch (const Damage& damage) {  // thrown in this file only, from deep inside the walk
    return damage.what;
  }
  return std::nullopt;
}

}  // namespace kith::storage
