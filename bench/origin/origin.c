/*
 * A lean HTTP/1.1 origin for measurements: one file, byte ranges, late and paced on request, every
 * request and body byte counted. One thread, so that it leaves the machine to what is measured.
 *
 *   origin FILE [--port N] [--size BYTES] [--latency-ms N] [--connection-rate N] [--link-rate N]
 *
 * Serves the first --size bytes of FILE under every path. Rates are in bytes per second; 0, the
 * default, is without limit. Prints "port N" when it listens, and ends when its input ends.
 * GET /__counts answers {"requests","bytes","connections"} at once; GET /__reset zeroes them first.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 1024, INPUT_SIZE = 8192, PAGE = 4096, FREE_SLICE = 512 * 1024 };
static const int64_t TICK_NS = 500 * 1000;        /* pacing is due this often */
static const double BURST_SECONDS = 0.004;        /* what a late tick may make up for */
static const double FIRST_FLIGHT = 16 * 1024;     /* bytes that leave at once, as from a new window */

enum state { READING, WAITING, SENDING };

struct connection {
  int fd;
  enum state state;
  bool blocked, closing, started;
  char input[INPUT_SIZE];
  size_t input_length;
  char head[640];
  size_t head_length, head_sent;
  off_t offset, end;
  int64_t ready_at, paced_at;
  double allowance;
};

static struct connection *connections[MAX_CONNECTIONS];
static int connection_count, turn, epoll_fd, file_fd;
static off_t size;
static double latency_ms, connection_rate, link_rate, link_allowance;
static int64_t link_paced_at;
static uint64_t request_count, byte_count, accepted_count;
static char etag[64];

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static double larger(double a, double b) { return a > b ? a : b; }
static double smaller(double a, double b) { return a < b ? a : b; }

static double refill(double allowance, double rate, int64_t since, int64_t now) {
  double burst = larger(rate * BURST_SECONDS, PAGE);
  return smaller(allowance + rate * (double)(now - since) / 1e9, larger(burst, allowance));
}

static void drop(struct connection *c) {
  close(c->fd);
  for (int i = 0; i < connection_count; i++) {
    if (connections[i] == c) connections[i] = connections[--connection_count];
  }
  free(c);
}

/* The value of a header, or NULL. The head is NUL-terminated, its lines still end in CRLF. */
static const char *header(const char *head, const char *name) {
  size_t length = strlen(name);
  for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
    line += 2;
    if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
      line += length + 1;
      return line + strspn(line, " ");
    }
  }
  return NULL;
}

/* True when the range can be served; false is a 416. A form that is not understood is the whole. */
static bool parse_range(const char *value, off_t *first, off_t *end, bool *partial) {
  long long a, b;
  char next;
  *first = 0, *end = size, *partial = false;
  if (!value || strncmp(value, "bytes=", 6) != 0) return true;
  value += 6;
  if (sscanf(value, "%lld-%lld%c", &a, &b, &next) == 3 && next == '\r' && a >= 0 && b >= a) {
    *first = a, *end = b < size ? b + 1 : size;
  } else if (sscanf(value, "%lld-%c", &a, &next) == 2 && next == '\r' && a >= 0) {
    *first = a;
  } else if (sscanf(value, "-%lld%c", &b, &next) == 2 && next == '\r' && b >= 0) {
    *first = b < size ? size - b : 0;
  } else {
    return true;
  }
  *partial = true;
  return *first < size;
}

static void answer(struct connection *c, const char *status, const char *headers, off_t length) {
  c->head_length = (size_t)snprintf(c->head, sizeof c->head,
                                    "HTTP/1.1 %s\r\n%sContent-Length: %lld\r\n%s\r\n", status, headers,
                                    (long long)length, c->closing ? "Connection: close\r\n" : "");
}

static void answer_counts(struct connection *c) {
  char body[128];
  int length = snprintf(body, sizeof body, "{\"requests\":%llu,\"bytes\":%llu,\"connections\":%llu}",
                        (unsigned long long)request_count, (unsigned long long)byte_count,
                        (unsigned long long)accepted_count);
  answer(c, "200 OK", "Content-Type: application/json\r\n", length);
  memcpy(c->head + c->head_length, body, (size_t)length);
  c->head_length += (size_t)length;
}

static bool same_etag(const char *value) {
  return *value == '*' || strncmp(value, etag, strlen(etag)) == 0;
}

