/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server on 127.0.0.1:PORT, a line a request: "echo WORDS", "say WORDS" (the same), "list", "table", "late",
 * "pair", "health". It
 * answers a failed allocation with "no memory" and goes on; but for its flaws:
 *
 *   echo   get_buffer:  does not look whether it got its buffer                     crashed
 *   list   get_list:    keeps the lock on its error path, which health wants too    hung
 *   table  get_table:   spoils the state on which health depends                    hung (unhealthy)
 *   late   get_late:    leaves something behind on which the second "echo" trips      crashed
 *   pair   get_right:   crashes when get_left has failed before in this process: neither alone does (no finding)
 *   start  read_config: does not look whether it got its configuration              crashed
 *
 * With -DFIXED it has none of them. Usage: server PORT
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "program.h"

#ifdef FIXED
#define FLAWED 0
#else
#define FLAWED 1
#endif

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile int state = 1;
static volatile int no_left;
static volatile int left; /* requests until it trips; 0 = it does not */

OWN_FRAME char *get_buffer(size_t n) {
    return opaque(malloc(n));
}

OWN_FRAME char *get_list(void) {
    return opaque(malloc(100));
}

OWN_FRAME char *get_table(void) {
    return opaque(malloc(200));
}

OWN_FRAME char *get_late(void) {
    return opaque(malloc(300));
}

OWN_FRAME char *get_left(void) {
    return opaque(malloc(420));
}

OWN_FRAME char *get_right(void) {
    return opaque(malloc(400));
}

OWN_FRAME char *read_config(void) {
    return opaque(malloc(50));
}

static const char *echo(const char *words, char *out, size_t n) {
    char *buffer = get_buffer(strlen(words) + 1);
    if (left && --left == 0)
        *(volatile char *)opaque(NULL) = 0;
    if (!buffer && !FLAWED)
        return "no memory\n";
    strcpy(buffer, words);
    snprintf(out, n, "%s\n", buffer);
    free(buffer);
    return out;
}

static const char *list(void) {
    pthread_mutex_lock(&lock);
    char *items = get_list();
    if (!items && FLAWED)
        return "no memory\n";
    free(items);
    pthread_mutex_unlock(&lock);
    return items ? "a b c\n" : "no memory\n";
}

static const char *table(void) {
    char *rows = get_table();
    if (!rows && FLAWED)
        state = 0;
    free(rows);
    return rows ? "1 2 3\n" : "no memory\n";
}

static const char *make_late(void) {
    char *p = get_late();
    if (!p && FLAWED)
        left = 2;
    free(p);
    return p ? "late\n" : "no memory\n";
}

static const char *pair(void) {
    char *a = get_left(), *b = get_right();
    if (!b && no_left && FLAWED)
        *(volatile char *)opaque(NULL) = 0;
    if (!a)
        no_left = 1;
    free(a);
    free(b);
    return a && b ? "pair\n" : "no memory\n";
}

static const char *health(void) {
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    return state ? "healthy\n" : "ill\n";
}

static void serve(int fd) {
    char line[512] = "", out[600];
    size_t n = 0;
    while (n + 1 < sizeof line && !memchr(line, '\n', n)) {
        ssize_t k = read(fd, line + n, sizeof line - 1 - n);
        if (k <= 0)
            return;
        n += (size_t)k;
    }
    line[strcspn(line, "\n")] = 0;
    const char *answer = strncmp(line, "echo ", 5) == 0  ? echo(line + 5, out, sizeof out)
                         : strncmp(line, "say ", 4) == 0 ? echo(line + 4, out, sizeof out)
                         : strcmp(line, "list") == 0     ? list()
                         : strcmp(line, "table") == 0    ? table()
                         : strcmp(line, "late") == 0     ? make_late()
                         : strcmp(line, "pair") == 0     ? pair()
                         : strcmp(line, "health") == 0   ? health()
                                                         : "what?\n";
    if (write(fd, answer, strlen(answer)) < 0)
        return;
}

int main(int argc, char **argv) {
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    signal(SIGPIPE, SIG_IGN);
    char *config = read_config();
    if (!config && !FLAWED)
        return 3;
    strcpy(config, "quiet");
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (struct sockaddr *)&at, sizeof at) < 0 || listen(s, 16) < 0)
        return 4;
    for (;;) {
        int fd = accept(s, NULL, NULL);
        if (fd < 0)
            continue;
        serve(fd);
        close(fd);
    }
}
