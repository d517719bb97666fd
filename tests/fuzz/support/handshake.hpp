// A genuine handshake between two fixed identities, taken apart: what mutations start from.
#pragma once

#include "keys.hpp"
#include "kith/crypto/hash.hpp"
#include "steps.hpp"

namespace kith::fuzz {

struct Handshake {
  session::Config config;
  session::CredentialsPtr initiator, responder;
  std::unique_ptr<session::Initiated> first;
  std::unique_ptr<session::Responded> second;
  Bytes init, reply;  // as frames

  Handshake() {
    config.network = crypto::network_id(as_bytes("root"), "home");
    config.incarnation = {1};
    config.psk.fill(3);
    initiator = std::make_shared<const session::Credentials>(config, *identity(0));
    responder = std::make_shared<const session::Credentials>(config, *identity(1));
    session::InitiateJob ask;
    ask.own = initiator;
    ask.responder = responder->key;
    ask.ephemeral.writable()[0] = 1;
    ask.counter = 1;
    first.reset(static_cast<session::Initiated*>(ask.run().release()));
    second = respond(first->message);
    init = session::make_init(77, first->message, mac1_key_of(*responder));
    reply = session::make_reply(88, 77, second->message, mac1_key_of(*initiator));
  }
  std::unique_ptr<session::Responded> respond(ByteView message) const {
    session::RespondJob answer;
    answer.own = responder;
    answer.ephemeral.writable()[0] = 2;
    answer.message = Bytes(message.begin(), message.end());
    return std::unique_ptr<session::Responded>(
        static_cast<session::Responded*>(answer.run().release()));
  }
  std::unique_ptr<session::Finished> finish(ByteView message) const {
    session::FinishJob last(*first->state);
    last.own = initiator;
    last.message = Bytes(message.begin(), message.end());
    return std::unique_ptr<session::Finished>(
        static_cast<session::Finished*>(last.run().release()));
  }
  Hash256 mac1_key_of(const session::Credentials& who) const {
    return session::mac1_key(config.network, who.key);
  }
};

inline const Handshake& handshake() {
  static const Handshake made;
  return made;
}

}  // namespace kith::fuzz
