#include "gates.hpp"

#include <algorithm>

namespace kith::session {
namespace {

Mac address_mac(const crypto::Secret<32>& secret, const Endpoint& from) {
  ByteArray<22> address;
  std::copy(from.ip.bytes.begin(), from.ip.bytes.end(), address.begin());
  store_le(address.data() + 16, from.ip.scope);
  store_le(address.data() + 20, from.port);
  return crypto::keyed_hash128(secret.view(), {address});
}

// What one person plausibly controls: an IPv4 address, an IPv6 /56; of a link, where all hosts are
// in one prefix, a host.
ByteArray<16> prefix_of(const IpAddress& ip) {
  ByteArray<16> prefix = ip.bytes;
  if (!ip.is_v4() && !ip.is_link_local()) std::fill(prefix.begin() + 7, prefix.end(), Byte{0});
  return prefix;
}

}  // namespace

void CookieGate::rotate(Now now, crypto::SecretRng& rng) {
  if (rotated_ && now.mono - *rotated_ < cookie_secret_life) return;
  const bool both_old = !rotated_ || now.mono - *rotated_ >= 2 * cookie_secret_life;
  previous_ = current_;
  rng.fill(current_.writable());
  if (both_old) rng.fill(previous_.writable());
  rotated_ = now.mono;
}

Mac CookieGate::cookie(const Endpoint& from, Now now, crypto::SecretRng& rng) {
  rotate(now, rng);
  return address_mac(current_, from);
}

bool CookieGate::proven(const InitFrame& frame, const Endpoint& from, Now now,
                        crypto::SecretRng& rng) {
  rotate(now, rng);
  for (const auto* secret : {&current_, &previous_}) {
    const Mac expected = crypto::keyed_hash128(address_mac(*secret, from), {frame.before_mac2});
    if (crypto::same_secret(expected, frame.mac2)) return true;
  }
  return false;
}

void LoadGate::report(const LoadReported& load, Now now) {
  if (load.loop_lag > loop_lag_mark || load.jobs_queued >= jobs_mark)
    until_ = now.mono + load_memory;
}

bool LoadGate::under_load(std::size_t own_jobs, Now now) {
  if (own_jobs >= jobs_mark) until_ = now.mono + load_memory;
  return until_ && now.mono < *until_;
}

bool HalfOpenGate::enter(const Endpoint& from) {
  if (total_ >= half_open_limit) return false;
  if (!from.ip.is_loopback()) {
    std::size_t& count = by_prefix_[prefix_of(from.ip)];
    if (count >= half_open_per_prefix) return false;
    ++count;
  }
  ++total_;
  return true;
}

void HalfOpenGate::leave(const Endpoint& from) {
  --total_;
  if (from.ip.is_loopback()) return;
  const auto it = by_prefix_.find(prefix_of(from.ip));
  if (--it->second == 0) by_prefix_.erase(it);
}

}  // namespace kith::session
