// Keypair: one handshake's worth of datagram keys, with its counters, replay window and age.
#pragma once

#include "constants.hpp"
#include "kith/base/buffer.hpp"
#include "noise.hpp"
#include "replay_window.hpp"

namespace kith::session {

struct SealedHeader {
  std::uint32_t receiver = 0;
  std::uint64_t counter = 0;
};
std::optional<SealedHeader> parse_sealed(ByteView frame);

enum class OpenFailure : std::uint8_t { expired, not_authentic, replayed };  // nothing changed

class Keypair {
 public:
  struct Origin {
    std::uint32_t local = 0, remote = 0;  // receiver indices
    bool initiator = false;
    Instant created;
    Instant rekey_at;  // initiator only
  };
  Keypair(const noise::Transport& keys, const Origin& origin)
      : origin_(origin), send_(keys.send), receive_(keys.receive) {}

  std::uint32_t local() const { return origin_.local; }
  bool initiator() const { return origin_.initiator; }
  Instant created() const { return origin_.created; }
  Instant dies_at() const { return origin_.created + reject_after; }
  bool usable(Instant now) const {  // for sending
    return now < origin_.created + send_until && sent_ < reject_after_messages;
  }
  bool wants_rekey(Instant now, std::uint64_t after_messages) const {
    return origin_.initiator && (now >= origin_.rekey_at || sent_ >= after_messages);
  }

  // Precondition: usable(). An empty message is a keepalive.
  Buffer seal(ByteView message);
  Result<Buffer, OpenFailure> open(ByteView frame, const SealedHeader& header, Instant now);
  bool newest(const SealedHeader& header) const { return window_.newest(header.counter); }

 private:
  Origin origin_;
  crypto::AeadKey send_, receive_;
  std::uint64_t sent_ = 0;
  ReplayWindow window_;
};

}  // namespace kith::session