static void answer_request(struct connection *c, const char *request, int64_t now) {
  const char *close_header = header(request, "Connection");
  bool is_head = strncmp(request, "HEAD ", 5) == 0;
  c->closing = close_header && strncasecmp(close_header, "close", 5) == 0;
  c->state = WAITING, c->started = false, c->head_sent = 0, c->offset = c->end = 0;
  c->ready_at = now;
  if (strncmp(request, "GET /__reset ", 13) == 0) request_count = byte_count = accepted_count = 0;
  if (strncmp(request, "GET /__", 7) == 0) {
    answer_counts(c);
    return;
  }
  request_count++;
  c->ready_at = now + (int64_t)(latency_ms * 1e6);
  if (!is_head && strncmp(request, "GET ", 4) != 0) {
    answer(c, "405 Method Not Allowed", "Allow: GET, HEAD\r\n", 0);
    return;
  }
  const char *if_match = header(request, "If-Match");
  if (if_match && !same_etag(if_match)) {
    answer(c, "412 Precondition Failed", "", 0);
    return;
  }
  const char *if_range = header(request, "If-Range"), *range = header(request, "Range");
  off_t first, end;
  bool partial;
  char headers[320];
  if (!parse_range(if_range && !same_etag(if_range) ? NULL : range, &first, &end, &partial)) {
    snprintf(headers, sizeof headers, "Content-Range: bytes */%lld\r\n", (long long)size);
    answer(c, "416 Range Not Satisfiable", headers, 0);
    return;
  }
  int length = snprintf(headers, sizeof headers,
                        "Content-Type: application/octet-stream\r\nAccept-Ranges: bytes\r\n"
                        "ETag: %s\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n", etag);
  if (partial) {
    snprintf(headers + length, sizeof headers - (size_t)length, "Content-Range: bytes %lld-%lld/%lld\r\n",
             (long long)first, (long long)end - 1, (long long)size);
  }
  answer(c, partial ? "206 Partial Content" : "200 OK", headers, end - first);
  if (!is_head) c->offset = first, c->end = end;
}

