// Store: two threads behind the Storage door. Orders wait in two bounded queues; the writer commits
// them in groups, the reader serves what the cache does not hold. One mutex guards all of it and is
// never held across a system call.
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "cache.hpp"
#include "environment.hpp"
#include "kith/base/assert.hpp"
#include "write.hpp"

namespace kith::storage {
namespace {

constexpr std::size_t order_limit = 1024;            // waiting or in flight; beyond it: busy
constexpr std::size_t order_bytes_limit = 16 << 20;  // of their keys and values
constexpr std::size_t batch_limit = 64;              // operations a transaction
constexpr std::size_t batch_bytes_limit = 1 << 20;   // one larger value makes a batch of its own
constexpr std::size_t cache_bytes = 8 << 20;
constexpr std::size_t key_limit = 64;  // the door's; LMDB's is 511

CacheKey cache_key(Table table, const Buffer& key) {
  return {table, Bytes(key.view().begin(), key.view().end())};
}

class Store final : public Storage {
 public:
  Store(DirectoryLock lock, std::unique_ptr<Environment> environment, std::size_t quota)
      : lock_(std::move(lock)), environment_(std::move(environment)) {
    stats_.quota_bytes = quota;
    const Transaction txn(environment_->env(), MDB_RDONLY);
    if (!txn.status()) measure(txn);
    writer_ = std::thread([this] { write_loop(); });
    reader_ = std::thread([this] { read_loop(); });
  }

  ~Store() override {
    // The reader first: it may still hand a recheck to the writer.
    stop(reader_, reader_stops_, reads_waiting_);
    stop(writer_, writer_stops_, writes_waiting_);
  }

  void submit(Order order) override {
    match(
        std::move(order), [this](Load&& load) { accept_load(std::move(load)); },
        [this](Persist&& persist) { accept_write(std::move(persist)); },
        [this](Forget&& forget) { accept_write(std::move(forget)); });
  }

  void poll(const std::function<void(Answer)>& sink) override {
    std::deque<Answer> ready;
    {
      const std::lock_guard guard(mutex_);
      ready.swap(ready_);
    }
    for (Answer& answer : ready) sink(std::move(answer));
  }

  void on_ready(std::function<void()> notify) override {
    const std::lock_guard guard(mutex_);
    notify_ = std::move(notify);
  }

  void settle() override {
    std::unique_lock guard(mutex_);
    written_.wait(guard, [this] { return writes_.empty() && !committing_; });
  }

  std::vector<Bytes> scan(Table table,
                          const std::function<void(ByteView, ByteView)>& sink) override {
    std::vector<Bytes> bad;
    {
      const Transaction txn(environment_->env(), MDB_RDONLY);
      if (txn.status()) return bad;
      environment_->each(txn, table, [&](ByteView key, ByteView value, bool good) {
        if (good)
          sink(key, value);
        else
          bad.emplace_back(key.begin(), key.end());
      });
    }
    if (bad.empty()) return bad;
    Transaction txn(environment_->env(), 0);
    int status = txn.status();
    for (const Bytes& key : bad)
      if (!status) status = environment_->quarantine(txn, table, key);
    if (!status) status = txn.commit();
    if (status) {  // they are met again by the next read
      note_failure(status);
      return bad;
    }
    const Transaction now(environment_->env(), MDB_RDONLY);
    const std::lock_guard guard(mutex_);
    stats_.quarantined += bad.size();
    if (!now.status()) measure(now);
    return bad;
  }

