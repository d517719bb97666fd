#include "image_check.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "kith/base/visit.hpp"
#include "kith/crypto/hash.hpp"
#include "kith/dht/dht.hpp"
#include "kith/wire/record.hpp"
#include "opening.hpp"

namespace kith::crash {
namespace {

app::Settings settings_for(const std::filesystem::path& data) {
  app::Settings settings;
  settings.data_dir = data.string();
  settings.socket = (data / "kithd.sock").string();
  settings.listen = {{IpAddress::v4(127, 0, 0, 1), 0}};
  settings.http = Endpoint{IpAddress::v4(127, 0, 0, 1), 0};
  settings.no_lan = true;
  return settings;
}

// All records as the daemon would load them; an error where a stored one is not what it says.
std::string load_records(storage::Storage& storage, std::map<RecordId, Value>& out) {
  std::string wrong;
  storage.scan(Table::record, [&](ByteView, ByteView stored) {
    const auto decoded = wire::decode_record(Buffer(stored));
    if (!decoded) {
      wrong = "a stored record cannot be read";
      return;
    }
    const wire::Record& record = decoded->record;
    if (crypto::hash256({record.value.view()}) != record.content) wrong = "a value is not its hash";
    const ByteView value = record.value.view();
    out[record.id] = record.tombstone ? Value() : Value(Bytes(value.begin(), value.end()));
  });
  return wrong;
}

// Writes of every size, waited for; false when one is refused.
bool write_more(storage::Storage& storage) {
  std::mutex mutex;
  std::condition_variable bell;
  bool rung = false;
  storage.on_ready([&] {
    const std::lock_guard guard(mutex);
    rung = true;
    bell.notify_all();
  });
  constexpr std::uint64_t count = 24;
  for (std::uint64_t i = 1; i <= count; ++i) {
    const std::string key = "later" + std::to_string(i);
    storage.submit(Persist{{i}, Table::meta, Buffer(as_bytes(key)), Buffer(Bytes(i * i * 11, 7))});
  }
  std::uint64_t answered = 0;
  bool good = true;
  while (answered < count) {
    storage.poll([&](const storage::Answer& answer) {
      ++answered;
      good = good && std::holds_alternative<Persisted>(answer);
    });
    if (answered == count) break;
    std::unique_lock guard(mutex);
    if (!bell.wait_for(guard, std::chrono::seconds(10), [&] { return rung; })) return false;
    rung = false;
  }
  storage.on_ready(nullptr);
  return good;
}

}  // namespace

bool Promises::Key::allows(const Value& found) const {
  return found == acknowledged || std::find(tried.begin(), tried.end(), found) != tried.end();
}

void Promises::mark(const Call& mark) {
  ++marks_;
  const std::size_t space = mark.name.find(' ');
  const std::string what = mark.name.substr(0, space), of = mark.name.substr(space + 1);
  if (what == "id") id_ = of;
  if (what == "token") token_ = of;
  if (what == "incarnation") incarnation_ = std::max<std::uint64_t>(incarnation_, std::stoull(of));
  if (what == "try") keys_[of].tried.emplace_back(mark.data);
  if (what == "drop") keys_[of].tried.emplace_back();
  if (what == "forsake")
    for (auto& [name, key] : keys_) key.tried.push_back(std::exchange(key.acknowledged, Value()));
  if (what == "ack") {
    Key& key = keys_.at(of);
    key.acknowledged = key.tried.back();
    key.tried.clear();
  }
}

std::string Promises::broken(const std::filesystem::path& data) const {
  const auto opened = app::open_everything(settings_for(data));
  if (!opened) return "it does not open: " + opened.error().message;
  const std::string id = to_string(opened->identity->id());
  if (!id_.empty() && id != id_) return "another identity";
  if (!token_.empty() && opened->token != token_) return "another token";
  std::uint64_t mark = 0;
  opened->storage->scan(Table::meta, [&](ByteView key, ByteView value) {
    if (equal(key, as_bytes("incarnation")) && value.size() == 8)
      mark = load_le<std::uint64_t>(value.data());
  });
  if (mark < incarnation_) return "an incarnation was used that is above the mark on disk";
  std::map<RecordId, Value> records;
  if (const auto wrong = load_records(*opened->storage, records); !wrong.empty()) return wrong;
  if (opened->storage->stats().quarantined > 0) return "a record was damaged";
  for (const auto& [name, key] : keys_) {
    const auto at = dht::record_id(opened->node.root, wire::Kind::value, {}, name);
    const auto it = records.find(at);
    const Value found = it == records.end() ? Value() : it->second;
    if (!key.allows(found))
      return name + " is not what was acknowledged" + (it == records.end() ? ": missing" : "");
  }
  return "";
}

std::string Promises::broken_after_writes(const std::filesystem::path& data) const {
  {
    const auto opened = app::open_everything(settings_for(data));
    if (!opened) return "it does not open again: " + opened.error().message;
    if (!write_more(*opened->storage)) return "it takes no writes";
  }
  return broken(data);
}

}  // namespace kith::crash