/* Takes the next whole request, if there is one. False when the connection is gone. */
static bool receive(struct connection *c, int64_t now) {
  while (c->state == READING) {
    c->input[c->input_length] = '\0';
    char *end = strstr(c->input, "\r\n\r\n");
    if (end) {
      char after = end[2];
      end[2] = '\0'; /* the last header keeps its CRLF */
      answer_request(c, c->input, now);
      end[2] = after;
      c->input_length -= (size_t)(end + 4 - c->input);
      memmove(c->input, end + 4, c->input_length);
      return true;
    }
    if (c->input_length == INPUT_SIZE - 1) return false;
    ssize_t got = recv(c->fd, c->input + c->input_length, INPUT_SIZE - 1 - c->input_length, 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (got <= 0) return false;
    c->input_length += (size_t)got;
  }
  return true;
}

static bool would_block(struct connection *c) {
  if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
  c->blocked = true;
  return true;
}

/* How much of the body may leave now; 0 when it is too early. */
static size_t slice(struct connection *c, double link_share, int64_t now) {
  double allowed = FREE_SLICE;
  if (connection_rate > 0) {
    c->allowance = refill(c->allowance, connection_rate, c->paced_at, now);
    c->paced_at = now;
    allowed = smaller(allowed, c->allowance);
    double due = connection_rate * (double)TICK_NS / 1e9;
    if (c->started && allowed < smaller(due, (double)(c->end - c->offset))) return 0;
  }
  if (link_rate > 0) allowed = smaller(allowed, smaller(link_share, link_allowance));
  off_t left = c->end - c->offset;
  if (allowed >= (double)left) return (size_t)left;
  return (size_t)allowed & ~(size_t)(PAGE - 1);
}

/* Sends what may leave now. False when the connection is gone. */
static bool transmit(struct connection *c, double link_share, int64_t now) {
  if (c->head_sent < c->head_length) {
    int more = c->offset < c->end ? MSG_MORE : 0;
    ssize_t sent = send(c->fd, c->head + c->head_sent, c->head_length - c->head_sent, MSG_NOSIGNAL | more);
    if (sent < 0) return would_block(c);
    c->head_sent += (size_t)sent;
    if (c->head_sent < c->head_length) return true;
  }
  if (c->offset < c->end) {
    size_t length = slice(c, link_share, now);
    if (length == 0) return true;
    ssize_t sent = sendfile(c->fd, file_fd, &c->offset, length);
    if (sent < 0) return would_block(c);
    if (sent == 0) return false; /* the file was cut short */
    c->started = true;
    c->allowance -= (double)sent, link_allowance -= (double)sent;
    byte_count += (uint64_t)sent;
    if (c->offset < c->end) return true;
  }
  if (c->closing) return false;
  c->state = READING;
  return receive(c, now); /* a request that came early is in the buffers already */
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    struct connection *c = connection_count < MAX_CONNECTIONS ? calloc(1, sizeof *c) : NULL;
    if (!c) {
      close(fd);
      continue;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->fd = fd;
    connections[connection_count++] = c;
    accepted_count++;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
  }
}

/* Gives every connection its turn. Returns when the next one is due, INT64_MAX for never. */
static int64_t pump(void) {
  int64_t now = now_ns(), due = INT64_MAX;
  int active = 1;
  for (int i = 0; i < connection_count; i++) {
    struct connection *c = connections[i];
    if (c->state == WAITING && c->ready_at <= now) {
      c->state = SENDING, c->paced_at = now;
      c->allowance = larger(FIRST_FLIGHT, connection_rate * (double)TICK_NS / 1e9);
    }
    if (c->state == SENDING) active++;
  }
  if (link_rate > 0) {
    link_allowance = refill(link_allowance, link_rate, link_paced_at, now);
    link_paced_at = now;
  }
  double share = larger(link_allowance / active, PAGE);
  turn++;
  for (int i = connection_count - 1; i >= 0; i--) {
    struct connection *c = connections[(i + turn) % connection_count];
    if (c->state == SENDING && !c->blocked && !transmit(c, share, now)) {
      drop(c);
      return now; /* the order has changed: begin again */
    }
    if (c->state == SENDING && !c->blocked) {
      bool paced = connection_rate > 0 || link_rate > 0;
      due = due < now + (paced ? TICK_NS : 0) ? due : now + (paced ? TICK_NS : 0);
    } else if (c->state == WAITING && c->ready_at < due) {
      due = c->ready_at;
    }
  }
  return due;
}

static int listen_on(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 512) < 0) {
    perror("origin: listen");
    exit(1);
  }
  getsockname(listener, (struct sockaddr *)&address, &length);
  printf("port %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

static void serve(int listener) {
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  int timer_mark, listener_mark, input_mark;
  void *marks[] = {&timer_mark, &listener_mark, &input_mark};
  int descriptors[] = {timer, listener, STDIN_FILENO};
  for (int i = 0; i < 3; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = marks[i]};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, descriptors[i], &event);
  }
  for (;;) {
    int64_t due = pump();
    int64_t wait = due == INT64_MAX ? 0 : larger((double)(due - now_ns()), 1);
    struct itimerspec at = {.it_value = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000}};
    timerfd_settime(timer, 0, &at, NULL);
    struct epoll_event events[64];
    int count = epoll_wait(epoll_fd, events, 64, -1);
    int64_t now = now_ns();
    for (int i = 0; i < count; i++) {
      void *mark = events[i].data.ptr;
      char bytes[64];
      if (mark == &timer_mark) {
        (void)!read(timer, bytes, sizeof bytes);
      } else if (mark == &listener_mark) {
        accept_all(listener);
      } else if (mark == &input_mark) {
        if (read(STDIN_FILENO, bytes, sizeof bytes) <= 0) return;
      } else {
        struct connection *c = mark;
        if (events[i].events & EPOLLOUT) c->blocked = false;
        bool gone = events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
        if (gone || !receive(c, now)) drop(c);
      }
    }
  }
}

int main(int count, char **words) {
  struct stat status;
  int port = 0;
  signal(SIGPIPE, SIG_IGN);
  file_fd = count > 1 ? open(words[1], O_RDONLY | O_CLOEXEC) : -1;
  if (file_fd < 0 || fstat(file_fd, &status) < 0) {
    perror("origin: the file to serve");
    return 1;
  }
  size = status.st_size;
  for (int i = 2; i + 1 < count; i += 2) {
    double value = atof(words[i + 1]);
    if (strcmp(words[i], "--port") == 0) port = (int)value;
    else if (strcmp(words[i], "--size") == 0) size = value < (double)size ? (off_t)value : size;
    else if (strcmp(words[i], "--latency-ms") == 0) latency_ms = value;
    else if (strcmp(words[i], "--connection-rate") == 0) connection_rate = value;
    else if (strcmp(words[i], "--link-rate") == 0) link_rate = value;
    else return fprintf(stderr, "origin: unknown option %s\n", words[i]), 1;
  }
  snprintf(etag, sizeof etag, "\"%llx-%llx\"", (unsigned long long)size, (unsigned long long)status.st_mtime);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  serve(listen_on(port));
  return 0;
}
