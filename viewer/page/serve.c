/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serving a page: see serve.h. One thread, a few connections at once (browsers open some that they do not use), each for one
 * request:
 *
 *   READING  the head comes, or its time is up ─► WRITING  head and page ─► closed
 */
#include "serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "interrupt.h"

#define CONNECTIONS 32
#define HEAD_BYTES  8192 /* of a request */
#define PATIENCE_NS                                                                      \
    10000000000ull /* for a request; and without a byte of the answer taken */

struct connection {
    int fd; /* -1 = none */
    char head[HEAD_BYTES + 1];
    size_t n;
    char *answer; /* NULL = it reads */
    size_t n_answer, sent;
    uint64_t deadline_ns;
};

struct server {
    struct serve *serve;
    struct connection connections[CONNECTIONS];
    struct text page;
    serve_make *make;
    void *context;
};

int serve_init(struct serve *serve, uint16_t port) {
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    uint8_t random[16];
    int on = 1;
    *serve = (struct serve){.fd = -1};
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return error_print_errno(-errno, "view: no random numbers for the address");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(serve->token + 2 * i, 3, "%02x", random[i]);
    serve->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (serve->fd >= 0)
        setsockopt(serve->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (serve->fd < 0 || bind(serve->fd, (struct sockaddr *)&at, sizeof at) < 0 ||
        listen(serve->fd, CONNECTIONS) < 0 ||
        getsockname(serve->fd, (struct sockaddr *)&at, &n) < 0) {
        int r = -errno;
        serve_deinit(serve);
        return error_print_errno(r, "view: cannot listen on 127.0.0.1, port %u%s",
                                 (unsigned)port, port ? " (--port names another)" : "");
    }
    serve->url = text_format("http://127.0.0.1:%u/%s/", (unsigned)ntohs(at.sin_port),
                             serve->token);
    return 0;
}

void serve_deinit(struct serve *serve) {
    if (serve->fd >= 0)
        close(serve->fd);
    free(serve->url);
    *serve = (struct serve){.fd = -1};
}

/* --- answers --- */

static void answer(struct connection *c, const char *status, const char *type,
                   const char *body, size_t n, bool with_body) {
    struct text t = {0};
    text_addf(&t,
              "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
              "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
              "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
              "Cross-Origin-Resource-Policy: same-origin\r\n%sConnection: close\r\n\r\n",
              status, type, n,
              strncmp(status, "405", 3) == 0 ? "Allow: GET, HEAD\r\n" : "");
    if (with_body)
        text_add_n(&t, body, n);
    c->n_answer = t.n;
    c->answer = text_take(&t);
    c->deadline_ns = clock_mono_ns() + PATIENCE_NS;
}

static void refuse(struct connection *c, const char *status) {
    AUTO_FREE char *body = text_format("%s\n", status);
    answer(c, status, "text/plain; charset=utf-8", body, strlen(body), true);
}

/* The value of a header, as long as it is; NULL = there is none. */
static const char *header(const char *head, const char *name, size_t *n) {
    size_t length = strlen(name);
    for (const char *p = strstr(head, "\r\n"); p && p[2]; p = strstr(p + 2, "\r\n")) {
        if (strncasecmp(p + 2, name, length) != 0 || p[2 + length] != ':')
            continue;
        p += 3 + length;
        p += strspn(p, " \t");
        *n = strcspn(p, "\r\n");
        return p;
    }
    return NULL;
}

/* A name that somebody else's server answers for today may lead here tomorrow: only our own are. Ports may differ, as
 * through a tunnel. */
static bool is_our_name(const char *head) {
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
    size_t n;
    const char *host = header(head, "Host", &n);
    for (size_t i = 0; host && i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);
        if (n >= length && strncasecmp(host, names[i], length) == 0 &&
            (n == length || host[length] == ':'))
            return true;
    }
    return false;
}

/* As long for every token: nothing is learnt from how long it takes. */
static bool is_our_path(const struct serve *serve, const char *path, size_t n) {
    size_t length = strlen(serve->token);
    unsigned char differs = 0;
    if (n != length + 2 || path[0] != '/' || path[n - 1] != '/')
        return false;
    for (size_t i = 0; i < length; i++)
        differs |= (unsigned char)(path[1 + i] ^ serve->token[i]);
    return !differs;
}

