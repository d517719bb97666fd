// Who counts: bases, retirement and return, without messages.
#include "view.hpp"

#include <algorithm>

#include "kith/crypto/hash.hpp"

using namespace kith;
using namespace kith::dht;

namespace {

NodeId node(int number) {
  const std::string name = std::to_string(number);
  return NodeId{crypto::hash256({as_bytes(name)}).bytes};
}
Now at(std::int64_t second) { return {Instant(seconds(second)), UnixMillis{second * 1000}}; }
MemberSeen seen(int number, Presence presence, std::int64_t synced, std::int64_t verdict = 0) {
  MemberSeen seen{node(number), {}, presence, {synced}, {verdict}, {}, {}, {}};
  // A stamp past 100 is past the deaths of the verdict at 100.
  for (int dead = 1; synced > 100 && dead < 20; ++dead)
    seen.releases.push_back(wire::prefix_of(node(dead)));
  return seen;
}

// Members 0 to count - 1, alive and synced at 10; the view is member 0's.
View view_of(int count) {
  View view(node(0));
  for (int i = 0; i < count; ++i) view.see(seen(i, Presence::alive, 10), at(0));
  return view;
}
// The first `dead` of the others die with a verdict at 100, and the living sync past it.
View after_deaths(int count, int dead) {
  View view = view_of(count);
  for (int i = 1; i <= dead; ++i) view.see(seen(i, Presence::dead, 10, 100), at(1));
  for (int i = 0; i < count; ++i)
    if (i == 0 || i > dead) view.see(seen(i, Presence::alive, 200), at(2));
  return view;
}

}  // namespace

TEST_CASE(
    "dht/view: every base keeps a write quorum, or the neighbourhood does not answer for it") {
  CHECK(all_bases_have_quorum(1, 0));
  CHECK(all_bases_have_quorum(2, 0));
  CHECK_FALSE(all_bases_have_quorum(2, 1));
  CHECK(all_bases_have_quorum(3, 1));
  CHECK_FALSE(all_bases_have_quorum(4, 2));
  CHECK(all_bases_have_quorum(8, 3));
  CHECK_FALSE(all_bases_have_quorum(8, 4));
  // A majority of sixteen is there, and still five of some key's eight may be elsewhere.
  CHECK(all_bases_have_quorum(16, 3));
  CHECK_FALSE(all_bases_have_quorum(16, 4));
  CHECK_FALSE(all_bases_have_quorum(0, 0));
}

TEST_CASE("dht/view: the dead are retired when the living have synced past it, but few at a time") {
  View three = after_deaths(13, 3);
  CHECK(three.retire(at(3).mono));
  CHECK_EQ(three.counting_count(), 10);
  CHECK_FALSE(three.any_unsettled());

  View five = after_deaths(13, 5);  // the other side of a cut may be a majority of some base
  CHECK_FALSE(five.retire(at(3).mono));
  CHECK_EQ(five.counting_count(), 13);
  CHECK(five.any_unsettled());
  CHECK(five.retire(at(3).mono + minutes(10)));
  CHECK_EQ(five.counting_count(), 8);
}

TEST_CASE("dht/view: a stamp past a verdict retires nobody whom it does not name") {
  View view = view_of(5);
  view.see(seen(1, Presence::dead, 10, 100), at(1));
  for (const int who : {0, 2, 3, 4}) view.see(seen(who, Presence::alive, 200), at(2));
  MemberSeen link = seen(2, Presence::alive, 250);  // to it 1 lives
  link.releases.clear();
  view.see(link, at(3));
  CHECK_FALSE(view.retire(at(3).mono));
  view.see(seen(2, Presence::alive, 300), at(4));
  CHECK(view.retire(at(4).mono));
}

TEST_CASE("dht/view: a stamp names the nearest dead, those that count here first") {
  View view = view_of(3);
  for (int i = 3; i < 40; ++i) view.see(seen(i, Presence::dead, i % 2 == 0 ? 10 : 0, 100), at(1));
  view.see(seen(50, Presence::dead, 10, 0), at(1));  // a verdict of our own
  const std::vector<wire::IdPrefix> named = view.to_release();
  CHECK_EQ(named.size(), wire::releases_limit);
  for (int i = 3; i < 40; i += 2) CHECK_FALSE(contains(named, wire::prefix_of(node(i))));
  CHECK(view.owes_release());
  MemberSeen me = seen(0, Presence::alive, 200);
  me.releases = named;
  view.see(me, at(2));
  CHECK_FALSE(view.owes_release());
}

TEST_CASE("dht/view: those who were dead when first heard of wait for no quorum") {
  View view = view_of(4);
  for (int i = 10; i < 20; ++i) view.see(seen(i, Presence::dead, 10, 100), at(1));
  CHECK_FALSE(view.retire(at(1).mono));  // nobody here has synced past it
  for (int i = 0; i < 4; ++i) view.see(seen(i, Presence::alive, 200), at(2));
  CHECK(view.retire(at(2).mono));
  CHECK_EQ(view.counting_count(), 4);
}