  bool change_network(const NetworkId& network, bool force, std::string_view forget) override {
    settle();
    if (stats().failed) return false;
    Transaction txn(environment_->env(), 0);
    int status = txn.status();
    if (!status && environment_->entries(txn, Table::record) > 0 && !force) return false;
    // Record ids are keyed by the network's root: what the old one kept has no place in the new
    // one.
    if (!status && force) status = environment_->clear(txn, Table::record);
    if (!status && !forget.empty())
      status = environment_->remove(txn, Table::meta, as_bytes(forget));
    if (!status) status = environment_->set_network(txn, network);
    Stats measured;
    if (!status) measured = measurement(txn);
    if (!status) status = txn.commit();
    if (status) {
      note_failure(status);
      return false;
    }
    const std::lock_guard guard(mutex_);
    stats_.entries = measured.entries;
    stats_.used_bytes = measured.used_bytes;
    cache_ = Cache(cache_bytes);
    ++generation_;
    return true;
  }

  Stats stats() const override {
    const std::lock_guard guard(mutex_);
    return stats_;
  }

 private:
  void stop(std::thread& thread, bool& flag, std::condition_variable& waiting) {
    {
      const std::lock_guard guard(mutex_);
      flag = true;
    }
    waiting.notify_one();
    thread.join();
  }

  // --- accepting; the caller's thread ---------------------------------------------------------

  void accept_load(Load load) {
    KITH_ASSERT(!load.key.empty() && load.key.size() <= key_limit);
    std::unique_lock guard(mutex_);
    if (auto value = cache_.find(cache_key(load.table, load.key)))
      return answer_now(guard, Loaded{load.token, true, std::move(*value)});
    if (!take_place(cost(load)))
      return answer_now(guard, DiskRefused{load.token, DiskRefusal::busy});
    reads_.push_back(std::move(load));
    guard.unlock();
    reads_waiting_.notify_one();
  }

  template <class WriteOrder>
  void accept_write(WriteOrder order) {
    KITH_ASSERT(!order.key.empty() && order.key.size() <= key_limit);
    std::unique_lock guard(mutex_);
    if (stats_.failed) return answer_now(guard, DiskRefused{order.token, DiskRefusal::full});
    if (!take_place(cost(order)))
      return answer_now(guard, DiskRefused{order.token, DiskRefusal::busy});
    writes_.push_back(std::move(order));
    guard.unlock();
    writes_waiting_.notify_one();
  }

  bool take_place(std::size_t bytes) {
    // A single value larger than the bound is let in alone rather than refused for ever.
    if (orders_ > 0 && (orders_ >= order_limit || order_bytes_ + bytes > order_bytes_limit))
      return false;
    ++orders_;
    order_bytes_ += bytes;
    return true;
  }

  void give_place(std::size_t bytes) {
    --orders_;
    order_bytes_ -= bytes;
  }

  void answer_now(std::unique_lock<std::mutex>& guard, Answer answer) {
    push(std::move(answer));
    ring(guard);
  }

  void push(Answer answer) {
    if (std::holds_alternative<DiskRefused>(answer)) ++stats_.refused;
    ring_ = ring_ || ready_.empty();
    ready_.push_back(std::move(answer));
  }

  // Tells the driver once for the answers pushed since it last looked; outside the lock, so that
  // it may poll from there.
  void ring(std::unique_lock<std::mutex>& guard) {
    const auto notify = std::exchange(ring_, false) ? notify_ : nullptr;
    guard.unlock();
    if (notify) notify();
  }

  // --- the writer thread ----------------------------------------------------------------------

  void write_loop() {
    std::unique_lock guard(mutex_);
    for (;;) {
      writes_waiting_.wait(guard, [this] { return writer_stops_ || !writes_.empty(); });
      if (writes_.empty()) return;
      const std::vector<Write> batch = take_batch();
      committing_ = true;
      guard.unlock();
      commit(batch);
      guard.lock();
      committing_ = false;
      if (writes_.empty()) written_.notify_all();
    }
  }

  std::vector<Write> take_batch() {
    std::vector<Write> batch;
    std::size_t bytes = 0;
    while (!writes_.empty() && batch.size() < batch_limit) {
      bytes += cost(writes_.front());
      if (!batch.empty() && bytes > batch_bytes_limit) break;
      batch.push_back(std::move(writes_.front()));
      writes_.pop_front();
    }
    return batch;
  }

