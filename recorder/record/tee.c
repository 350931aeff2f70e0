/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread between our standard input and the program's.
 *
 *   upstream ─► pipe (our descriptor 0) ─► thread ─► our pipe ─► the program
 *                                            └─► kept, up to the cap
 *
 * What each end sees stays what it would have been: end of input is passed on at once;
 * when nobody can read our pipe any more, our descriptor 0 is closed, so that a writer
 * upstream gets its SIGPIPE although the program and not dearth has stopped reading. What
 * is passed on is at most one pipe's worth ahead of what the program has read.
 *
 * A thread, not part of the collector's loop: input must flow while a batch is committed.
 */
#include "tee.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "own_limits.h"
#include "text.h"

struct tee {
    pthread_t thread;
    pthread_mutex_t lock; /* of the four below while it runs */
    bool running;
    int to;      /* write end of our pipe */
    int wake[2]; /* closing [1] ends the thread */
    uint64_t cap;
    uint8_t *data;
    size_t n, capacity;
    bool truncated;
};

/* Descriptor 0 becomes /dev/null in one step: no other file can get the number. */
static void close_input(void) {
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
}

static void keep_locked(struct tee *tee, const uint8_t *data, size_t n) {
    uint64_t room = tee->cap - tee->n;
    if (n > room) {
        n = (size_t)room;
        tee->truncated = true;
    }
    if (tee->n + n > tee->capacity) {
        size_t want = 2 * tee->capacity + n + 4096;
        uint8_t *bigger = realloc(tee->data, want);
        if (!bigger) { /* to pass on is worth more than to keep */
            tee->truncated = true;
            tee->cap = tee->n;
            return;
        }
        tee->data = bigger;
        tee->capacity = want;
    }
    memcpy(tee->data + tee->n, data, n);
    tee->n += n;
}

static void keep(struct tee *tee, const uint8_t *data, size_t n) {
    pthread_mutex_lock(&tee->lock);
    keep_locked(tee, data, n);
    pthread_mutex_unlock(&tee->lock);
}

/* Wait until there is something to read. Return: false when it is over. */
static bool wait_input(const struct tee *tee) {
    struct pollfd fds[3] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = tee->to, .events = 0}, /* POLLERR: no reader is left */
                            {.fd = tee->wake[0], .events = POLLIN}};
    while (poll(fds, 3, -1) < 0)
        if (errno != EINTR)
            return false;
    return !fds[1].revents && !fds[2].revents;
}

/* The pipe does not block, so that a stop is noticed. Return: false when it is over. */
static bool pass_on(const struct tee *tee, const uint8_t *data, size_t n) {
    while (n) {
        ssize_t done = write(tee->to, data, n);
        if (done > 0) {
            data += done;
            n -= (size_t)done;
            continue;
        }
        if (errno == EINTR)
            continue;
        struct pollfd fds[2] = {{.fd = tee->to, .events = POLLOUT},
                                {.fd = tee->wake[0], .events = POLLIN}};
        if (errno != EAGAIN || (poll(fds, 2, -1) < 0 && errno != EINTR) ||
            fds[0].revents & POLLERR || fds[1].revents)
            return false;
    }
    return true;
}

static void *run(void *context) {
    struct tee *tee = context;
    static uint8_t buffer[65536];
    while (wait_input(tee)) {
        ssize_t n = read(STDIN_FILENO, buffer, sizeof buffer);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            break;
        keep(tee, buffer, (size_t)n);
        if (!pass_on(tee, buffer, (size_t)n))
            break;
    }
    close(tee->to);
    tee->to = -1;
    close_input();
    return NULL;
}

int tee_new(uint64_t cap, struct tee **out, int *read_end) {
    struct tee *tee = text_alloc(sizeof *tee);
    int ends[2];
    tee->cap = cap;
    pthread_mutex_init(&tee->lock, NULL);
    tee->to = tee->wake[0] = tee->wake[1] = -1;
    if (pipe2(ends, O_CLOEXEC) < 0 || pipe2(tee->wake, O_CLOEXEC) < 0) {
        int r = -errno;
        tee_free(tee);
        return error_print_errno(r, "cannot make a pipe for standard input");
    }
    tee->to = ends[1];
    *read_end = ends[0];
    /* Each end has flags of its own: the program's stays blocking. */
    fcntl(tee->to, F_SETFL, O_NONBLOCK);
    *out = tee;
    return 0;
}

int tee_start(struct tee *tee) {
    int r = own_limits_thread(&tee->thread, run, tee);
    if (r)
        return error_print_errno(-r, "cannot start the thread for standard input");
    tee->running = true;
    return 0;
}

void tee_stop(struct tee *tee, const uint8_t **data, size_t *n, bool *truncated) {
    if (tee->running) {
        close(tee->wake[1]);
        tee->wake[1] = -1;
        pthread_join(tee->thread, NULL);
        tee->running = false;
    }
    *data = tee->data;
    *n = tee->n;
    *truncated = tee->truncated;
}

void tee_copy(struct tee *tee, uint8_t **data, size_t *n, bool *truncated) {
    pthread_mutex_lock(&tee->lock);
    *n = tee->n;
    *data = text_alloc(tee->n + 1);
    if (tee->n)
        memcpy(*data, tee->data, tee->n);
    *truncated = tee->truncated;
    tee->cap = tee->n;
    pthread_mutex_unlock(&tee->lock);
}

struct tee *tee_free(struct tee *tee) {
    if (!tee)
        return NULL;
    if (tee->to >= 0)
        close(tee->to);
    for (int i = 0; i < 2; i++)
        if (tee->wake[i] >= 0)
            close(tee->wake[i]);
    free(tee->data);
    free(tee);
    return NULL;
}
