// What the recorder writes down, and how a test in the same process arms it.
#pragma once

#include <stdint.h>

// One call: this head, `name` bytes of path, then its data (of a rename: the new path).
struct crash_head {
  uint32_t size;  // of all that follows this field
  // C create, D mkdir, R rename, L link, U unlink: names · W write, T set the size, A grow to a
  // size · S sync of a file, Y of a directory · M a mark
  uint8_t type;
  uint8_t flags;  // W: 1 when durable at its return (O_DSYNC)
  uint16_t name;
  uint64_t inode;
  uint64_t offset;  // or size
};

enum { fail_none, fail_enospc, fail_eio, fail_short, fail_full };

#ifdef __cplusplus
extern "C" {
#endif
void crash_arm(long at, int kind, int sticky);  // and counts from zero again; 0: nothing fails
long crash_calls(void);
long crash_fired(void);
#ifdef __cplusplus
}
#endif