TEST_CASE("dht/view: the retired count again with another stamp, though their clock was set back") {
  View view = after_deaths(8, 1);
  REQUIRE(view.retire(at(3).mono));
  CHECK(view.see(seen(1, Presence::alive, 10), at(4)) == View::Change::returned);
  CHECK_FALSE(view.find(node(1))->counts());  // alive, and not synced since
  view.see(seen(1, Presence::alive, 5), at(5));
  CHECK(view.find(node(1))->counts());
}

TEST_CASE("dht/view: a death found out later elsewhere is news once") {
  View view = after_deaths(8, 1);
  CHECK(view.see(seen(1, Presence::dead, 10, 250), at(3)) == View::Change::restamped);
  CHECK(view.see(seen(1, Presence::dead, 10, 250), at(3)) == View::Change::none);
  CHECK_FALSE(view.retire(at(4).mono));  // nobody has synced past 250
}

TEST_CASE("dht/view: what is counted as it changes is what counting would give") {
  View view = view_of(6);
  view.see(seen(3, Presence::dead, 10, 100), at(1));
  view.see(seen(4, Presence::left, 0), at(1));
  view.forget(node(5), at(1).mono);
  view.remember({node(9), {}, {7}}, at(1));
  CHECK_EQ(view.live_count(), 3);
  CHECK_EQ(view.counting_count(), 5);  // 0, 1, 2, the dead 3 and the remembered 9
  CHECK(view.any_unsettled());
  CHECK_EQ(view.counting().size(), 5);  // with the stamp of 5, which was forgotten
}

TEST_CASE(
    "dht/view: who was promised counts until its stamp is heard, or it lives on without one") {
  View view = view_of(3);
  const std::vector<NodeId> before = view.base({});
  const auto digest = view.digest(before);
  view.see(seen(7, Presence::alive, 0), at(1));
  CHECK(view.promise(node(7), at(1).mono));
  const std::vector<NodeId> promised = view.base({});
  CHECK_EQ(promised.size(), 4);
  CHECK_EQ(view.stamped({}, 8), before);  // not by a stamp
  CHECK_EQ(view.promised({}), std::vector{node(7)});
  REQUIRE_EQ(view.counting().size(), 3);  // the next run knows that it may have published
  CHECK(std::ranges::any_of(view.counting(), [](const Counting& one) {
    return one.id == node(7) && one.as == Counting::As::promised;
  }));
  const auto by_promise = view.digest(promised);
  CHECK_NE(by_promise, digest);

  view.see(seen(7, Presence::alive, 20), at(2));
  CHECK_EQ(view.base({}), promised);
  CHECK_NE(view.digest(promised), by_promise);  // who knows the stamp is not one with who does not
  CHECK(view.promised({}).empty());
  CHECK_FALSE(view.promise(node(7), at(2).mono));

  view.see(seen(8, Presence::alive, 0), at(3));
  view.promise(node(8), at(3).mono);
  CHECK_EQ(view.next_retirement(at(3).mono), at(3).mono + promise_life);
  CHECK_FALSE(view.retire(at(3).mono));
  CHECK(view.retire(at(3).mono + promise_life));
  CHECK_FALSE(view.find(node(8))->counts());

  view.promise(node(8), at(40).mono);
  view.see(seen(8, Presence::dead, 0, 30), at(41));  // it may have told others
  CHECK_FALSE(view.retire(at(40).mono + promise_life));
  CHECK(view.find(node(8))->counts());
  CHECK(view.retire(at(41).mono + retire_after));
  CHECK_FALSE(view.find(node(8))->counts());
}

TEST_CASE("dht/view: a promise to one that was dead and retired here is kept while it lasts") {
  View view = view_of(4);
  view.see(seen(3, Presence::dead, 10, 100), at(1));
  const Instant much_later = at(1).mono + retire_after;
  CHECK(view.retire(much_later));
  CHECK(view.promise(node(3), much_later));  // it lives: it asked
  CHECK_FALSE(view.retire(much_later));
  CHECK(view.find(node(3))->counts());
  CHECK_EQ(view.next_retirement(much_later), much_later + promise_life);
  CHECK(view.retire(much_later + promise_life));
  CHECK_FALSE(view.find(node(3))->counts());
}

TEST_CASE("dht/view: who comes back is in doubt once we have published a stamp past its death") {
  const auto agrees = [](const View& a, const View& b) {
    return a.digest(a.base(node(1).bytes)) == b.digest(b.base(node(1).bytes));
  };
  View before = view_of(5);
  before.see(seen(1, Presence::dead, 10, 100), at(1));
  before.see(seen(1, Presence::alive, 10), at(2));
  CHECK(before.find(node(1))->counts());

  // Others may have retired it by that stamp, and others count it: we agree with neither.
  View after = view_of(5), retired = after_deaths(5, 1);
  CHECK(retired.retire(at(3).mono));
  after.see(seen(1, Presence::dead, 10, 100), at(1));
  after.see(seen(0, Presence::alive, 200), at(2));
  after.see(seen(1, Presence::alive, 10), at(3));
  CHECK_EQ(after.base(node(1).bytes).size(), 5);
  CHECK_FALSE(agrees(after, before));
  CHECK_FALSE(agrees(after, retired));
  after.see(seen(1, Presence::alive, 300), at(4));
  CHECK(agrees(after, before));

  View alone = view_of(5);  // a verdict of our own moves nothing, here or elsewhere
  alone.see(seen(1, Presence::dead, 10, 0), at(1));
  alone.see(seen(0, Presence::alive, 200), at(2));
  alone.see(seen(1, Presence::alive, 10), at(3));
  CHECK(alone.find(node(1))->counts());
}

