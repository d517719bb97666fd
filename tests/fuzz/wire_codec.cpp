// Reader against Writer: whatever sequence of fields is written is read back, from any prefix of it
// reading fails or yields zeros, and never more than there is.
#include "kith/wire/codec.hpp"
#include "target.hpp"

using namespace kith;

namespace {

constexpr std::size_t kinds = 8;

void write_one(wire::Writer& w, std::size_t kind, std::uint64_t number, ByteView bytes) {
  switch (kind) {
    case 0:
      w.u8(static_cast<std::uint8_t>(number));
      break;
    case 1:
      w.u16(static_cast<std::uint16_t>(number));
      break;
    case 2:
      w.u32(static_cast<std::uint32_t>(number));
      break;
    case 3:
      w.u64(number);
      break;
    case 4:
      w.u48(number & 0xffff'ffff'ffff);
      break;
    case 5:
      w.bytes(bytes);
      break;
    case 6:
      w.short_bytes(bytes);
      break;
    default:
      w.bytes(ByteArray<8>{1, 2, 3});
  }
}

bool read_one(wire::Reader& r, std::size_t kind, std::uint64_t number, ByteView bytes) {
  switch (kind) {
    case 0:
      return r.u8() == static_cast<std::uint8_t>(number);
    case 1:
      return r.u16() == static_cast<std::uint16_t>(number);
    case 2:
      return r.u32() == static_cast<std::uint32_t>(number);
    case 3:
      return r.u64() == number;
    case 4:
      return r.u48() == (number & 0xffff'ffff'ffff);
    case 5:
      return equal(r.bytes(bytes.size()), bytes);
    case 6:
      return equal(r.short_bytes(255), bytes);
    default:
      return r.array<8>() == ByteArray<8>{1, 2, 3};
  }
}

struct Field {
  std::size_t kind;
  std::uint64_t number;
  ByteView bytes;
};

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  fuzz::Script script;
  script.u8(3);
  for (std::size_t kind = 0; kind < kinds; ++kind)
    script.u8(kind).u64(0x0123456789abcdef).chunk(as_bytes("bytes"));
  return {script};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  const std::size_t missing = in.u8();
  std::vector<Field> fields;
  wire::Writer writer;
  while (!in.empty()) {
    const std::size_t kind = in.below(kinds);
    const std::uint64_t number = in.u64();
    fields.push_back({kind, number, in.chunk()});
    write_one(writer, kind, number, fields.back().bytes);
  }
  wire::Reader reader(writer.view());
  for (const Field& field : fields)
    KITH_ASSERT(read_one(reader, field.kind, field.number, field.bytes));
  KITH_ASSERT(reader.done());

  const std::size_t kept = writer.size() - std::min(missing, writer.size());
  wire::Reader cut(writer.view().first(kept));
  for (const Field& field : fields) read_one(cut, field.kind, field.number, field.bytes);
  KITH_ASSERT(cut.failed() == (kept < writer.size()));
  return 0;
}
