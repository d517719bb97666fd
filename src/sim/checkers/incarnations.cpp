#include <algorithm>
#include <set>

#include "../chance.hpp"
#include "../word_map.hpp"
#include "checkers.hpp"

namespace kith::sim {
namespace {

// Whose mark of its incarnation may not be on its disk, or not be the last one.
class LostMarks {
 public:
  void note(const Event& event) {
    switch (event.act) {
      case Act::rare:
        if ((event.amount & bit_of(Rare::late_receipts)) == 0) return;
        [[fallthrough]];
      case Act::disk_full:
      case Act::disk_busy:
      case Act::disk_slow:
      case Act::slow:
      case Act::wipe:
      case Act::rollback:
      case Act::twin:
        everybody_ = everybody_ || event.hosts.empty();
        excused_.insert(event.hosts.begin(), event.hosts.end());
        return;
      default:
        return;
    }
  }
  bool excuse(HostIndex host) const { return everybody_ || excused_.contains(host); }

 private:
  std::set<HostIndex> excused_;
  bool everybody_ = false;
};

// What the others know of it was on its disk before: else a restart could use it again. A disk
// that refuses or does not answer silences nobody.
class MarksAreOnDisks final : public Checker {
 public:
  std::string_view sentence() const override {
    return "an incarnation is used when its mark is on the disk";
  }
  void on_fault(World&, const Event& event, bool) override { lost_.note(event); }
  void on_output(World& world, HostIndex, const node::Output& output) override {
    const auto* news = std::get_if<node::MemberNews>(&output);
    if (!news || !news->member->record) return;
    const auto subject = world.index_of(news->member->id);
    if (!subject || lost_.excuse(*subject)) return;
    const Incarnation used = news->member->record->incarnation;
    const Cells& cells = world.host(*subject).disk.cells();
    const ByteView name = as_bytes("incarnation");
    const auto mark = cells.find({Table::meta, Bytes(name.begin(), name.end())});
    if (mark != cells.end() && load_le<std::uint64_t>(mark->second.view().data()) >= used.value)
      return;
    world.find(*this,
               "host " + std::to_string(*subject) + ", incarnation " + std::to_string(used.value));
  }

 private:
  LostMarks lost_;
};

class IncarnationsNeverRepeat final : public Checker {
 public:
  std::string_view sentence() const override {
    return "an incarnation is used by one process only";
  }
  void on_fault(World&, const Event& event, bool) override {
    // Two processes with one disk: an incarnation may meet itself. That is what twins are.
    if (event.act == Act::twin || event.act == Act::rollback) excused_.insert(event.hosts.front());
  }
  void on_output(World& world, HostIndex, const node::Output& output) override {
    const auto* news = std::get_if<node::MemberNews>(&output);
    if (!news || !news->member->record) return;
    const auto subject = world.index_of(news->member->id);
    if (!subject || excused_.contains(*subject)) return;
    const wire::MemberRecord& record = *news->member->record;
    const auto [known, fresh] = used_.emplace(std::pair(*subject, record.incarnation), record.boot);
    if (!fresh && known->second != record.boot)
      world.find(*this, "host " + std::to_string(*subject) + ", incarnation " +
                            std::to_string(record.incarnation.value));
  }

 private:
  std::map<std::pair<HostIndex, Incarnation>, BootId> used_;
  std::set<HostIndex> excused_;
};

// But for those whose mark was lost: they come back with a lower one, and are believed.
class MembersGoOn final : public Checker {
 public:
  std::string_view sentence() const override {
    return "to nobody a member's incarnation goes back";
  }
  void on_fault(World&, const Event& event, bool) override { lost_.note(event); }
  void on_output(World& world, HostIndex index, const node::Output& output) override {
    const auto* news = std::get_if<node::MemberNews>(&output);
    if (!news || !news->member->record) return;
    const auto subject = world.index_of(news->member->id);
    if (!subject || lost_.excuse(*subject)) return;
    const std::uint64_t incarnation = news->member->record->incarnation.value;
    std::uint64_t& known = known_[mixed(mixed(index ^ world.host(index).life << 32) ^ *subject)];
    if (incarnation < known)
      world.find(*this, "host " + std::to_string(index) + " hears of host " +
                            std::to_string(*subject) + " " + std::to_string(incarnation) +
                            " after " + std::to_string(known));
    known = std::max(known, incarnation);
  }

 private:
  WordMap known_;  // by process and member
  LostMarks lost_;
};

}  // namespace

std::unique_ptr<Checker> incarnations_never_repeat() {
  return std::make_unique<IncarnationsNeverRepeat>();
}
std::unique_ptr<Checker> marks_are_on_disks() { return std::make_unique<MarksAreOnDisks>(); }
std::unique_ptr<Checker> members_go_on() { return std::make_unique<MembersGoOn>(); }

}  // namespace kith::sim