  void commit(const std::vector<Write>& batch) {
    Transaction txn(environment_->env(), 0);
    int status = txn.status();
    std::size_t used = status ? 0 : environment_->used_bytes(txn);
    std::vector<Answer> answers;
    for (const Write& write : batch)
      if (!status) status = apply(txn, write, used, answers);
    Stats measured;
    if (!status) measured = measurement(txn);
    if (!status) status = txn.commit();
    if (status) return refuse(batch, status);

    std::unique_lock guard(mutex_);
    ++stats_.commits;
    ++generation_;
    stats_.entries = measured.entries;
    stats_.used_bytes = measured.used_bytes;
    for (std::size_t i = 0; i < batch.size(); ++i) finish(batch[i], std::move(answers[i]));
    ring(guard);
  }

  // Does one write inside the transaction and appends the answer it gets if that commits.
  int apply(const Transaction& txn, const Write& write, std::size_t& used,
            std::vector<Answer>& answers) const {
    return match(
        write,
        [&](const Persist& order) {
          const std::size_t size = cost(order) + 64;  // node header, checksum, share of the tree
          if (used + size <= stats_.quota_bytes) {
            used += size;
          } else if (!adds_nothing(txn, order)) {
            answers.push_back(DiskRefused{order.token, DiskRefusal::full});
            return 0;
          }
          answers.push_back(Persisted{order.token});
          return environment_->put(txn, order.table, order.key.view(), order.value.view());
        },
        [&](const Forget& order) {
          answers.push_back(Persisted{order.token});
          return environment_->remove(txn, order.table, order.key.view());
        },
        [&](const Recheck& order) {
          const Load& load = order.load;
          ByteView value;
          const auto found = environment_->get(txn, load.table, load.key.view(), value);
          if (found != Environment::Found::bad) {  // replaced or forgotten meanwhile
            const bool held = found == Environment::Found::yes;
            answers.push_back(Loaded{load.token, held, held ? Buffer(value) : Buffer()});
            return 0;
          }
          answers.push_back(DiskRefused{load.token, DiskRefusal::damaged});
          return environment_->quarantine(txn, load.table, load.key.view());
        });
  }

  // Over the quota there is room for what takes the place of something as large, a deletion above
  // all, and for the few small facts of the meta table.
  bool adds_nothing(const Transaction& txn, const Persist& order) const {
    return order.table == Table::meta ||
           order.value.size() <= environment_->value_size(txn, order.table, order.key.view());
  }

  // After the commit, under the lock.
  void finish(const Write& write, Answer answer) {
    const bool refused = std::holds_alternative<DiskRefused>(answer);
    match(
        write,
        [&](const Persist& order) {
          if (refused) return;
          ++stats_.writes;
          // Copied: a slice would pin the whole frame that it came in.
          cache_.put(cache_key(order.table, order.key), Buffer(order.value.view()));
        },
        [&](const Forget& order) {
          ++stats_.writes;
          cache_.erase(cache_key(order.table, order.key));
        },
        [&](const Recheck&) { stats_.quarantined += refused; });
    give_place(cost(write));
    push(std::move(answer));
  }

  void refuse(const std::vector<Write>& batch, int status) {
    std::size_t bytes = 0;
    for (const Write& write : batch) bytes += cost(write);
    const auto reason = reason_of(status, bytes);
    std::unique_lock guard(mutex_);
    for (const Write& write : batch) refuse_one(write, reason.value_or(DiskRefusal::full));
    if (!reason) fail_for_good();
    ring(guard);
  }

  // nullopt: stop writing.
  std::optional<DiskRefusal> reason_of(int status, std::size_t bytes) const {
    const auto reason = classify(status, environment_->directory(), bytes);
    return environment_->usable() ? reason : std::nullopt;
  }

  // Whether earlier pages reached the disk is no longer known: never write on top of that.
  void fail_for_good() {
    stats_.failed = true;
    ring_ = true;
    for (const Write& write : std::exchange(writes_, {})) refuse_one(write, DiskRefusal::full);
  }