TEST_CASE("dht/view: whom others may have retired by our stamp is in doubt after a restart, too") {
  const auto restarted = [](const View& last) {
    View view = view_of(1);
    for (const Counting& member : last.counting()) view.remember(member, at(5));
    return view;
  };
  View last = view_of(5);
  last.see(seen(1, Presence::dead, 10, 100), at(1));
  last.see(seen(2, Presence::dead, 10, 0), at(1));  // a verdict of our own
  last.releasing(
      last.to_release());  // told in the moment in which it is on disk, and we are killed
  View next = restarted(last);
  for (const int who : {1, 2, 3, 4}) next.see(seen(who, Presence::alive, 10), at(6));
  CHECK_EQ(next.counting_count(), 5);
  CHECK(next.find(node(1))->in_doubt());
  CHECK_FALSE(next.find(node(2))->in_doubt());
  CHECK_FALSE(next.promise(node(1), at(6).mono));  // which would lapse
  CHECK(restarted(next).find(node(1))->in_doubt());
  next.see(seen(1, Presence::alive, 400), at(7));
  CHECK(next.find(node(1))->stamped());

  last.releasing({});  // the disk refused it
  CHECK_FALSE(restarted(last).find(node(1))->in_doubt());
  last.releasing(last.to_release());
  last.see(seen(0, Presence::alive, 200), at(8));
  CHECK(restarted(last).find(node(1))->in_doubt());
}

TEST_CASE(
    "dht/view: after a restart no older record takes a member's place, and who was retired is") {
  View view = view_of(1);
  view.remember({node(1), {}, {20}, {5}}, at(0));
  view.remember({node(2), {}, {20}, {5}, dht::Counting::As::retired}, at(0));
  CHECK_EQ(view.counting_count(), 2);

  MemberSeen older = seen(1, Presence::alive, 0);  // from somebody who knew less than we did
  older.incarnation = {4};
  view.see(older, at(1));
  CHECK(view.find(node(1))->counts());
  MemberSeen newer = seen(1, Presence::alive, 0);  // its disk was wiped
  newer.incarnation = {6};
  view.see(newer, at(2));
  CHECK_FALSE(view.find(node(1))->counts());

  MemberSeen back = seen(2, Presence::alive, 20);
  back.incarnation = {5};
  view.see(back, at(3));
  CHECK_FALSE(view.find(node(2))->counts());
  back.synced = {30};
  view.see(back, at(4));
  CHECK(view.find(node(2))->counts());
  back.synced = {40};
  back.incarnation = {3};  // the disk had refused the one that we know: it goes by less now
  view.see(back, at(5));
  CHECK_EQ(view.find(node(2))->synced, UnixMillis{40});
  back.synced = {0};
  back.incarnation = {4};
  view.see(back, at(6));
  CHECK_FALSE(view.find(node(2))->counts());
}

TEST_CASE(
    "dht/view: who asks for promises and publishes nothing is given none after three minutes") {
  View view = view_of(3);
  view.see(seen(7, Presence::alive, 0), at(1));
  CHECK(view.may_promise(node(7), at(1).mono));
  CHECK(view.promise(node(7), at(1).mono));
  CHECK(view.promise(node(7), at(180).mono));
  CHECK(view.may_promise(node(7), at(180).mono));
  CHECK_FALSE(view.may_promise(node(7), at(181).mono));
  CHECK_FALSE(view.may_promise(node(7), at(1080).mono));
  CHECK(view.may_promise(node(7), at(1081).mono));
  CHECK(view.promise(node(7), at(1081).mono));
  CHECK_FALSE(view.may_promise(node(7), at(1081 + 180).mono));
  view.see(seen(7, Presence::alive, 200), at(1300));  // it has published
  view.see(seen(7, Presence::alive, 0), at(1301));    // and has left and come back
  CHECK(view.may_promise(node(7), at(1302).mono));
}

TEST_CASE("dht/view: who was promised before a restart counts after it, until it is heard of") {
  const Counting promised{node(7), {}, {}, {}, Counting::As::promised};
  for (const bool published : {true, false}) {
    View view = view_of(3);
    view.remember(promised, at(0));
    CHECK_EQ(view.counting_count(), 4);
    CHECK_FALSE(view.retire(at(20).mono));
    CHECK_EQ(view.counting_count(), 4);
    view.see(seen(7, Presence::alive, published ? 15 : 0), at(20));
    view.retire(at(31).mono);
    CHECK_EQ(view.counting_count(), published ? 4 : 3);
  }
}
