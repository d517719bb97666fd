// Disk as messages: what machines order and what they are told. The simulator may delay, lose or
// refuse; a remote put is acknowledged only after Persisted, so the rule stands in a type.
#pragma once

#include <cstdint>

#include "kith/base/buffer.hpp"
#include "kith/base/ids.hpp"

namespace kith {

enum class Table : std::uint8_t {
  record,  // DHT records, key: record id
  meta,    // small facts: incarnation, roster cache, synced stamp, lan id; key: a short name
};

struct Persist {
  Token token;
  Table table;
  Buffer key;    // <= 64 bytes
  Buffer value;  // replaces what the key held
};
struct Load {
  Token token;
  Table table;
  Buffer key;
};
struct Forget {
  Token token;
  Table table;
  Buffer key;
};

enum class DiskRefusal : std::uint8_t {
  busy,     // queue full: nothing was written, try again later
  full,     // no space: nothing was written, reads go on
  damaged,  // the stored bytes failed their checksum: quarantined, fetch the record again
};

// Durable: the transaction that holds it has been synced. Also the answer to Forget.
struct Persisted {
  Token token;
};
struct Loaded {
  Token token;
  bool found;
  Buffer value;
};
struct DiskRefused {
  Token token;
  DiskRefusal reason;
};

}  // namespace kith
