// What a liar makes of what it knows: accusations, certificates, records.
#include "kith/crypto/hash.hpp"
#include "kith/wire/record.hpp"
#include "lies.hpp"

namespace kith::sim {

wire::Reference Lies::reference_to(const wire::MemberRecord& record, const Buffer& bytes) {
  return {wire::prefix_of(crypto::node_id(record.key)), record.incarnation, wire::Verdict::alive,
          crypto::hash64({bytes.view()})};
}

// Now, long ago, ahead of all clocks, and beyond what is a stamp at all (PROTOCOL.md 4). Not the
// last that are: from there on the clocks of all tick past the bound, and nobody's accusation
// counts any more (src/ARCHITECTURE.md "Open").
UnixMillis Lies::date() {
  constexpr std::int64_t latest = std::int64_t{1} << 46;
  const std::int64_t wall = now_.wall.value, year = to_millis(hours(24)) * 365;
  const std::int64_t dates[] = {wall,
                                wall - 5'000,
                                wall - to_millis(hours(1)),
                                0,
                                wall + to_millis(minutes(10)),
                                wall + 10 * year,
                                latest - 100 * year,
                                latest + 1,
                                INT64_MAX,
                                -1};
  return {dates[draw(std::size(dates))]};
}

wire::Suspicion Lies::accusation(const Member& of) {
  wire::Suspicion suspicion;
  suspicion.subject = reference_to(of.second.latest, of.second.records.back());
  suspicion.subject.verdict = wire::Verdict::suspect;
  suspicion.accuser = wire::prefix_of(identity_->id());
  suspicion.stamp = date();
  suspicion.signature =
      identity_->sign(wire::suspicion_message(network_, of.first, suspicion).view());
  return suspicion;
}

// Three accusations that are one: its own again and again, or by accusers who never signed.
void Lies::certificate(std::vector<wire::Suspicion>& out) {
  const auto* subject = somebody();
  if (!subject) return;
  const bool by_others = draw(2) > 0;
  for (int i = 0; i < 3 && out.size() < wire::suspicions_limit; ++i) {
    wire::Suspicion suspicion = accusation(*subject);
    const auto* other = somebody();
    if (by_others && other) suspicion.accuser = wire::prefix_of(other->first);
    out.push_back(suspicion);
  }
}

Buffer Lies::forged_member(const Known& of) {
  wire::MemberRecord record = of.latest;
  record.incarnation = {record.incarnation.value + draw(1'000)};
  if (draw(3) == 0) record.leaving = true;
  if (draw(3) == 0) record.synced = date();
  if (draw(3) == 0) record.addresses = {{IpAddress::v4(10, 250, 0, 1), 4747}};
  const Bytes body = wire::member_record_body(record);
  const auto genuine = wire::decode_member_record(of.records.back().view());
  const Signature signature =
      draw(2) > 0 ? genuine->signature
                  : identity_->sign(wire::member_record_message(network_, body).view());
  return wire::encode_member_record(body, signature);
}

// Another one of its own under the same incarnation: each hears something else about it.
Buffer Lies::another_self(wire::MemberRecord record) {
  if (draw(2) > 0) record.synced = draw(2) > 0 ? UnixMillis{} : date();
  if (draw(4) == 0) record.addresses.clear();
  if (draw(4) == 0) record.leaving = true;
  record.name = "another";
  const Bytes body = wire::member_record_body(record);
  return wire::encode_member_record(
      body, identity_->sign(wire::member_record_message(network_, body).view()));
}

// The record that an answer is about, if that was ever seen.
Buffer Lies::shown_by(const wire::Fetched& fetched) const {
  if (!fetched.record.empty()) return fetched.record;
  for (const auto& [id, versions] : records_)
    for (const Buffer& bytes : versions)
      if (const auto seen = wire::decode_record(bytes); fetched.sequence.value > 0 && seen &&
                                                        seen->record.sequence == fetched.sequence &&
                                                        seen->record.content == fetched.content)
        return bytes;
  return {};
}

// Never one of its own: what a member writes is lawful, whatever it is.
Buffer Lies::forged_record(const Buffer& bytes) {
  const auto genuine = wire::decode_record(bytes);
  if (!genuine || genuine->record.writer == identity_->public_key()) return bytes;
  wire::Record record = genuine->record;
  Bytes value(record.value.view().begin(), record.value.view().end());
  if (draw(3) == 0) record.sequence = {record.sequence.value + 1 + draw(1000)};
  if (draw(3) == 0) value = {1, 2, 3};
  if (draw(2) == 0) record.content = crypto::hash256({value});
  if (draw(3) == 0) record.tombstone = !record.tombstone;
  if (draw(3) == 0) record.expiry = {now_.wall.value - 1};
  const Bytes head = wire::record_head(record);
  const Signature signature = draw(2) > 0
                                  ? genuine->signature
                                  : identity_->sign(wire::record_message(network_, head).view());
  return wire::encode_record(head, value, signature);
}

// Lawful but for its date, and of a name that no client asks for.
Buffer Lies::expired_record() {
  wire::Record record;
  record.id = RecordId::from(made_up<32>());
  record.sequence = {static_cast<std::uint64_t>(now_.wall.value - to_millis(hours(2)))};
  record.expiry = {now_.wall.value - to_millis(hours(1))};
  record.writer = identity_->public_key();
  const Bytes value{4, 5, 6};
  record.content = crypto::hash256({value});
  const Bytes head = wire::record_head(record);
  return wire::encode_record(head, value,
                             identity_->sign(wire::record_message(network_, head).view()));
}

}  // namespace kith::sim
