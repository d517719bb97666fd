// Two sessions and the network between them, in the fuzzer's hands: it may hold datagrams back,
// repeat, reorder, change and lose them. What comes out as Received must have been sent.
#pragma once

#include <map>
#include <set>

#include "drive.hpp"
#include "handshake_jobs.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/session/session.hpp"
#include "kith/wire/constants.hpp"

namespace kith::fuzz {

struct Packet {
  std::size_t to;
  Bytes bytes;
};

class Sessions {
 public:
  using Machine = session::Session;
  static constexpr std::size_t packets_limit = 64;

  Sessions() {
    for (std::size_t i = 0; i < 2; ++i) {
      session::Config config;
      config.network = crypto::network_id(as_bytes("root"), "home");
      config.incarnation = {1};
      config.boot.bytes.fill(static_cast<Byte>(i + 1));
      const auto sink = [this, i](session::Output&& output, std::deque<session::Input>& answers) {
        on(i, std::move(output), answers);
      };
      sides_.push_back(std::make_unique<Driver<Machine>>(
          Machine(config, identity(i), Rng(i + 1), ByteArray<32>{static_cast<Byte>(i + 1)}), sink));
      side(i).step(session::SubnetsChanged{{{IpAddress::v4(10, 0, 0, 0), 120}}, {}});
    }
  }

  static Endpoint at(std::size_t i) {
    return {IpAddress::v4(10, 0, 0, static_cast<Byte>(i + 1)), 4747};
  }
  Driver<Machine>& side(std::size_t i) { return *sides_[i]; }

  void send(std::size_t from, std::size_t size, Lane lane, bool stream) {
    Bytes message(8 + size, static_cast<Byte>(from));
    store_le(message.data(), ++last_message_);
    sent_[from].insert(message);
    side(from).step(
        session::SendRequested{identity(1 - from)->id(), Buffer(message), lane, stream});
  }
  void advance(Duration time) {
    for (auto& one : sides_) one->advance(time);
  }
  void deliver(const Packet& packet) {
    side(packet.to).step(session::DatagramReceived{at(1 - packet.to), packet.bytes});
  }
  // Everything that is under way, and what it causes.
  void settle() {
    for (int left = 200; left > 0 && !packets.empty(); --left) {
      const Packet packet = std::move(packets.front());
      packets.pop_front();
      deliver(packet);
    }
  }

  std::deque<Packet> packets;
  std::size_t established = 0, received = 0;
  std::function<void(std::size_t side, const session::Output&)> also;  // streams, reports

 private:
  void on(std::size_t i, session::Output&& output, std::deque<session::Input>& answers) {
    if (const auto* job = std::get_if<Compute>(&output))
      answers.push_back(answer_handshake(i, *job));
    if (const auto* out = std::get_if<session::Transmit>(&output)) {
      KITH_ASSERT(out->bytes.size() <= wire::datagram_limit);
      const ByteView bytes = out->bytes.view();
      if (out->to == at(1 - i) && packets.size() < packets_limit)
        packets.push_back({1 - i, Bytes(bytes.begin(), bytes.end())});
    }
    if (const auto* in = std::get_if<session::Received>(&output)) {
      ++received;
      KITH_ASSERT(in->from == identity(1 - i)->id());
      const ByteView bytes = in->message.view();
      const Bytes message(bytes.begin(), bytes.end());
      KITH_ASSERT(sent_[1 - i].contains(message));
      KITH_ASSERT(received_[i].insert(message).second);  // each at most once
    }
    if (const auto* met = std::get_if<session::Established>(&output)) {
      ++established;
      KITH_ASSERT(met->peer == identity(1 - i)->id());
    }
    if (also) also(i, output);
  }

  std::uint64_t last_message_ = 0;
  std::array<std::set<Bytes>, 2> sent_, received_;
  std::vector<std::unique_ptr<Driver<Machine>>> sides_;
};

}  // namespace kith::fuzz
