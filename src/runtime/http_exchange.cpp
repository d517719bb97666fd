#include "http_exchange.hpp"

namespace kith::runtime {
namespace {

class Reply final : public HttpReply {
 public:
  explicit Reply(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  ~Reply() override {
    if (!exchange_->answered) send(refusal(500, 1, "failed", "the daemon dropped the request"));
    end();
  }

  void send(HttpResponse response) override {
    if (exchange_->answered) return;
    exchange_->answered = exchange_->ended = true;
    exchange_->head = std::move(response);
    exchange_->tell();
  }

  void start(HttpResponse head) override {
    if (exchange_->answered) return;
    exchange_->answered = exchange_->streaming = true;
    exchange_->head = std::move(head);
    exchange_->tell();
  }

  bool write(std::string_view bytes) override {
    Exchange& x = *exchange_;
    if (x.gone || x.ended || !x.streaming) return false;
    if (!x.queue.empty() && x.queue.size() + bytes.size() > stream_limit) return false;
    x.queue += bytes;
    x.tell();
    return true;
  }

  void end() override {
    exchange_->ended = true;
    exchange_->tell();
  }

  void on_gone(std::function<void()> gone) override { exchange_->on_gone = std::move(gone); }
  void on_drained(std::function<void()> drained) override {
    exchange_->on_drained = std::move(drained);
  }

 private:
  std::shared_ptr<Exchange> exchange_;
};

}  // namespace

void Exchange::hang_up() {
  if (std::exchange(gone, true)) return;
  tell();
  if (const auto told = std::exchange(on_gone, nullptr); told && !ended) told();
}

std::shared_ptr<HttpReply> make_reply(std::shared_ptr<Exchange> exchange) {
  return std::make_shared<Reply>(std::move(exchange));
}

HttpResponse refusal(int status, int exit_code, std::string_view code, std::string_view message) {
  HttpResponse out;
  out.status = status;
  out.headers.emplace_back("X-Kith-Exit", std::to_string(exit_code));
  if (status == 401) out.headers.emplace_back("WWW-Authenticate", "Bearer");
  out.body = "{\"error\":{\"code\":\"" + std::string(code) +
             "\",\"exit\":" + std::to_string(exit_code) + ",\"message\":\"" + std::string(message) +
             "\"}}\n";
  return out;
}

std::string_view HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

}  // namespace kith::runtime
