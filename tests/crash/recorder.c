// Recorder: stands between a process and libc (LD_PRELOAD) for every call that changes files below
// one directory. It writes them down in order, with their data, or makes the n-th of them fail.
//
//   CRASH_DIR   the directory that is watched (absolute, no links in it)
//   CRASH_LOG   where the calls are appended; others may append marks of their own (journal.hpp)
//   CRASH_FAIL  N:enospc|eio|short|full:once|sticky; CRASH_FAILED: the file made when it does
//
// One lock is held over a call and its line in the log, so the log is the order in which things
// happened: a sync covers all writes above it, and an answer seen after a sync is logged below it.
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS  // both names of every call are ours
#include "recorder.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 4096
#define SAME(name) __attribute__((alias(name)))
#define REAL(name) ((__typeof__(&name))real(#name))

struct watched {
  int on, dsync;
  uint64_t inode;
  char* directory;  // its path, when it is one
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct watched fds[FDS];
static char root[PATH_MAX];
static size_t root_length;
static int log_fd = -1;
static long calls, fail_at, fired;
static int fail_kind, fail_sticky;

static void* real(const char* name) {
  void* found = dlsym(RTLD_NEXT, name);
  if (!found) abort();
  return found;
}

static void die(const char* what, const char* path) {
  dprintf(2, "recorder: %s: %s\n", what, path);
  abort();
}

__attribute__((constructor)) static void start(void) {
  const char* dir = getenv("CRASH_DIR");
  const char* log = getenv("CRASH_LOG");
  const char* fail = getenv("CRASH_FAIL");
  char kind[16] = "", how[16] = "";
  if (!dir) return;
  root_length = (size_t)snprintf(root, sizeof root, "%s", dir);
  if (log) {
    log_fd = REAL(open)(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (log_fd < 0) die("cannot open the log", log);
  }
  if (!fail) return;
  if (sscanf(fail, "%ld:%15[a-z]:%15[a-z]", &fail_at, kind, how) != 3) die("CRASH_FAIL", fail);
  fail_kind = !strcmp(kind, "enospc") ? fail_enospc
              : !strcmp(kind, "eio")  ? fail_eio
              : !strcmp(kind, "full") ? fail_full
                                      : fail_short;
  fail_sticky = !strcmp(how, "sticky");
}

// --- which files ---------------------------------------------------------------------------------

// The absolute path without doubled or trailing slashes; 0 when it is not below the root.
static int watched_path(const char* path, char* out) {
  char whole[2 * PATH_MAX], here[PATH_MAX] = "";
  size_t used = 0;
  if (!root_length || (path[0] != '/' && !getcwd(here, sizeof here))) return 0;
  if (snprintf(whole, sizeof whole, "%s/%s", here, path) >= PATH_MAX) return 0;
  for (const char* c = whole; *c; ++c)
    if (*c != '/' || used == 0 || out[used - 1] != '/') out[used++] = *c;
  while (used > 1 && out[used - 1] == '/') --used;
  out[used] = 0;
  return !strncmp(out, root, root_length) && (out[root_length] == '/' || !out[root_length]);
}

static struct watched* watched_fd(int fd) {
  return fd >= 0 && fd < FDS && fds[fd].on ? &fds[fd] : NULL;
}

static uint64_t inode_of(const char* path) {
  struct stat info;
  return lstat(path, &info) == 0 ? info.st_ino : 0;
}

// --- the log -------------------------------------------------------------------------------------

static void note(char type, int flags, uint64_t inode, uint64_t offset, const char* name,
                 const struct iovec* data, int count, size_t limit) {
  struct crash_head head = {0, (uint8_t)type, (uint8_t)flags, 0, inode, offset};
  struct iovec parts[1026];
  int used = 2;
  const int kept = errno;
  if (log_fd < 0) return;
  head.name = (uint16_t)(name ? strlen(name) : 0);
  parts[1] = (struct iovec){(void*)name, head.name};
  size_t total = sizeof head + head.name;
  for (int i = 0; i < count && limit > 0 && used < 1026; ++i) {
    const size_t part = data[i].iov_len < limit ? data[i].iov_len : limit;
    parts[used++] = (struct iovec){data[i].iov_base, part};
    limit -= part;
    total += part;
  }
  head.size = (uint32_t)(total - sizeof head.size);
  parts[0] = (struct iovec){&head, sizeof head};
  if (syscall(SYS_writev, log_fd, parts, used) != (ssize_t)total) die("the log", "short write");
  errno = kept;
}

static void note_name(char type, uint64_t inode, const char* name, const char* second) {
  const struct iovec data = {(void*)second, second ? strlen(second) : 0};
  note(type, 0, inode, 0, name, &data, second ? 1 : 0, SIZE_MAX);
}

// --- failing -------------------------------------------------------------------------------------

enum { needs_space = 1, is_write = 2 };

// The file CRASH_FAILED is there once the call is reached, and not empty once one has failed.
static void tell(int error) {
  const char* path = getenv("CRASH_FAILED");
  if (!path || fired > 1) return;
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (error) dprintf(fd, "%d\n", error);
  syscall(SYS_close, fd);
}

// Counts a call: 0, an errno, or -1 for a write that is to be short.
static int verdict(int what) {
  const long call = ++calls;
  int error = 0;
  if (!fail_at || call < fail_at || (call > fail_at && !fail_sticky)) return 0;
  if (fail_kind == fail_eio) error = EIO;
  if (fail_kind == fail_enospc && what) error = ENOSPC;
  if (fail_kind == fail_short && (what & is_write)) error = -1;
  if (fail_kind == fail_full && (what & is_write)) error = fired ? ENOSPC : -1;
  if (fail_kind == fail_full && what && !(what & is_write)) error = ENOSPC;
  fired += error != 0;
  tell(error);
  return error;
}

long crash_calls(void) { return calls; }
long crash_fired(void) { return fired; }
void crash_arm(long at, int kind, int sticky) {
  pthread_mutex_lock(&lock);
  calls = fired = 0;
  fail_at = at, fail_kind = kind, fail_sticky = sticky;
  pthread_mutex_unlock(&lock);
}

// Runs `call` as one step of the log unless it is to fail.
#define STEP(what, failure, call, logged) \
  do {                                    \
    pthread_mutex_lock(&lock);            \
    const int error = verdict(what);      \
    if (error)                            \
      errno = error, result = (failure);  \
    else {                                \
      result = (call);                    \
      if (result >= 0) logged;            \
    }                                     \
    pthread_mutex_unlock(&lock);          \
  } while (0)

// --- opening and closing -------------------------------------------------------------------------

static void opened(int fd, const char* path, int flags, int existed) {
  struct stat info;
  if (fd >= FDS || fstat(fd, &info) != 0) die("cannot watch", path);
  struct watched* w = &fds[fd];
  free(w->directory);
  *w = (struct watched){1, (flags & O_DSYNC) != 0, info.st_ino, NULL};
  if (S_ISDIR(info.st_mode))
    w->directory = strdup(path);
  else if (!existed)
    note_name('C', w->inode, path, NULL);
  else if (flags & O_TRUNC)
    note('T', 0, w->inode, 0, "", NULL, 0, 0);
}

static int open_at(int at, const char* path, int flags, mode_t mode) {
  char full[PATH_MAX];
  int result;
  if ((at != AT_FDCWD && path[0] != '/') || !watched_path(path, full))
    return (int)syscall(SYS_openat, at, path, flags, mode);
  if (flags & O_CREAT) {
    const int existed = inode_of(full) != 0;
    STEP(existed ? 0 : needs_space, -1, (int)syscall(SYS_openat, at, path, flags, mode),
         opened(result, full, flags, existed));
  } else {
    pthread_mutex_lock(&lock);  // opening changes nothing: it is not counted
    result = (int)syscall(SYS_openat, at, path, flags, mode);
    if (result >= 0) opened(result, full, flags, 1);
    pthread_mutex_unlock(&lock);
  }
  return result;
}

#define MODE                             \
  mode_t mode = 0;                       \
  if (flags & (O_CREAT | __O_TMPFILE)) { \
    va_list args;                        \
    va_start(args, flags);               \
    mode = va_arg(args, mode_t);         \
    va_end(args);                        \
  }

int open(const char* path, int flags, ...) { MODE return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char* path, int flags, ...) SAME("open");
int openat(int at, const char* path, int flags, ...) { MODE return open_at(at, path, flags, mode); }
int openat64(int at, const char* path, int flags, ...) SAME("openat");
int close(int fd) {
  struct watched* w = watched_fd(fd);
  if (w) w->on = 0;
  return (int)syscall(SYS_close, fd);
}

// --- writes --------------------------------------------------------------------------------------

static ssize_t write_at(int fd, const struct iovec* data, int count, off_t offset) {
  struct watched* w = watched_fd(fd);
  ssize_t result;
  if (!w && offset < 0) return syscall(SYS_writev, fd, data, count);
  if (!w) return syscall(SYS_pwritev, fd, data, count, offset, 0);
  if (fcntl(fd, F_GETFL) & O_APPEND) die("O_APPEND is not modelled", "write");
  pthread_mutex_lock(&lock);
  const off_t at = offset < 0 ? lseek(fd, 0, SEEK_CUR) : offset;
  const int error = verdict(needs_space | is_write);
  struct iovec half = {data[0].iov_base, data[0].iov_len / 2};
  if (error > 0) {
    errno = error;
    result = -1;
  } else {
    if (error < 0) data = &half, count = 1;
    result = offset < 0 ? syscall(SYS_writev, fd, data, count)
                        : syscall(SYS_pwritev, fd, data, count, offset, 0);
    if (result > 0) note('W', w->dsync, w->inode, (uint64_t)at, "", data, count, (size_t)result);
  }
  pthread_mutex_unlock(&lock);
  return result;
}

ssize_t write(int fd, const void* data, size_t size) {
  const struct iovec one = {(void*)data, size};
  return watched_fd(fd) ? write_at(fd, &one, 1, -1) : syscall(SYS_write, fd, data, size);
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  const struct iovec one = {(void*)data, size};
  return watched_fd(fd) ? write_at(fd, &one, 1, offset)
                        : syscall(SYS_pwrite64, fd, data, size, offset);
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t offset) SAME("pwrite");
ssize_t writev(int fd, const struct iovec* data, int count) {
  return write_at(fd, data, count, -1);
}
ssize_t pwritev(int fd, const struct iovec* data, int count, off_t offset) {
  return write_at(fd, data, count, offset);
}
ssize_t pwritev64(int fd, const struct iovec* data, int count, off64_t offset) SAME("pwritev");

int ftruncate(int fd, off_t size) {
  struct watched* w = watched_fd(fd);
  int result;
  if (!w) return (int)syscall(SYS_ftruncate, fd, size);
  STEP(0, -1, (int)syscall(SYS_ftruncate, fd, size),
       note('T', 0, w->inode, (uint64_t)size, "", NULL, 0, 0));
  return result;
}
int ftruncate64(int fd, off64_t size) SAME("ftruncate");

int fallocate(int fd, int mode, off_t offset, off_t length) {
  struct watched* w = watched_fd(fd);
  int result;
  if (!w) return (int)syscall(SYS_fallocate, fd, mode, offset, length);
  if (mode) die("fallocate with a mode is not modelled", "");
  STEP(needs_space, -1, (int)syscall(SYS_fallocate, fd, mode, offset, length),
       note('A', 0, w->inode, (uint64_t)(offset + length), "", NULL, 0, 0));
  return result;
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) SAME("fallocate");
int posix_fallocate(int fd, off_t offset, off_t length) {
  const int kept = errno, result = fallocate(fd, 0, offset, length) == 0 ? 0 : errno;
  errno = kept;
  return result;
}
int posix_fallocate64(int fd, off64_t offset, off64_t length) SAME("posix_fallocate");

// LMDB's lock file is the one thing that may be changed through memory: its bytes are worth
// nothing.
void* mmap(void* where, size_t size, int protection, int flags, int fd, off_t offset) {
  char link[64], path[PATH_MAX];
  if (watched_fd(fd) && (protection & PROT_WRITE) && (flags & MAP_TYPE) != MAP_PRIVATE) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    if (!strstr(path, "/lock.mdb") && !strstr(path, "-lock")) die("written through a map", path);
  }
  return (void*)syscall(SYS_mmap, where, size, protection, flags, fd, offset);
}
void* mmap64(void* where, size_t size, int protection, int flags, int fd, off64_t offset) {
  return mmap(where, size, protection, flags, fd, offset);
}

// --- syncs ---------------------------------------------------------------------------------------

static void note_sync(const struct watched* w) {
  if (w->directory)
    note_name('Y', 0, w->directory, NULL);
  else
    note('S', 0, w->inode, 0, "", NULL, 0, 0);
}

int fsync(int fd) {
  struct watched* w = watched_fd(fd);
  int result;
  if (!w) return (int)syscall(SYS_fsync, fd);
  STEP(needs_space, -1, (int)syscall(SYS_fsync, fd), note_sync(w));
  return result;
}
int fdatasync(int fd) {
  struct watched* w = watched_fd(fd);
  int result;
  if (!w) return (int)syscall(SYS_fdatasync, fd);
  STEP(needs_space, -1, (int)syscall(SYS_fdatasync, fd), note_sync(w));
  return result;
}

int msync(void* where, size_t size, int flags) {
  if (root_length) die("msync is not modelled", "");
  return (int)syscall(SYS_msync, where, size, flags);
}

// --- names ---------------------------------------------------------------------------------------

int mkdir(const char* path, mode_t mode) {
  char full[PATH_MAX];
  int result;
  if (!watched_path(path, full)) return (int)syscall(SYS_mkdir, path, mode);
  STEP(needs_space, -1, (int)syscall(SYS_mkdir, path, mode), note_name('D', 0, full, NULL));
  return result;
}

int rename(const char* from, const char* to) {
  char old[PATH_MAX], new[PATH_MAX];
  int result;
  if (!watched_path(from, old) || !watched_path(to, new)) return (int)syscall(SYS_rename, from, to);
  const uint64_t inode = inode_of(old);
  STEP(needs_space, -1, (int)syscall(SYS_rename, from, to), note_name('R', inode, old, new));
  return result;
}

int link(const char* from, const char* to) {
  char old[PATH_MAX], new[PATH_MAX];
  int result;
  if (!watched_path(from, old) || !watched_path(to, new)) return (int)syscall(SYS_link, from, to);
  const uint64_t inode = inode_of(old);
  STEP(needs_space, -1, (int)syscall(SYS_link, from, to), note_name('L', inode, old, new));
  return result;
}

static int drop_name(const char* path, long call) {
  char full[PATH_MAX];
  int result;
  if (!watched_path(path, full)) return (int)syscall(call, path);
  STEP(0, -1, (int)syscall(call, path), note_name('U', 0, full, NULL));
  return result;
}
int unlink(const char* path) { return drop_name(path, SYS_unlink); }
int rmdir(const char* path) { return drop_name(path, SYS_rmdir); }
int remove(const char* path) {
  const int result = unlink(path);
  return result != 0 && errno == EISDIR ? rmdir(path) : result;
}

// A disk that is full says so.
int statvfs(const char* path, struct statvfs* out) {
  const int result = REAL(statvfs)(path, out);
  if (fired && (fail_kind == fail_full || fail_kind == fail_enospc) && fail_sticky)
    out->f_bavail = 0;
  return result;
}
int statvfs64(const char* path, struct statvfs64* out) SAME("statvfs");
