#include "checkers.hpp"

namespace kith::sim {

std::vector<std::unique_ptr<Checker>> all_checkers() {
  std::vector<std::unique_ptr<Checker>> all;
  all.push_back(nobody_healthy_is_dead());
  all.push_back(healthy_are_hardly_suspected());
  all.push_back(incarnations_never_repeat());
  all.push_back(marks_are_on_disks());
  all.push_back(nobody_buries_itself());
  all.push_back(members_go_on());
  all.push_back(the_killed_are_dead());
  all.push_back(counters_never_repeat());
  all.push_back(counters_are_taken_once());
  all.push_back(greetings_are_answered_once());
  all.push_back(queues_are_bounded());
  all.push_back(history());
  all.push_back(receipts_are_on_disks());
  all.push_back(values_expire_in_time());
  all.push_back(one_view());
  all.push_back(replication_is_restored());
  all.push_back(acknowledged_is_readable());
  return all;
}

}  // namespace kith::sim
