// Scenes: tests/scenes/session/*.txt driven through a World.
#include <algorithm>

#include "kith/crypto/hash.hpp"
#include "scene.hpp"
#include "world.hpp"

using namespace kith;
using namespace kith::test;

namespace {

// The value of "name=value" among the words, or the fallback.
std::string option(const std::vector<std::string>& words, const std::string& name,
                   const std::string& fallback = {}) {
  for (const std::string& word : words)
    if (word.starts_with(name + "=")) return word.substr(name.size() + 1);
  return fallback;
}

bool flag(const std::vector<std::string>& words, const std::string& name) {
  return std::find(words.begin(), words.end(), name) != words.end();
}

ByteArray<32> secret(const std::string& text) {
  ByteArray<32> out{};
  std::copy(text.begin(), text.end(), out.begin());
  return out;
}

void configure(s::Config& config, const std::vector<std::string>& words) {
  const std::string mode = option(words, "mode", "lan");
  config.mode = mode == "public" ? Mode::public_ : mode == "private" ? Mode::private_ : Mode::lan;
  const std::string network = option(words, "network", "home");
  config.network = crypto::network_id(as_bytes("root"), network);
  config.lan.bytes[0] = static_cast<Byte>(network[0]);
  config.psk = secret(option(words, "psk"));
  const std::string previous = option(words, "previous");
  if (!previous.empty()) config.previous_psk = secret(previous);
}

class Interpreter {
 public:
  std::vector<std::string> operator()(const std::vector<std::string>& words) {
    world_.trace.clear();
    act(words);
    return world_.trace;
  }

 private:
  void act(const std::vector<std::string>& words) {
    const std::string& verb = words[0];
    const auto word = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
    if (verb == "node") {
      world_.add(word(1), word(2), [&](s::Config& config) { configure(config, words); });
    } else if (verb == "introduce") {
      world_.introduce(word(1), word(2));
    } else if (verb == "send") {
      const std::string size = option(words, "bytes");
      const Bytes big(size.empty() ? 0 : std::stoul(size), Byte{7});
      const Lane lane = flag(words, "lane=membership") ? Lane::membership : Lane::data;
      world_.send(word(1), word(2), size.empty() ? as_bytes(word(3)) : ByteView(big),
                  flag(words, "stream"), lane);
    } else if (verb == "dial") {
      world_.dial(word(1), word(2), option(words, "pin"), flag(words, "trust_first"));
    } else if (verb == "run") {
      world_.run(milliseconds(std::stol(word(1))));
    } else if (verb == "cut") {
      world_.cut.insert({word(1), word(2)});
    } else if (verb == "heal") {
      world_.cut.clear();
    } else if (verb == "quiet") {
      world_.show_frames = false;
    } else if (verb == "kill") {
      world_.kill(word(1));
    } else if (verb == "restart") {
      world_.restart(word(1));
    } else if (verb == "move") {
      world_.move(word(1), word(2));
    } else if (verb == "load") {
      world_.input(word(1), s::LoadReported{milliseconds(50), 0});
    } else if (verb == "replay") {
      replay(word(1), option(words, "from"));
    } else {
      FAIL("no such command: ", verb);
    }
  }

  // Sends the last captured frame of that name again, unchanged.
  void replay(const std::string& frame, const std::string& from) {
    for (auto it = world_.captured.rbegin(); it != world_.captured.rend(); ++it) {
      if (frame_name(it->bytes) != frame) continue;
      const Captured copy = *it;
      const Endpoint source = from.empty() ? copy.source : *parse_endpoint(from);
      return world_.inject(copy.to, source, copy.bytes);
    }
    FAIL("nothing to replay: ", frame);
  }

  World world_;
};

void play(const std::string& file) {
  Interpreter interpreter;
  run_scene("session/" + file, [&](const auto& words) { return interpreter(words); });
}

}  // namespace

TEST_CASE("session/scene: a message needs one round trip of handshake") { play("handshake.txt"); }
TEST_CASE("session/scene: a dial says who answers, or why not") { play("dials.txt"); }
TEST_CASE("session/scene: only a psk that both sides know lets in") { play("wrong_psk.txt"); }
TEST_CASE("session/scene: nothing counts twice") { play("replays.txt"); }
TEST_CASE("session/scene: under load an address is proven first") { play("cookie.txt"); }
TEST_CASE("session/scene: a proven packet moves the endpoint, a copied one does not") {
  play("roaming.txt");
}
TEST_CASE("session/scene: big messages go by stream, both ways") { play("streams.txt"); }
TEST_CASE("session/scene: of two simultaneous streams the lower id's stays") {
  play("simultaneous.txt");
}
TEST_CASE("session/scene: a stranger gets nothing in lan mode") { play("stranger.txt"); }
TEST_CASE("session/scene: keys are renewed without a gap") { play("rekey.txt"); }
TEST_CASE("session/scene: a killed process is noticed at once, a restarted one found again") {
  play("death.txt");
}
TEST_CASE("session/scene: silence is reported after three seconds") { play("silence.txt"); }
