// Datagrams of strangers to a fresh Session: never more bytes back than came, to nobody else, and
// no peer, no message and no session out of it. Macs and tags are mended where the input asks, so
// that what lies behind them is reached too.
#include "drive.hpp"
#include "handshake.hpp"
#include "kith/base/visit.hpp"
#include "mutate.hpp"
#include "target.hpp"

using namespace kith;
using namespace kith::session;

namespace {

enum Mend : std::uint8_t { mend_mac1 = 1, mend_tag = 2, mend_start = 4, under_load = 8 };

Bytes mended(Bytes bytes, std::uint8_t how) {
  const auto& genuine = fuzz::handshake();
  if (how & mend_start) {
    const bool init = bytes.size() % 2 == 0;
    const Bytes& start = init ? genuine.init : genuine.reply;
    bytes.resize(std::max(bytes.size(), start.size()));
    for (std::size_t i = 0; i < start.size(); ++i) bytes[i] ^= start[i];
  }
  if ((how & mend_tag) && bytes.size() == wire::who_are_you_size) {
    AskNonce nonce;
    std::copy_n(bytes.begin() + 1, nonce.size(), nonce.begin());
    const auto tag = ask_tag(genuine.config.network, nonce);
    std::copy(tag.begin(), tag.end(), bytes.begin() + 21);
  }
  if ((how & mend_mac1) && bytes.size() > 33) {
    const std::size_t end = bytes.size() - (bytes[0] == 3 ? 32 : 16);
    const Hash256 key = genuine.mac1_key_of(*genuine.responder);
    const Mac mac = crypto::keyed_hash128(key.view(), {ByteView(bytes).first(end)});
    std::copy(mac.begin(), mac.end(), bytes.begin() + static_cast<std::ptrdiff_t>(end));
  }
  return bytes;
}

struct Stranger {
  Endpoint at;
  std::size_t sent = 0, got = 0;
};

}  // namespace

kith::fuzz::Seeds fuzz_seeds() {
  WhoAreYou ask;
  const Bytes zeros(218);
  return {fuzz::Script().u8(0).u8(mend_tag).long_chunk(encode(ask)),
          fuzz::Script().u8(0).u8(mend_mac1 | mend_start).long_chunk(zeros),
          fuzz::Script().u8(0).u8(mend_mac1 | mend_start | under_load).long_chunk(zeros),
          fuzz::Script().u8(3).u8(0).long_chunk(fuzz::handshake().reply),
          fuzz::Script().u8(2).u8(0).long_chunk(fuzz::handshake().init)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Stranger strangers[] = {{{IpAddress::v4(10, 0, 0, 66), 1}},
                          {{IpAddress::v4(10, 0, 0, 67), 2}},
                          {{IpAddress::v4(10, 0, 0, 254), 3}},
                          {{IpAddress::v4(8, 8, 8, 8), 4}}};
  const auto sink = [&](Output&& output, std::deque<session::Input>& answers) {
    KITH_ASSERT(!std::holds_alternative<Received>(output));
    KITH_ASSERT(!std::holds_alternative<Established>(output));
    if (const auto* job = std::get_if<Compute>(&output))
      answers.push_back(Computed{job->token, job->job->run()});
    if (const auto* out = std::get_if<Transmit>(&output)) {
      const auto to = std::find_if(std::begin(strangers), std::end(strangers),
                                   [&](const Stranger& s) { return s.at == out->to; });
      KITH_ASSERT(to != std::end(strangers));
      to->got += out->bytes.size();
    }
  };
  fuzz::Driver<Session> driver(
      Session(fuzz::handshake().config, fuzz::identity(1), Rng(1), ByteArray<32>{1}), sink);
  driver.step(SubnetsChanged{{{IpAddress::v4(10, 0, 0, 0), 120}}, {strangers[2].at.ip}});

  fuzz::Input in(data, size);
  while (!in.empty()) {
    Stranger& from = strangers[in.below(4)];
    const std::uint8_t how = in.u8();
    if (how & under_load) driver.step(LoadReported{milliseconds(50), 0});
    const Bytes datagram = mended(fuzz::copy(in.take(in.u16() % 1300)), how);
    from.sent += datagram.size();
    driver.step(DatagramReceived{from.at, datagram});
    KITH_ASSERT(from.got <= from.sent);
    if (how & 0x80) driver.advance(in.pause());
  }
  KITH_ASSERT(driver.machine.snapshot().empty());
  driver.advance(seconds(20));
  KITH_ASSERT(!driver.machine.next_deadline());
  return 0;
}
