// Streams: their bytes. Frames in, frames out, always against the world's credit.
#include <algorithm>

#include "impl.hpp"

namespace kith::session {
namespace {

bool busy(const Stream& stream) {  // its next frame makes sense only after a job is done
  return stream.state == Stream::State::responding || stream.state == Stream::State::finishing;
}

constexpr std::size_t control_frame = stream_header + 1 + crypto::aead_tag_size;

}  // namespace

void Session::Impl::on(const StreamBytes& in, Turn& t) {
  Stream* stream = find_stream(in.stream);
  if (!stream) return t.drop(DropReason::unexpected);
  const bool keyed = stream->receive.has_value();
  if (!keyed && stream->reader.held() + in.bytes.size() > half_open_bytes)
    return refuse_stream(in.stream, DropReason::too_large, t);
  stream->reader.append(in.bytes);
  read(in.stream, t);
}

void Session::Impl::read(StreamId id, Turn& t) {
  while (Stream* stream = find_stream(id)) {
    if (busy(*stream)) return;
    const auto frame = stream->reader.next();
    if (stream->reader.broken()) return refuse_stream(id, DropReason::malformed, t);
    if (!frame) return;
    on_frame(*stream, *frame, t);
  }
}

void Session::Impl::on_frame(Stream& stream, ByteView frame, Turn& t) {
  const auto type = static_cast<FrameType>(frame[length_prefix]);
  const ByteView body = frame.subspan(length_prefix);
  switch (stream.state) {
    case Stream::State::half_open:
      if (type == FrameType::handshake_init) return on_stream_init(stream, body, t);
      break;
    case Stream::State::starting:
      if (type == FrameType::handshake_reply) return on_stream_reply(stream, body, t);
      break;
    case Stream::State::unconfirmed:
    case Stream::State::open:
      if (type == FrameType::sealed) return on_stream_sealed(stream, frame, t);
      break;
    case Stream::State::connecting:
    case Stream::State::finishing:
    case Stream::State::responding:
      break;
  }
  refuse_stream(stream.id, DropReason::unexpected, t);
}

void Session::Impl::on_stream_init(Stream& stream, ByteView frame, Turn& t) {
  const auto init = parse_init(frame);
  if (!init) return refuse_stream(stream.id, DropReason::malformed, t);
  const Mac mac1 = crypto::keyed_hash128(own_mac1_key.view(), {init->before_mac1});
  if (!crypto::same_secret(mac1, init->mac1))
    return refuse_stream(stream.id, DropReason::bad_mac, t);
  auto job = std::make_shared<RespondJob>();
  job->own = credentials;
  job->stream = true;
  secrets.fill(job->ephemeral.writable());
  append(job->message, init->noise);
  if (submit(std::move(job), {PendingJob::Step::respond, true, stream.id}, t))
    stream.state = Stream::State::responding;
  else
    close_stream(stream.id, t);
}

void Session::Impl::on_stream_responded(Stream& stream, const Responded& result, Turn& t) {
  if (!result.ok) return refuse_stream(stream.id, DropReason::not_authentic, t);
  if (result.peer == identity->id()) return refuse_stream(stream.id, DropReason::own_message, t);
  if (!fresh(result, true)) return refuse_stream(stream.id, DropReason::replayed_handshake, t);
  stream.key = result.initiator.key;
  stream.boot = result.initiator.hello.boot;
  stream.newest = newest_of(result.peer);
  stream.send.emplace(result.keys.send, t.now.mono);
  stream.receive.emplace(result.keys.receive, t.now.mono);
  stream.state = Stream::State::unconfirmed;
  stream.pending =
      prefixed(make_reply(0, 0, result.message, mac1_key(config.network, result.initiator.key)));
  pump(stream, t);
  read(stream.id, t);
}

void Session::Impl::on_stream_initiated(Stream& stream, const Initiated& result, Turn& t) {
  if (!result.state) return refuse_stream(stream.id, DropReason::not_authentic, t);
  stream.handshake = std::make_unique<noise::Initiator>(*result.state);
  stream.pending = prefixed(make_init(0, result.message, mac1_key(config.network, stream.key)));
  pump(stream, t);
}

void Session::Impl::on_stream_reply(Stream& stream, ByteView frame, Turn& t) {
  const auto reply = parse_reply(frame);
  if (!reply || !stream.handshake) return refuse_stream(stream.id, DropReason::malformed, t);
  auto job = std::make_shared<FinishJob>(*stream.handshake);
  job->own = credentials;
  append(job->message, reply->noise);
  if (submit(std::move(job), {PendingJob::Step::finish, true, stream.id}, t))
    stream.state = Stream::State::finishing;
}

void Session::Impl::on_stream_finished(Stream& stream, const Finished& result, Turn& t) {
  if (!result.ok) return refuse_stream(stream.id, DropReason::not_authentic, t);
  stream.handshake.reset();
  stream.boot = result.responder.hello.boot;
  stream.send.emplace(result.keys.send, t.now.mono);
  stream.receive.emplace(result.keys.receive, t.now.mono);
  stream.state = Stream::State::open;
  stream.greet = true;
  const StreamId id = stream.id;
  attach(stream, t);
  pump(stream, t);
  read(id, t);
}

void Session::Impl::on_stream_sealed(Stream& stream, ByteView frame, Turn& t) {
  const auto plain = stream.receive->open(frame, t.now.mono);
  if (!plain) return refuse_stream(stream.id, DropReason::not_authentic, t);
  const Byte control = plain->front();
  if (control & ~(lane_mask | more_flag | ratchet_flag | bye_flag) ||
      (control & lane_mask) >= lane_count)
    return refuse_stream(stream.id, DropReason::malformed, t);
  if (stream.state == Stream::State::unconfirmed) {  // the initiator is proven now
    if (overtaken(stream.key, stream.boot, stream.newest))
      return refuse_stream(stream.id, DropReason::stale, t);
    stream.state = Stream::State::open;
    half_open.leave(stream.remote);
    attach(stream, t);
  }
  stream.active = stream.heard = t.now.mono;
  Buffer message;
  const auto lane = static_cast<Lane>(control & lane_mask);
  reassembling -= stream.reassembly.held();
  const auto verdict =
      stream.reassembly.add(lane, ByteView(*plain).subspan(1), (control & more_flag) != 0, message);
  reassembling += stream.reassembly.held();
  if (verdict == Reassembly::Verdict::too_large)
    return refuse_stream(stream.id, DropReason::too_large, t);
  if (stream.reassembly.held() == 0)
    stream.unfinished_since.reset();
  else if (!stream.unfinished_since)
    stream.unfinished_since = t.now.mono;
  // Who has owed the rest of a message the longest makes room, not who happens to send now.
  while (reassembling > reassembly_bytes) {
    const StreamId slowest = slowest_sender();
    const bool own = slowest == stream.id;
    refuse_stream(slowest, DropReason::limit_reached, t);
    if (own) return;
  }
  Peer& peer = *find_peer(stream.peer);
  if (!message.empty()) t.push(Received{peer.id, std::move(message), true});
  if (control & bye_flag) {
    stream.bye_received = true;
    const StreamId id = stream.id;
    say_bye(stream, t);
    if (!peer.lanes.empty() && !peer.stream && !peer.dialing)
      dial_stream(peer, route(peer), false, t);
    if (Stream* still = find_stream(id); still && still->bye_sent) close_stream(id, t);
    return;
  }
  pump(stream, t);
}

void Session::Impl::on(const StreamCredit& in, Turn& t) {
  Stream* stream = find_stream(in.stream);
  if (!stream) return;  // for a stream that we closed meanwhile
  if (in.bytes > 0) stream->blocked_since.reset();
  stream->credit =
      std::min(stream_credit_limit, stream->credit + std::min(in.bytes, stream_credit_limit));
  pump(*stream, t);
  if (stream->bye_sent && stream->bye_received) close_stream(in.stream, t);
}

StreamId Session::Impl::slowest_sender() const {
  const Stream* slowest = nullptr;
  for (const auto& [id, stream] : streams)
    if (stream.unfinished_since &&
        (!slowest || *stream.unfinished_since < *slowest->unfinished_since))
      slowest = &stream;
  return slowest->id;
}

// Writes what may be written: the handshake, then messages by lane, then a goodbye.
void Session::Impl::pump(Stream& stream, Turn& t) {
  if (!stream.pending.empty()) {
    if (stream.credit < stream.pending.size()) return;
    stream.credit -= stream.pending.size();
    t.push(WriteStream{stream.id, Buffer(std::exchange(stream.pending, {}))});
  }
  if (stream.state != Stream::State::open) return;
  Peer* peer = find_peer(stream.peer);
  while (peer && peer->stream == stream.id && !peer->lanes.empty() &&
         stream.credit >= wire::stream_frame_limit) {
    const Chunk chunk = peer->lanes.next(chunk_limit);
    const auto control =
        static_cast<Byte>(static_cast<Byte>(chunk.lane) | (chunk.more ? more_flag : 0));
    write(stream, control, chunk.bytes.view(), t);
  }
  const bool blocked = peer && peer->stream == stream.id && !peer->lanes.empty();
  if (!blocked)
    stream.blocked_since.reset();
  else if (!stream.blocked_since) {
    stream.blocked_since = t.now.mono;
    set_stream_timer(stream, t.now.mono + stream_stall);
  }
  if (stream.credit < control_frame) return;
  if (stream.bye_wanted && !stream.bye_sent) {
    stream.bye_sent = true;
    write(stream, bye_flag, {}, t);
  } else if (stream.greet) {
    write(stream, 0, {}, t);
  }
}

void Session::Impl::write(Stream& stream, Byte control, ByteView chunk, Turn& t) {
  if (stream.send->worn(t.now.mono)) control |= ratchet_flag;
  Buffer frame = stream.send->seal(control, chunk, t.now.mono);
  stream.credit -= frame.size();
  stream.active = t.now.mono;
  stream.greet = false;
  t.push(WriteStream{stream.id, std::move(frame)});
}

}  // namespace kith::session
