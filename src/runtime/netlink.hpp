// Netlink: the kernel's tables of links, addresses and routes, as messages.
#pragma once

#include <linux/netlink.h>

#include <functional>

#include "kith/base/bytes.hpp"
#include "kith/runtime/fd.hpp"

namespace kith::runtime {

// `groups`: RTMGRP_* to be told of changes, or 0. Invalid where there is no rtnetlink.
Fd open_netlink(std::uint32_t groups);

// Every message in what one recv brought: its type and what follows the netlink header. Stops at
// NLMSG_DONE, an error or a malformed one and then returns false.
using OnMessage = std::function<void(std::uint16_t type, ByteView body)>;
bool each_message(ByteView received, const OnMessage& message);

// Asks for a whole table (RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE). At most about 8 000 entries: a
// router's whole table would hold up the loop, and default routes come first in it. The descriptor
// is spent when the limit was reached.
void dump_table(int fd, std::uint16_t request, const OnMessage& message);

// Attributes after a fixed header of `head` bytes; a malformed rest is ignored.
void each_attribute(ByteView body, std::size_t head,
                    const std::function<void(std::uint16_t type, ByteView value)>& attribute);

}  // namespace kith::runtime
