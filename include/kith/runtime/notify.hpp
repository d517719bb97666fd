// Notify: tells the service manager how we are (systemd's sd_notify protocol, one datagram).
#pragma once

#include <string_view>

namespace kith::runtime {

// "READY=1", "STOPPING=1", "STATUS=..."; lines may be joined by '\n'. Does nothing and returns
// false without NOTIFY_SOCKET or when it cannot be reached.
bool notify_manager(std::string_view state);

}  // namespace kith::runtime
