"""A disk that fails the last write of an adoption, which is there all the same at the next start:
the daemon says that its disk failed, and starts again."""
import os
import subprocess

from world import Checks, World, own_network, skip, until

checks = Checks()

# LMDB's meta page, its last write of a commit, reaches the disk and is reported as failed.
SHIM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
static int failed = 0;
static ssize_t at(int fd, const void *data, size_t size, off_t offset) {
  const char *armed = getenv("ADOPT_FAILS");
  if (size == 120 && armed && access(armed, F_OK) == 0) {
    if (!failed++) syscall(SYS_pwrite64, fd, data, size, offset);
    errno = EIO;
    return -1;
  }
  return syscall(SYS_pwrite64, fd, data, size, offset);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return at(fd, data, size, offset); }
ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset) { return at(fd, data, size, offset); }
"""


def main():
    if not own_network():
        skip("needs root for a network namespace")
    world = World()
    source, shim, armed = (os.path.join(world.dir, name) for name in ("shim.c", "shim.so", "armed"))
    with open(source, "w") as out:
        out.write(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source], check=True)
    one, two = (world.daemon(name, "--listen", "127.0.0.1:0", "--no-lan") for name in ("one", "two"))
    one.start()
    os.environ.update(LD_PRELOAD=shim, ADOPT_FAILS=armed)
    two.start()
    del os.environ["LD_PRELOAD"]
    for daemon in (one, two):
        until(lambda: (daemon.try_status() or {}).get("synced"), 10, "it is up")
    open(armed, "w").close()
    target = one.status()["listen"][0]
    try:
        two.request("POST", "/v1/join", body=f'{{"target": "{target}", "adopt": true}}'.encode())
    except OSError:
        pass
    try:
        code = two.process.wait(8)
    except subprocess.TimeoutExpired:
        code = "none: it runs on"
        two.process.terminate()
        two.process.wait(8)
    checks.check(code == 1, f"a disk that fails ends it with exit 1: {code}")
    two.start()
    until(lambda: not two.alive() or (two.try_status() or {}).get("synced"), 10, "it starts again, or not")
    checks.check(two.alive(), f"it never starts again: exit {two.process.poll()}: {two.logged().splitlines()[-1]}")
    checks.finish()


main()
