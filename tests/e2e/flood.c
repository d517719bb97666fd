// flood: sends random and mutated datagrams at a rate and counts what comes back.
//   flood IP PORT COUNT PER_SECOND SEED [TEMPLATES]     TEMPLATES: u16 length, bytes, and so on
// Prints the word sent, then, when no answer can come any more: sent, bytes sent, bytes of answers, how many were welcomed, answers by first byte.
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { sockets = 4, longest = 1472, templates_limit = 4096 };

static uint64_t state;
static uint64_t draw(void) {  // xorshift64*
  state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
  return state * 2685821657736338717ull;
}

static struct { uint16_t size; unsigned char bytes[longest]; } templates[templates_limit];
static size_t template_count;
static uint64_t answers[256], answer_bytes, welcomed;

static void read_templates(const char* path) {
  FILE* file = fopen(path, "rb");
  uint16_t size;
  while (file && template_count < templates_limit && fread(&size, 2, 1, file) == 1 && size <= longest &&
         fread(templates[template_count].bytes, 1, size, file) == size)
    templates[template_count++].size = size;
  if (file) fclose(file);
}

static size_t make(unsigned char* out) {
  size_t size;
  if (template_count == 0 || draw() % 4 == 0) {  // random, half of them with a true first byte
    size = draw() % 3 ? draw() % 300 : draw() % (longest + 1);
    for (size_t i = 0; i < size; ++i) out[i] = (unsigned char)draw();
    if (size > 0 && draw() % 2) out[0] = (unsigned char)(draw() % 8);
    return size;
  }
  const size_t chosen = draw() % template_count;
  size = templates[chosen].size;
  memcpy(out, templates[chosen].bytes, size);
  switch (draw() % 8) {
    case 0: break;  // as it was: a replay
    case 1: if (size > 0) size = draw() % size; break;
    case 2: for (size_t more = draw() % 64; more > 0 && size < longest; --more) out[size++] = (unsigned char)draw(); break;
    default: for (size_t flips = 1 + draw() % 8; flips > 0 && size > 0; --flips) out[draw() % size] ^= (unsigned char)(1u << draw() % 8);
  }
  return size;
}

static void drain(int fd) {
  unsigned char bytes[2048];
  ssize_t got;
  while ((got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) >= 0) {
    ++answers[got > 0 ? bytes[0] : 0];
    answer_bytes += (uint64_t)got;
    // What it did not drop: an i_am with status ok or version, a handshake reply.
    welcomed += (got > 17 && bytes[0] == 2 && (bytes[17] == 0 || bytes[17] == 3)) || (got > 0 && bytes[0] == 4);
  }
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
  inet_pton(AF_INET, argv[1], &to.sin_addr);
  const uint64_t count = strtoull(argv[3], 0, 10);
  const double rate = atof(argv[4]);
  state = strtoull(argv[5], 0, 10) | 1;
  if (argc > 6) read_templates(argv[6]);
  int fds[sockets];
  for (int i = 0; i < sockets; ++i) {
    const int room = 4 << 20;
    fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  }
  unsigned char bytes[longest + 64];
  uint64_t sent = 0, sent_bytes = 0;
  const double began = seconds();
  while (sent < count) {
    const int fd = fds[sent % sockets];
    const size_t size = make(bytes);
    if (sendto(fd, bytes, size, 0, (struct sockaddr*)&to, sizeof to) < 0) {
      if (errno == EINTR || errno == ENOBUFS || errno == ECONNREFUSED) continue;
      perror("sendto");
      return 1;
    }
    ++sent, sent_bytes += size;
    if (sent % 32) continue;
    for (int i = 0; i < sockets; ++i) drain(fds[i]);
    const double ahead = (double)sent / rate - (seconds() - began);
    if (ahead > 0.001) poll(0, 0, (int)(ahead * 1000));
  }
  puts("sent");
  fflush(stdout);
  const double until = seconds() + 1.5;  // the last answers
  while (seconds() < until) {
    struct pollfd waiting[sockets];
    for (int i = 0; i < sockets; ++i) waiting[i] = (struct pollfd){fds[i], POLLIN, 0};
    poll(waiting, sockets, 100);
    for (int i = 0; i < sockets; ++i) drain(fds[i]);
  }
  printf("{\"sent\":%llu,\"bytes\":%llu,\"seconds\":%.2f,\"answer_bytes\":%llu,\"welcomed\":%llu,\"answers\":{", (unsigned long long)sent,
         (unsigned long long)sent_bytes, seconds() - began - 1.5, (unsigned long long)answer_bytes, (unsigned long long)welcomed);
  const char* comma = "";
  for (int i = 0; i < 256; ++i)
    if (answers[i]) printf("%s\"%d\":%llu", comma, i, (unsigned long long)answers[i]), comma = ",";
  puts("}}");
  return 0;
}