  // Of a transaction of the caller's thread.
  void note_failure(int status) {
    if (reason_of(status, 0)) return;
    std::unique_lock guard(mutex_);
    fail_for_good();
    ring(guard);
  }

  void refuse_one(const Write& write, DiskRefusal reason) {
    // A bad value that could not be moved aside is bad all the same.
    if (std::holds_alternative<Recheck>(write)) reason = DiskRefusal::damaged;
    give_place(cost(write));
    push(DiskRefused{token(write), reason});
  }

  Stats measurement(const Transaction& txn) const {
    Stats measured;
    measured.entries = environment_->entries(txn, Table::record);
    measured.used_bytes = environment_->used_bytes(txn);
    return measured;
  }

  void measure(const Transaction& txn) {
    const Stats measured = measurement(txn);
    stats_.entries = measured.entries;
    stats_.used_bytes = measured.used_bytes;
  }

  // --- the read thread ------------------------------------------------------------------------

  void read_loop() {
    std::unique_lock guard(mutex_);
    for (;;) {
      reads_waiting_.wait(guard, [this] { return reader_stops_ || !reads_.empty(); });
      if (reader_stops_) return;
      const std::deque<Load> batch = std::exchange(reads_, {});
      const std::uint64_t generation = generation_;
      guard.unlock();
      read(batch, generation);
      guard.lock();
    }
  }

  void read(const std::deque<Load>& batch, std::uint64_t generation) {
    const Transaction txn(environment_->env(), MDB_RDONLY);
    for (const Load& load : batch) {
      ByteView value;
      auto found = Environment::Found::no;
      if (!txn.status()) found = environment_->get(txn, load.table, load.key.view(), value);
      Buffer copy = found == Environment::Found::yes ? Buffer(value) : Buffer();

      std::unique_lock guard(mutex_);
      if (found == Environment::Found::bad && !stats_.failed) {
        writes_.push_back(Recheck{load});
        writes_waiting_.notify_one();
        continue;  // it keeps its place
      }
      give_place(cost(load));
      if (txn.status())
        push(DiskRefused{load.token, DiskRefusal::busy});
      else if (found == Environment::Found::bad)
        push(DiskRefused{load.token, DiskRefusal::damaged});
      else {
        // A commit since our snapshot may have replaced it: then it must not enter the cache.
        if (!copy.empty() && generation == generation_)
          cache_.put(cache_key(load.table, load.key), copy);
        push(Loaded{load.token, found == Environment::Found::yes, std::move(copy)});
      }
      ring(guard);
    }
  }

  // Members in the order they must outlive each other: threads first to go, the lock last.
  DirectoryLock lock_;
  std::unique_ptr<Environment> environment_;

  mutable std::mutex mutex_;
  std::condition_variable writes_waiting_, reads_waiting_, written_;
  std::deque<Write> writes_;
  std::deque<Load> reads_;
  std::deque<Answer> ready_;
  std::size_t orders_ = 0, order_bytes_ = 0;
  std::uint64_t generation_ = 0;  // commits, as far as the cache knows
  Cache cache_{cache_bytes};
  Stats stats_;
  std::function<void()> notify_;
  bool ring_ = false, committing_ = false, reader_stops_ = false, writer_stops_ = false;

  std::thread writer_, reader_;
};

}  // namespace

std::expected<std::unique_ptr<Storage>, OpenFailure> Storage::open(const Options& options) {
  auto lock = DirectoryLock::take(options.directory);
  if (!lock) return std::unexpected(lock.error());
  auto environment = Environment::open(options);
  if (!environment) return std::unexpected(environment.error());
  // The last tenth is for deletes, which need fresh pages too, and for LMDB's own free list.
  const std::size_t quota = options.map_bytes / 10 * 9;
  return std::make_unique<Store>(std::move(*lock), std::move(*environment), quota);
}

}  // namespace kith::storage
