// Self: our own record: who we are, under which incarnation, and our goodbye.
//
// An incarnation is used only after a greater mark is on disk, or the disk has refused: then the
// wall clock alone orders this life after the last one. The first incarnation of this process
// stands in the record's ext area, so that of two live processes under one key the younger knows
// it.
#include "impl.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/wire/codec.hpp"

namespace kith::membership {
namespace {

// TLVs: a type, a length, a body.
constexpr Byte ext_start = 0x01;     // the first incarnation of this process (u64)
constexpr Byte ext_releases = 0x02;  // the dead that its `synced` is past: 8 bytes each

Bytes ext_of(const Config& config, Incarnation start, const std::vector<wire::IdPrefix>& releases) {
  Bytes ext{ext_start, 8, 0, 0, 0, 0, 0, 0, 0, 0};
  store_le(ext.data() + 2, start.value);
  if (!releases.empty()) {
    const std::size_t count = std::min(releases.size(), wire::releases_limit);
    ext.push_back(ext_releases);
    ext.push_back(static_cast<Byte>(count * wire::IdPrefix::size));
    for (std::size_t i = 0; i < count; ++i) append(ext, releases[i].view());
  }
  if (config.ext.size() <= ext_bytes_limit) append(ext, config.ext);
  return ext;
}

// A later version's TLVs may stand before it.
std::optional<ByteView> ext_body(const wire::MemberRecord& record, Byte wanted) {
  wire::Reader r(record.ext);
  while (!r.failed() && !r.rest().empty()) {
    const std::uint8_t type = r.u8();
    const ByteView body = r.bytes(r.u8());
    if (type == wanted && !r.failed()) return body;
  }
  return std::nullopt;
}

Incarnation start_of(const wire::MemberRecord& record) {
  const auto body = ext_body(record, ext_start);
  if (!body || body->size() != 8) return record.incarnation;
  return {load_le<std::uint64_t>(body->data())};
}

// What a person configured, cut to what a record may hold.
wire::MemberRecord record_from(const Config& config, const PublicKey& key) {
  wire::MemberRecord record;
  record.key = key;
  record.boot = config.boot;
  record.name = config.name.substr(0, wire::member_name_limit);
  record.version = config.version.substr(0, wire::member_name_limit);
  record.addresses = config.addresses;
  record.protocol_min = config.versions.min;
  record.protocol_max = config.versions.max;
  if (record.addresses.size() > wire::member_addresses_limit)
    record.addresses.resize(wire::member_addresses_limit);
  std::size_t used = 0;
  for (const wire::Tag& tag : config.tags) {
    used += tag.key.size() + tag.value.size();
    const bool fits =
        tag.key.size() <= wire::member_name_limit && tag.value.size() <= wire::member_name_limit;
    if (used > tag_bytes_limit || !fits || record.tags.size() == wire::member_tags_limit) break;
    record.tags.push_back(tag);
  }
  return record;
}

}  // namespace

std::vector<wire::IdPrefix> releases_of(const wire::MemberRecord& record) {
  std::vector<wire::IdPrefix> releases;
  wire::Reader r(ext_body(record, ext_releases).value_or(ByteView()));
  while (r.rest().size() >= wire::IdPrefix::size) releases.push_back(r.id<wire::IdPrefix>());
  return releases;
}

void Membership::Impl::start() {
  book.emplace(config.stored_incarnation, wall());
  own.wanted = record_from(config, identity->public_key());
  own.wanted.ext = ext_of(config, book->start(), {});
  publish_self();
  arm({TimerKind::probe_cycle}, rng.between(Duration(0), probe_interval));
  const Duration usual = config.tuning.anti_entropy_interval;
  arm({TimerKind::anti_entropy}, rng.between(usual / 2, usual));
  for (const PublicKey& key : config.saved_peers) {
    const NodeId peer = crypto::node_id(key);
    if (peer == self || hints.size() == hints_limit / 2 || !hints.insert(peer).second) continue;
    send(peer, wire::Ping{envelope(new_request(), seconds(1)), {}});
  }
  if (!hints.empty()) arm_gone();
}

void Membership::Impl::publish_self() {
  if (!own.changed || own.signing) return;
  const Incarnation next = book->next(own.floor);
  if (next.value >= incarnation_limit) return;  // only our own key could have driven us here
  if (!book->reserved(next)) return write_mark(IncarnationBook::mark_for(next));
  book->use(next);
  own.changed = false;
  own.signing = true;
  wire::MemberRecord record = own.wanted;
  record.incarnation = next;
  Bytes body = wire::member_record_body(record);
  Buffer message = wire::member_record_message(config.network, body);
  compute(SignOwn{std::move(record), std::move(body)},
          std::make_shared<crypto::SignJob>(identity, std::move(message)));
}

void Membership::Impl::own_signed(SignOwn work, const Signature& signature) {
  own.signing = false;
  const auto record = records->read(wire::encode_member_record(work.body, signature).view());
  Entry* entry = record ? roster.put(record, now, config.mode) : nullptr;
  if (const auto evicted = roster.take_evicted()) reaped_now(evicted->first, evicted->second);
  if (!entry) return drop(DropReason::limit_reached);
  gossip.drop_suspicions(wire::prefix_of(self));
  changed(*entry);
  spread(entry->reference());
  own.published = true;
  for (const NodeId& peer : own.answer_to) introduce_self(peer);
  own.answer_to.clear();
  if (work.record.leaving) return goodbye();
  if (book->running_low()) write_mark(IncarnationBook::mark_for(book->current()));
  publish_self();  // what changed meanwhile
}

void Membership::Impl::introduce_self(const NodeId& to) {
  if (own.published) send(to, wire::Members{{0}, {roster.find(self)->record->raw}, {}});
}

// --- the mark on disk -------------------------------------------------------------------------

void Membership::Impl::write_mark(Incarnation mark) {
  if (own.writing) return;
  own.writing = Token{++last_token};
  own.mark = mark;
  ByteArray<8> value;
  store_le(value.data(), mark.value);
  out->push(Persist{*own.writing, Table::meta, Buffer(as_bytes("incarnation")), Buffer(value)});
  arm({TimerKind::disk_silent}, disk_wait);
}

void Membership::Impl::on_disk(Token token, bool written) {
  if (own.writing != token) return drop(DropReason::unexpected);
  own.writing.reset();
  timers.cancel({TimerKind::disk_silent});
  if (written) {
    book->written(own.mark);
  } else {  // go on, and try again later
    book->refused(own.mark, rng.below(incarnation_leap));
    arm({TimerKind::disk_again}, disk_retry);
  }
  publish_self();
}

// --- changes and refutations ------------------------------------------------------------------

void Membership::Impl::on_self_changed(const SelfChanged& change) {
  wire::MemberRecord wanted = own.wanted;
  if (change.addresses) {
    wanted.addresses = *change.addresses;
    if (wanted.addresses.size() > wire::member_addresses_limit)
      wanted.addresses.resize(wire::member_addresses_limit);
  }
  if (change.synced) {
    wanted.synced = std::max(UnixMillis{0}, *change.synced);
    wanted.ext = ext_of(config, book->start(), change.releases);
  }
  if (wanted == own.wanted || leaving != Leaving::no) return;
  own.wanted = std::move(wanted);
  own.changed = true;
  publish_self();
}

// Somebody's word about us. Only what is signed moves us: an accusation by an observer, or our own
// record from another life.
void Membership::Impl::self_accused(const NodeId& from, const wire::Reference& reference) {
  Entry* entry = roster.find(self);
  if (!entry) return;
  if (reference.incarnation < entry->incarnation()) return correct(from, *entry);
  const bool same =
      reference.incarnation == entry->incarnation() && reference.record == entry->hash();
  if (!same || reference.verdict == Verdict::dead) want(from, wire::prefix_of(self));
}

void Membership::Impl::refute() {
  const Entry* entry = roster.find(self);
  if (!entry || own.accused != entry->incarnation() || own.signing || own.changed) return;
  if (leaving != Leaving::no) return;
  if (own.refuted && now.mono - *own.refuted < refute_interval)
    return arm({TimerKind::refute}, *own.refuted + refute_interval - now.mono);
  own.refuted = now.mono;
  ++refutations;
  health.worse();
  own.changed = true;
  publish_self();
}

// Under our key, and not ours: another process made it, or one incarnation was used twice. The
// others go by the greater hash then.
bool Membership::Impl::rivals_ours(const SignedRecord& candidate) const {
  if (candidate.content.boot != config.boot) return true;
  return candidate.content.incarnation == book->current() && newer(candidate);
}

// A record under our key by another process: an earlier life whose disk was wiped, or a live twin.
// An earlier life cannot answer: we go far above it, and only a twin comes back above that. By a
// leap of chance, for there may have been another life between that nobody here has heard of.
void Membership::Impl::own_record_seen(const SignedRecord& candidate) {
  const wire::MemberRecord& record = candidate.content;
  if (record.incarnation == book->current() && newer(candidate)) {
    own.changed = true;
    return publish_self();
  }
  if (record.incarnation <= book->current()) return;
  if (own.other == record.boot && record.incarnation > own.other_floor) {
    const auto ours = std::make_tuple(book->start(), config.boot);
    const bool younger = ours > std::make_tuple(start_of(record), record.boot);
    out->push(TwinSeen{younger});
    if (younger) return;
  }
  own.other = record.boot;
  const Incarnation known_mark = IncarnationBook::mark_for(record.incarnation);
  own.floor = own.other_floor = {known_mark.value + rng.below(incarnation_leap)};
  own.changed = true;
  publish_self();
}

// --- goodbye ----------------------------------------------------------------------------------

void Membership::Impl::leave() {
  if (leaving != Leaving::no) return;
  leaving = Leaving::signing;
  timers.cancel({TimerKind::probe_cycle});
  probes.clear();
  own.wanted.leaving = true;
  own.changed = true;
  arm({TimerKind::leave}, leave_wait);
  publish_self();
}

void Membership::Impl::goodbye() {
  leaving = leaving == Leaving::done ? Leaving::done : Leaving::said;
  const wire::Reference reference = roster.find(self)->reference();
  const std::vector<NodeId> peers = roster.pick_neighbours(leave_fanout, rng);
  for (const NodeId& peer : peers) {
    introduce_self(peer);
    const RequestId request = new_request();
    goodbyes.insert(request);
    send(peer, wire::Ping{envelope(request, leave_wait), {{reference}, {}}});
  }
  if (peers.empty()) left();
}

void Membership::Impl::left() {
  if (leaving == Leaving::done) return;
  leaving = Leaving::done;
  goodbyes.clear();
  timers.cancel({TimerKind::leave});
  out->push(LeaveAnnounced{});
}

}  // namespace kith::membership
