// The three heavy steps of a handshake as jobs: pure functions of what they hold.
#pragma once

#include "frames.hpp"

namespace kith::session {

// What every step needs; made once, shared, never changed.
struct Credentials {
  NetworkId network;
  crypto::DhPair fixed;
  PublicKey key;
  std::vector<noise::Psk> psks;  // current, then previous while a rotation lasts
  Hello hello;

  Credentials(const Config& config, const crypto::Identity& identity);
};
using CredentialsPtr = std::shared_ptr<const Credentials>;

// Two Ed25519 keys, B and -B, are one Noise static: without the responder's key in the prologue a
// message 1 meant for one would be answered by the other. The transport is in it so that each
// message 1 counts on one only, for they are counted apart.
Bytes prologue(const NetworkId& network, bool stream, const PublicKey& responder);

struct InitiateJob final : Job {
  CredentialsPtr own;
  bool stream = false;
  PublicKey responder;
  crypto::Secret<32> ephemeral;
  Incarnation incarnation;
  std::uint64_t counter = 0;
  std::unique_ptr<JobResult> run() const override;  // -> Initiated
};
struct Initiated final : JobResult {
  std::optional<noise::Initiator> state;  // nullopt: the responder's key is no good
  Bytes message;
};

struct RespondJob final : Job {
  CredentialsPtr own;
  bool stream = false;
  crypto::Secret<32> ephemeral;
  Bytes message;
  std::unique_ptr<JobResult> run() const override;  // -> Responded
};
struct Responded final : JobResult {
  bool ok = false;  // authentic, right psk, key and static belong together, common version
  InitPayload initiator;
  NodeId peer;
  noise::Transport keys;
  Bytes message;
};

struct FinishJob final : Job {
  CredentialsPtr own;
  noise::Initiator state;
  Bytes message;
  explicit FinishJob(noise::Initiator state_in) : state(std::move(state_in)) {}
  std::unique_ptr<JobResult> run() const override;  // -> Finished
};
struct Finished final : JobResult {
  bool ok = false;
  ReplyPayload responder;
  noise::Transport keys;
};

}  // namespace kith::session
