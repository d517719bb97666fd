// crash_images: builds what a power failure may leave at every call of a recorded run, opens each
// image as the daemon would, and checks it against what the daemon had promised by then.
//
//   crash_images LOG ROOT WORK [--images N] [--seed S] [--real N] [--only CALL:VARIANT]
//
// LOG is the recorder's, of a daemon whose data directory was ROOT/data; WORK is emptied, best on
// tmpfs. --real N: every N-th image is left to the reader of stdout, who answers with a line each.
// --only builds one image, leaves it at WORK/image and says what is wrong with it.
#include <unistd.h>

#include <fstream>
#include <iostream>

#include "disk_model.hpp"
#include "image_check.hpp"
#include "kith/storage/storage.hpp"

using namespace kith;
using namespace kith::crash;

namespace {

struct Arguments {
  std::filesystem::path log, work;
  std::string root;
  std::size_t images = 2000, real = 0;
  std::uint64_t seed = 1;
  std::optional<std::pair<std::size_t, std::size_t>> only;
};

class Run {
 public:
  explicit Run(Arguments arguments)
      : arguments_(std::move(arguments)),
        calls_(read_call_log(arguments_.log)),
        disk_(arguments_.root) {}

  int run() {
    std::size_t points = 0;
    DiskModel dry(arguments_.root);
    for (const Call& call : calls_) {
      if (dry.begin(call)) weight_ += dry.weight(), ++points;
      dry.finish(call);
    }
    for (std::size_t i = 0; i < calls_.size() && failures_ < 20; ++i) step(i);
    while (lent_ > 0) take_back();
    if (std::filesystem::exists(arguments_.root)) compare();
    std::cout << "images " << built_ << " points " << points << " failed " << failures_
              << std::endl;
    return failures_ > 0 ? 1 : 0;
  }

 private:
  void step(std::size_t i) {
    const Call& call = calls_[i];
    if (call.type == 'M') return promises_.mark(call);
    if (disk_.begin(call)) point(i);
    disk_.finish(call);
  }

  // The power fails while this call is under way.
  void point(std::size_t call) {
    if (arguments_.only) {
      if (arguments_.only->first == call) image(call, arguments_.only->second);
      return;
    }
    owed_ += arguments_.images * disk_.weight();
    const std::size_t variants = std::max<std::size_t>(1, owed_ / weight_);
    owed_ -= std::min(owed_, variants * weight_);
    for (std::size_t variant = 0; variant < variants && failures_ < 20; ++variant)
      image(call, variant);
  }

  std::filesystem::path build(std::size_t call, std::size_t variant) {
    Rng rng(arguments_.seed * 1'000'003 + call * 4099 + variant);
    const std::filesystem::path at = arguments_.work / "image";
    disk_.build(at, static_cast<Survival>(std::min<std::uint64_t>(rng.below(8), 4)), rng);
    spoil_lock_file(at, rng);
    return at;
  }

  void image(std::size_t call, std::size_t variant) {
    const std::filesystem::path at = build(call, variant);
    ++built_;
    if (arguments_.real && built_ % arguments_.real == 0) lend(at, call, variant);
    std::string broken = promises_.broken(at / "data");
    if (broken.empty() && (arguments_.only || built_ % 8 == 0))
      broken = promises_.broken_after_writes(at / "data");
    if (arguments_.only) build(call, variant);
    if (broken.empty()) return;
    ++failures_;
    std::cout << "failed " << call << ":" << variant << " " << broken << std::endl;
  }

  // With nothing lost the model is what the run left: no call went past the recorder.
  void compare() {
    Rng rng(1);
    const std::filesystem::path at = arguments_.work / "image";
    disk_.build(at, Survival::all, rng);
    for (const auto& [here, there] : {std::pair(at, std::filesystem::path(arguments_.root)),
                                      std::pair(std::filesystem::path(arguments_.root), at)})
      for (const auto& file : std::filesystem::recursive_directory_iterator(here)) {
        const auto other = there / std::filesystem::relative(file.path(), here);
        const bool same =
            file.is_directory() ? std::filesystem::is_directory(other)
            : file.path().filename() == "lock.mdb"
                ? std::filesystem::exists(other)
                : storage::read_file(file.path(), 1 << 30) == storage::read_file(other, 1 << 30);
        if (same) continue;
        ++failures_;
        std::cout << "failed end:0 not as recorded: " << file.path().string() << std::endl;
      }
  }

  // LMDB writes its lock file through memory: after a crash it may hold anything.
  static void spoil_lock_file(const std::filesystem::path& image, Rng& rng) {
    const auto file = image / "data/db/lock.mdb";
    if (rng.below(4) != 0 || !std::filesystem::exists(file)) return;
    std::string noise(std::filesystem::file_size(file), 0);
    for (char& c : noise) c = static_cast<char>(rng.below(256));
    if (::truncate(file.c_str(), 0) == 0) std::ofstream(file, std::ios::binary) << noise;
  }

  void lend(const std::filesystem::path& image, std::size_t call, std::size_t variant) {
    while (lent_ >= 4) take_back();
    const auto copy = arguments_.work / ("real-" + std::to_string(built_));
    std::filesystem::copy(image, copy, std::filesystem::copy_options::recursive);
    std::cout << "real " << call << ":" << variant << " " << promises_.marks() << " "
              << copy.string() << std::endl;
    ++lent_;
  }
  void take_back() {
    std::string line;
    std::getline(std::cin, line);
    --lent_;
  }

  Arguments arguments_;
  std::vector<Call> calls_;
  DiskModel disk_;
  Promises promises_;
  std::size_t weight_ = 0, owed_ = 0, built_ = 0, failures_ = 0, lent_ = 0;
};

Arguments parse(const std::vector<std::string>& words) {
  if (words.size() < 3) throw std::runtime_error("usage: crash_images LOG ROOT WORK [options]");
  Arguments out{words[0], words[2], words[1]};
  for (std::size_t i = 3; i + 1 < words.size(); i += 2) {
    const std::string& value = words[i + 1];
    if (words[i] == "--images") out.images = std::stoull(value);
    if (words[i] == "--seed") out.seed = std::stoull(value);
    if (words[i] == "--real") out.real = std::stoull(value);
    if (words[i] == "--only")
      out.only = {std::stoull(value), std::stoull(value.substr(value.find(':') + 1))};
  }
  return out;
}

}  // namespace

int main(int count, char** words) {
  try {
    return Run(parse({words + 1, words + count})).run();
  } catch (const std::exception& error) {
    std::cerr << "crash_images: " << error.what() << "\n";
    return 2;
  }
}
