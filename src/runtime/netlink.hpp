// Netlink: the kernel's tables of links, addresses and routes, as messages.
#pragma once

#include <linux/netlink.h>

#include <functional>

#include "kith/base/bytes.hpp"
#include "kith/runtime/fd.hpp"

namespace kith::runtime {

// `groups`: RTMGRP_* to be told of changes, or 0. Invalid where there is no rtnetlink.
Fd open_netlink(std::uint32_t groups);

// Asks for a whole table (RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE). `message` gets the type and what
// follows the netlink header. False when the kernel would not say.
bool dump_table(int fd, std::uint16_t request,
                const std::function<void(std::uint16_t type, ByteView body)>& message);

// Attributes after a fixed header of `head` bytes; a malformed rest is ignored.
void each_attribute(ByteView body, std::size_t head,
                    const std::function<void(std::uint16_t type, ByteView value)>& attribute);

}  // namespace kith::runtime
