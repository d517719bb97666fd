#include "kith/control/parse.hpp"

using namespace kith;
using namespace kith::control;

TEST_CASE("control/parse: controls are escaped, and only they") {
  CHECK_EQ(escape_controls("a\nb\x7f"), "a\\x0ab\\x7f");
  CHECK_EQ(escape_controls("\xc2\x9b[2J"), "\\x9b[2J");
  CHECK_EQ(escape_controls("\xc2\xa0\xc3\xa9"), "\xc2\xa0\xc3\xa9");
  CHECK_EQ(escape_controls("\xc2"
                           "A"),
           "\xc2"
           "A");  // not UTF-8: the A is no control
}
