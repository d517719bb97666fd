// Every checker, by the room whose claim it holds to account.
#pragma once

#include "../world.hpp"

namespace kith::sim {

// membership.cpp
std::unique_ptr<Checker> nobody_healthy_is_dead();
std::unique_ptr<Checker> healthy_are_hardly_suspected();
std::unique_ptr<Checker> one_view();
std::unique_ptr<Checker> nobody_buries_itself();
std::unique_ptr<Checker> the_killed_are_dead();
// incarnations.cpp
std::unique_ptr<Checker> incarnations_never_repeat();
std::unique_ptr<Checker> marks_are_on_disks();
std::unique_ptr<Checker> members_go_on();
// data.cpp
std::unique_ptr<Checker> history();
std::unique_ptr<Checker> receipts_are_on_disks();
std::unique_ptr<Checker> values_expire_in_time();
std::unique_ptr<Checker> replication_is_restored();
std::unique_ptr<Checker> acknowledged_is_readable();
// transport.cpp
std::unique_ptr<Checker> counters_never_repeat();
std::unique_ptr<Checker> counters_are_taken_once();
std::unique_ptr<Checker> greetings_are_answered_once();
std::unique_ptr<Checker> queues_are_bounded();

}  // namespace kith::sim
