// The one door to Boost.Asio. Only loop.cpp and http_server.cpp go through it: everything else
// waits by watch.hpp, which keeps Asio's compile time out of their files.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "kith/runtime/loop.hpp"

namespace kith::runtime {

namespace asio = boost::asio;

// Of the loop: everything Asio in this room runs on it.
asio::io_context& context(Loop& loop);

}  // namespace kith::runtime
