/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread between our standard input and the program's.
 *
 *   upstream ─► pipe (our descriptor 0) ─ tee(2) ─► scratch ─► our pipe ─► the program
 *                    ▲                                 └─► kept, up to the cap
 *                    └─ read(2): as much as the program has read
 *
 * What each end sees stays what it would have been: end of input is passed on at once;
 * when nobody can read our pipe any more, our descriptor 0 is closed, so that a writer
 * upstream gets its SIGPIPE although the program and not dearth has stopped reading. What the program leaves
 * unread stays in descriptor 0, which others may have as well: the shell whose loop we are in reads on there.
 *
 * Invariant: our pipe holds a copy of the beginning of what descriptor 0 holds: of as many bytes as it still has of
 * `ahead`. As many as it has no more were read, and are taken from descriptor 0.
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
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "error.h"
#include "own_limits.h"
#include "text.h"

#define BYTES      65536u /* of a pipe, unless somebody changed that */
#define SOONEST_MS 1 /* a look at what the program has read that nothing called for */
#define LATEST_MS  64

struct tee {
    pthread_t thread;
    pthread_mutex_t lock; /* of the four below while it runs */
    bool running;
    int to;      /* write end of our pipe; -1 = end of input was passed on */
    int unread;  /* read end, from then on: to see what is left in it */
    int wake[2]; /* closing [1] ends the thread */
    int scratch[2];
    int reads; /* inotify: the program has read; -1 = there is none */
    size_t ahead;
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

/* A read would wait when somebody else was quicker, whatever was asked before: it is for sandboxes that forbid
 * splice(2). Return: as read() of a pipe that does not block. */
static ssize_t take_away(const struct tee *tee, uint8_t *data, size_t most) {
    int held = 0;
    ssize_t n =
        splice(STDIN_FILENO, NULL, tee->scratch[1], NULL, most, SPLICE_F_NONBLOCK);
    if (n > 0)
        return read(tee->scratch[0], data, (size_t)n);
    if (n == 0 || errno == EAGAIN || errno == EINTR)
        return n;
    return ioctl(STDIN_FILENO, FIONREAD, &held) == 0 && held > 0
               ? read(STDIN_FILENO, data, most)
               : 0;
}

/* Take from descriptor 0 what the program has got otherwise. */
static void discard(const struct tee *tee, size_t n) {
    uint8_t gone[4096];
    while (n) {
        ssize_t got = take_away(tee, gone, n < sizeof gone ? n : sizeof gone);
        if (got == 0 || (got < 0 && errno != EINTR))
            return;
        n -= got > 0 ? (size_t)got : 0;
    }
}

/* Return: bytes of @tee->ahead that the program has not read. */
static size_t count_unread(const struct tee *tee) {
    int n = 0;
    int fd = tee->to >= 0 ? tee->to : tee->unread;
    if (fd < 0 || ioctl(fd, FIONREAD, &n) < 0 || n < 0)
        return 0;
    return (size_t)n < tee->ahead ? (size_t)n : tee->ahead;
}

/* Return: bytes that were read since. */
static size_t settle(struct tee *tee) {
    size_t left = count_unread(tee), taken = tee->ahead - left;
    discard(tee, taken);
    tee->ahead = left;
    return taken;
}

/* `tee` is a variable elsewhere. */
static ssize_t duplicate(int from, int to, size_t n) {
    return tee(from, to, n, SPLICE_F_NONBLOCK);
}

/* A copy of what descriptor 0 holds behind what the program has a copy of. Return: bytes, or a negative errno. */
static ssize_t look(const struct tee *tee, uint8_t *data, size_t most) {
    ssize_t n = duplicate(STDIN_FILENO, tee->scratch[1], tee->ahead + most);
    size_t at = 0;
    for (ssize_t got; n > 0 && at < (size_t)n; at += (size_t)got)
        if ((got = read(tee->scratch[0], data + at, (size_t)n - at)) <= 0)
            return -EIO;
    if (n < 0)
        return errno == EAGAIN ? 0 : -errno;
    if (at <= tee->ahead)
        return 0;
    memmove(data, data + tee->ahead, at - tee->ahead);
    return (ssize_t)(at - tee->ahead);
}

/* The program gets a copy of what has come. Return: bytes, or a negative errno. */
static ssize_t offer(struct tee *tee) {
    static uint8_t data[BYTES];
    ssize_t n = tee->ahead < BYTES ? look(tee, data, BYTES - tee->ahead) : 0;
    if (n <= 0)
        return n;
    ssize_t put = write(tee->to, data, (size_t)n);
    if (put < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    keep(tee, data, (size_t)put);
    tee->ahead += (size_t)put;
    return put;
}

/* Nobody can write any more, and the program has a copy of all that there is. */
static bool is_all(const struct tee *tee) {
    struct pollfd end = {.fd = STDIN_FILENO, .events = POLLIN};
    int held = 0;
    return poll(&end, 1, 0) >= 0 && end.revents & POLLHUP &&
           ioctl(STDIN_FILENO, FIONREAD, &held) == 0 && (size_t)held <= tee->ahead;
}

/* End of input. What was read of it is counted at the end; where that cannot be, all of it was. */
static void pass_end(struct tee *tee) {
    AUTO_FREE char *path = text_format("/proc/self/fd/%d", tee->to);
    tee->unread = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    close(tee->to);
    tee->to = -1;
    if (tee->unread < 0)
        settle(tee);
}

enum change {
    CHANGE_OVER, /* nobody reads any more, or we are told to stop */
    CHANGE_READ, /* the program has read something */
    CHANGE_DUE,  /* something has come, or it is time to look */
};

/* @ms: to wait at most while the program leaves something unread; -1 = for ever */
static enum change wait_change(const struct tee *tee, int ms) {
    struct pollfd fds[4] = {{.fd = tee->ahead ? -1 : STDIN_FILENO, .events = POLLIN},
                            {.fd = tee->to, .events = 0}, /* POLLERR: no reader is left */
                            {.fd = tee->wake[0], .events = POLLIN},
                            {.fd = tee->ahead ? tee->reads : -1, .events = POLLIN}};
    char events[1024];
    int n;
    while ((n = poll(fds, 4, tee->ahead ? ms : -1)) < 0)
        if (errno != EINTR)
            return CHANGE_OVER;
    if (fds[1].revents || fds[2].revents)
        return CHANGE_OVER;
    return n && fds[3].revents && read(tee->reads, events, sizeof events) > 0
               ? CHANGE_READ
               : CHANGE_DUE;
}

/* Half of it read is reason to go on: a writer and the program work at the same time.
 * Return: 0 or a negative errno when descriptor 0 cannot be copied. */
static int pass_copies(struct tee *tee) {
    int ms = SOONEST_MS;
    enum change change;
    while ((change = wait_change(tee, ms)) != CHANGE_OVER) {
        if (change == CHANGE_READ && 2 * count_unread(tee) > tee->ahead)
            continue;
        bool some = settle(tee) > 0;
        ssize_t n = offer(tee);
        if (n < 0 && n != -EPIPE)
            return (int)n;
        if (n < 0 || is_all(tee)) /* nobody reads: it is seen at the next wait */
            break;
        ms = some || n > 0 ? SOONEST_MS : ms < LATEST_MS ? 2 * ms : ms;
    }
    return 0;
}

/* The pipe does not block, so that a stop is noticed. Return: false when it is over. */
static bool write_all(const struct tee *tee, const uint8_t *data, size_t n) {
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

/* Where a sandbox forbids tee(2): what comes is taken, read or not. */
static void pass_on(struct tee *tee) {
    static uint8_t buffer[BYTES];
    discard(tee, tee->ahead);
    tee->ahead = 0;
    while (wait_change(tee, -1) != CHANGE_OVER) {
        ssize_t n = read(STDIN_FILENO, buffer, sizeof buffer);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            break;
        keep(tee, buffer, (size_t)n);
        if (!write_all(tee, buffer, (size_t)n))
            break;
    }
}

static bool has_reader(const struct tee *tee) {
    struct pollfd end = {.fd = tee->to, .events = 0};
    return poll(&end, 1, 0) >= 0 && !(end.revents & POLLERR);
}

static void *run(void *context) {
    struct tee *tee = context;
    if (pass_copies(tee) < 0)
        pass_on(tee);
    bool reads_on = has_reader(tee);
    if (reads_on && is_all(tee)) {
        pass_end(tee);
        return NULL;
    }
    if (reads_on) { /* it has its copy, and we look no more */
        discard(tee, tee->ahead);
        tee->ahead = 0;
    }
    settle(tee);
    close(tee->to);
    tee->to = -1;
    close_input();
    return NULL;
}

/* A pipe has events as any file, of reads by whatever process. Source: inotify(7), fs/pipe.c. Return: -1 = none. */
static int watch_reads(int read_end) {
    AUTO_FREE char *path = text_format("/proc/self/fd/%d", read_end);
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd >= 0 && inotify_add_watch(fd, path, IN_ACCESS) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int tee_new(uint64_t cap, struct tee **out, int *read_end) {
    struct tee *tee = text_alloc(sizeof *tee);
    int ends[2];
    tee->cap = cap;
    pthread_mutex_init(&tee->lock, NULL);
    tee->to = tee->unread = tee->reads = tee->wake[0] = tee->wake[1] = -1;
    tee->scratch[0] = tee->scratch[1] = -1;
    if (pipe2(ends, O_CLOEXEC) < 0 || pipe2(tee->wake, O_CLOEXEC) < 0 ||
        pipe2(tee->scratch, O_CLOEXEC | O_NONBLOCK) < 0) {
        int r = -errno;
        tee_free(tee);
        return error_print_errno(r, "cannot make a pipe for standard input");
    }
    tee->to = ends[1];
    *read_end = ends[0];
    tee->reads = watch_reads(ends[0]);
    /* Each end has flags of its own: the program's stays blocking. */
    fcntl(tee->to, F_SETFL, O_NONBLOCK);
    offer(tee); /* whatever is there now is kept, also for a program that ends at once */
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
        settle(tee);
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
    const int all[] = {tee->to,      tee->unread,     tee->reads,     tee->wake[0],
                       tee->wake[1], tee->scratch[0], tee->scratch[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] >= 0)
            close(all[i]);
    free(tee->data);
    free(tee);
    return NULL;
}
