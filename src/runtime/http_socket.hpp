// The listening sockets of the HTTP server, and who may speak to it.
#pragma once

#include "kith/runtime/fd.hpp"
#include "kith/runtime/http_server.hpp"

namespace kith::runtime {

// 0600; a socket that nobody listens on is replaced, one that somebody does is HttpError::in_use.
std::expected<Fd, HttpFailure> listen_unix(const std::string& path);
std::expected<Fd, HttpFailure> listen_loopback(const Endpoint& endpoint);

// localhost, 127.0.0.1 or [::1], with or without a port: any other name may be a web page of a
// stranger that resolved itself to this machine (DNS rebinding).
bool host_is_local(std::string_view host);

}  // namespace kith::runtime