static void give_page(struct server *s, struct connection *c, bool with_body) {
    struct text page = {0};
    int r = s->make(s->context, &page);
    if (r < 0) {
        text_deinit(&page);
        refuse(c, "500 Internal Server Error");
        return;
    }
    if (r > 0) {
        text_deinit(&s->page);
        s->page = page;
    }
    answer(c, "200 OK", "text/html; charset=utf-8", s->page.data, s->page.n, with_body);
}

static void take_request(struct server *s, struct connection *c) {
    const char *space = strchr(c->head, ' ');
    size_t method = space ? (size_t)(space - c->head) : 0;
    size_t n = space ? strcspn(space + 1, " \r\n") : 0;
    bool get = method == 3 && memcmp(c->head, "GET", 3) == 0;
    bool head = method == 4 && memcmp(c->head, "HEAD", 4) == 0;
    if (!n || strncmp(space + 1 + n, " HTTP/1.", 8) != 0)
        refuse(c, "400 Bad Request");
    else if (!is_our_name(c->head))
        refuse(c, "403 Forbidden");
    else if (!is_our_path(s->serve, space + 1, n))
        refuse(c, "404 Not Found");
    else if (!get && !head)
        refuse(c, "405 Method Not Allowed");
    else
        give_page(s, c, get);
}

/* --- connections --- */

static void end(struct connection *c) {
    close(c->fd);
    free(c->answer);
    *c = (struct connection){.fd = -1};
}

/* Closed at once, what the other side still sends would take our answer away from it. */
static void finish(struct connection *c) {
    shutdown(c->fd, SHUT_WR);
    for (int i = 0; i < 16 && recv(c->fd, c->head, HEAD_BYTES, MSG_DONTWAIT) > 0; i++)
        ;
    end(c);
}

static void read_some(struct server *s, struct connection *c) {
    ssize_t n = recv(c->fd, c->head + c->n, HEAD_BYTES - c->n, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        end(c);
        return;
    }
    c->n += (size_t)n;
    c->head[c->n] = 0;
    if (strlen(c->head) < c->n)
        refuse(c, "400 Bad Request");
    else if (strstr(c->head, "\r\n\r\n"))
        take_request(s, c);
    else if (c->n == HEAD_BYTES)
        refuse(c, "431 Request Header Fields Too Large");
}

static void write_some(struct connection *c) {
    ssize_t n = send(c->fd, c->answer + c->sent, c->n_answer - c->sent,
                     MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        end(c);
        return;
    }
    c->sent += (size_t)n;
    c->deadline_ns = clock_mono_ns() + PATIENCE_NS;
    if (c->sent == c->n_answer)
        finish(c);
}

static void take_connection(struct server *s) {
    struct connection *free_one = NULL;
    for (int i = 0; i < CONNECTIONS && !free_one; i++)
        if (s->connections[i].fd < 0)
            free_one = &s->connections[i];
    if (!free_one) /* it waits in the kernel's queue until one has ended, or its time is up */
        return;
    int fd = accept4(s->serve->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    free_one->fd = fd;
    free_one->deadline_ns = clock_mono_ns() + PATIENCE_NS;
}

static void serve_once(struct server *s) {
    struct pollfd fds[CONNECTIONS + 1];
    bool room = false;
    for (int i = 0; i < CONNECTIONS; i++) {
        const struct connection *c = &s->connections[i];
        fds[i] = (struct pollfd){.fd = c->fd, .events = c->answer ? POLLOUT : POLLIN};
        room |= c->fd < 0;
    }
    fds[CONNECTIONS] = (struct pollfd){.fd = room ? s->serve->fd : -1, .events = POLLIN};
    if (poll(fds, CONNECTIONS + 1, 1000) < 0)
        return;
    uint64_t now = clock_mono_ns();
    for (int i = 0; i < CONNECTIONS; i++) {
        struct connection *c = &s->connections[i];
        if (c->fd < 0)
            continue;
        if (fds[i].revents && !c->answer)
            read_some(s, c);
        else if (fds[i].revents)
            write_some(c);
        else if (now >= c->deadline_ns)
            end(c);
    }
    if (fds[CONNECTIONS].revents)
        take_connection(s);
}

int serve_run(struct serve *serve, serve_make *make, void *context) {
    struct server *s = text_alloc(sizeof *s);
    *s = (struct server){.serve = serve, .make = make, .context = context};
    for (int i = 0; i < CONNECTIONS; i++)
        s->connections[i].fd = -1;
    while (!interrupt_wanted())
        serve_once(s);
    for (int i = 0; i < CONNECTIONS; i++)
        if (s->connections[i].fd >= 0)
            end(&s->connections[i]);
    text_deinit(&s->page);
    free(s);
    return 0;
}
