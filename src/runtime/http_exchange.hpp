// Exchange: what one HTTP request and its answer share between the connection and the handler.
#pragma once

#include "kith/runtime/http_server.hpp"

namespace kith::runtime {

struct Exchange {
  void tell() {
    if (changed) changed();
  }
  // The client is gone: the handler is told once, unless it had finished.
  void hang_up();

  std::function<void()> changed;  // wakes the connection; set while it waits
  HttpResponse head;
  std::string queue;  // of a streamed body
  bool answered = false, streaming = false, ended = false, gone = false;
  std::function<void()> on_gone, on_drained;
};

// The handler's side of an exchange. Dropping it unanswered is a 500, dropping a stream its end.
std::shared_ptr<HttpReply> make_reply(std::shared_ptr<Exchange> exchange);

// What the server itself says; the handler's answers come with their own.
HttpResponse refusal(int status, int exit_code, std::string_view code, std::string_view message);

}  // namespace kith::runtime
