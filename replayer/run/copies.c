/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's half of a snapshot run: see copies.h.
 *
 *   original ── PTRACE_EVENT_CLONE ──► cloned(): hold it, note the copy
 *      │ stopped                          │
 *      │                       copies_serve():  may it be?  no ─► kill the copy, say why
 *      │                                  │ yes
 *      │                       pipes and descriptors of its own, sent over the socket
 *      │                       a run of its own, with limits, to its last process
 *      │                       result to the parent, at once
 *      ▼ continued ◄──────────────────────┘
 *
 * One copy at a time for each original: `--jobs` originals keep the processors busy, proof and
 * tree are never in doubt, and nothing but the copy can have written a file meanwhile.
 *
 * A copy that writes files does so in the original's private tree, whose state is noted before. What the
 * copy left there is read, as after a whole run, and then put back (frozen.h). Where that is not possible
 * (a file is gone that the original has open), the original is ended, the tree renewed, and what is left of
 * the orders asked for again. So it is when a copy sent signals to it, to its parent or to everybody, or
 * made IPC objects.
 */
#include "copies.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arm.h"
#include "clock.h"
#include "crash.h"
#include "descriptors.h"
#include "evidence.h"
#include "frozen.h"
#include "mappings.h"
#include "namespace.h"
#include "output_check.h"
#include "process_status.h"
#include "run.h"
#include "scratch.h"
#include "session.h"
#include "text.h"
#include "waiting.h"
#include "wire.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434 /* every architecture; Linux 5.3 */
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438 /* Linux 5.6 */
#endif

#define MOST_QUIET 64 /* threads of a tree that are looked at */
#define MOST_WAITED_NS                                                                   \
    300000000u /* for the others of a tree, by all orders of an original */
#define LOOK_AGAIN_NS 1000000u

/* --- orders --- */

/* A program that is being copied must see what its stops mean: from the tracer. The stop of an
 * intermediate process may be seen before that of the one which made it. */
static bool cloned(void *context, pid_t tid, pid_t child) {
    struct copies *s = context;
    const struct shm_orders *orders = s->orders;
    uint32_t asked = __atomic_load_n(&orders->asked, __ATOMIC_ACQUIRE);
    if (!asked || asked == SHM_ASKING || s->copy)
        return false;
    pid_t who = orders->nested ? tracer_parent(tid) : tid;
    if (who != orders->pid)
        return false;
    s->held = tid;
    s->copy = child;
    return true;
}

int copies_begin(struct copies *s, struct run *original) {
    struct execution *x = original->x;
    s->original = original;
    s->sent = text_alloc((s->n + 1) * sizeof *s->sent);
    if (!x->traced || !scratch_can_tell(x->scratch))
        return 0;
    AUTO_FREE struct shm_order *orders = text_alloc((s->n + 1) * sizeof *orders);
    for (uint32_t i = 0; i < s->n; i++) {
        const struct order *order = &s->items[i].order;
        orders[i] = (struct shm_order){.site = order->site,
                                       .occurrence = order->occurrence,
                                       .mode = (uint32_t)order->mode,
                                       .burst = order->burst,
                                       .most = order->most,
                                       .leaks = order->leaks};
    }
    s->orders = session_set_orders(x->session, orders, s->n);
    if (!s->orders)
        return 0;
    int err = arm_scope(x);
    if (err)
        return err;
    crash_files_written();
    original->tracer.cloned = cloned;
    original->tracer.context = s;
    return 0;
}

static int send_result(struct copies *s, uint32_t item, struct observation *seen) {
    s->sent[item] = true;
    int err = wire_send_result(s->channel, s->items[item].tag, seen);
    observation_deinit(seen);
    return err;
}

static int send_refusal(struct copies *s, uint32_t item, enum shm_refusal refusal) {
    struct observation seen = {
        .how = HOW_SNAPSHOT, .proof.refusal = refusal, .end.exit_code = -1};
    return send_result(s, item, &seen);
}

/* What the orders say that no copy was made for. */
static enum shm_refusal reason_of(const struct copies *s, uint32_t item) {
    if (!s->orders)
        return SHM_REFUSED_UNAVAILABLE;
    const struct shm_order *order = &s->orders->orders[item];
    if (order->refusal)
        return (enum shm_refusal)order->refusal;
    return s->spoiled ? SHM_REFUSED_NOT : SHM_REFUSED_NEVER_DUE;
}

int copies_end(struct copies *s) {
    int err = 0;
    for (uint32_t i = 0; i < s->n && !err; i++)
        if (!s->sent[i])
            err = send_refusal(s, i, reason_of(s, i));
    free(s->sent);
    s->sent = NULL;
    if (s->knows_parent && s->parent_status >= 0)
        close(s->parent_status);
    s->knows_parent = false;
    return err;
}

/* --- a copy --- */

struct readers {
    struct descriptors_reader list[DESCRIPTORS_READERS];
    uint32_t n;
};

struct copy {
    struct copies *copies;
    uint32_t item;
    struct run run;
    struct descriptors descriptors;
    struct frozen *frozen; /* what the tree held before it ran */
    int stdio[3];          /* its ends of our pipes, -1 = none */
    int relay;             /* likewise, instead of one to another process */
    struct readers readers;
    int socket;    /* out of the original: its other end is the copy's */
    bool branched; /* it has made a process or thread, or become another program */
    bool quiet;    /* before it ran, all others of the tree only waited: OTHERS_QUIET */
    uint64_t printed; /* by the tree before */
    int offsets
        [SHM_COPY_DESCRIPTORS]; /* what it may share with others of the tree: held to its end */
    uint32_t n_offsets;
};

static uint64_t pipe_inode(int fd) {
    struct stat status;
    return fd >= 0 && fstat(fd, &status) == 0 ? status.st_ino : 0;
}

/* How much of the original's standard input it has not read yet. */
static bool unread_input(const struct run *original, pid_t pid, uint64_t *out) {
    char path[64];
    struct stat status;
    *out = 0;
    if (!original->feed.pipe_ino)
        return true;
    snprintf(path, sizeof path, "/proc/%d/fd/0", pid);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), unread = 0;
    bool known = fd < 0 || fstat(fd, &status) < 0 ||
                 status.st_ino != original->feed.pipe_ino || /* closed, or another now */
                 ioctl(fd, FIONREAD, &unread) == 0;
    if (fd >= 0)
        close(fd);
    *out = (uint64_t)unread;
    return known;
}

/* Its own pipes, with what the original printed and left unread before. */
static enum shm_refusal make_stdio(struct copy *c, struct descriptors_request *request) {
    struct run *original = c->copies->original;
    struct execution *x = original->x;
    uint64_t unread;
    if (!unread_input(original, request->pid, &unread))
        return SHM_REFUSED_PIPE;
    if (original->feed.pipe_ino &&
        feed_fork(&c->run.feed, &original->feed, x->options, unread, &c->stdio[0]) < 0)
        return SHM_REFUSED_LIMIT;
    uint64_t inodes[3] = {original->feed.pipe_ino, pipe_inode(original->output->fd),
                          pipe_inode(original->errors->fd)};
    if (capture_fork(c->run.output, original->output, &c->stdio[1]) < 0 ||
        capture_fork(c->run.errors, original->errors, &c->stdio[2]) < 0)
        return SHM_REFUSED_LIMIT;
    if (request->n_readers && capture_begin(c->run.command_output, 0, 0, &c->relay) < 0)
        return SHM_REFUSED_LIMIT;
    request->relay = c->relay;
    for (int i = 0; i < 3; i++)
        request->own[i] = (struct descriptors_own){inodes[i], c->stdio[i]};
    return SHM_REFUSED_NOT;
}

/* Are there more processes in the tree than the one that asks, and what it made for that? */
static bool is_alone(const struct copies *s) {
    return s->original->tracer.n == 2u;
}

enum others {
    OTHERS_QUIET, /* each does nothing but wait, for its children or at the end of an empty pipe: until the one that
                     asks goes on, nothing changes */
    OTHERS_BUSY,  /* some run, and none waits for something else */
    OTHERS_WAIT
};

/* Does it go on by itself: on a processor, on its way there, or stopped for a moment by its tracer? */
static bool is_going_on(pid_t tid) {
    struct process_status status;
    return process_status_read(tid, &status) < 0 ||
           process_status_letter(&status, "State") != 'S';
}

/* Bytes that a process has read. Source: proc(5), /proc/PID/io; not every kernel counts them. */
static bool read_count(pid_t pid, uint64_t *out) {
    char path[64];
    unsigned long long n = 0;
    snprintf(path, sizeof path, "/proc/%d/io", pid);
    FILE *f = fopen(path, "re");
    bool known = f && fscanf(f, "rchar: %llu", &n) == 1;
    if (f)
        fclose(f);
    *out = n;
    return known;
}

static bool waits_to_read(pid_t tid, struct readers *readers) {
    char path[64];
    struct stat status;
    int fd = readers->n < DESCRIPTORS_READERS ? waiting_reads(tid) : -1;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", tid, fd);
    if (fd < 0 || stat(path, &status) < 0 || !S_ISFIFO(status.st_mode))
        return false;
    struct descriptors_reader *r = &readers->list[readers->n++];
    *r = (struct descriptors_reader){.tid = tid, .ino = status.st_ino};
    return read_count(tid, &r->read);
}

/* @readers: those that wait for data in a pipe; out */
static enum others look_at_others(const struct copies *s, struct readers *readers) {
    pid_t tids[MOST_QUIET];
    int n = tracer_threads(&s->original->tracer, tids, MOST_QUIET);
    enum others are = n < MOST_QUIET ? OTHERS_QUIET : OTHERS_WAIT;
    *readers = (struct readers){0};
    for (int i = 0; i < n && are != OTHERS_WAIT; i++) {
        if (tids[i] == s->held || tids[i] == s->copy)
            continue;
        if (waiting_of(tids[i], NULL) != WAITING_CHILDREN)
            are = is_going_on(tids[i])              ? OTHERS_BUSY
                  : waits_to_read(tids[i], readers) ? are
                                                    : OTHERS_WAIT;
    }
    return are;
}

static bool is_quiet(const struct copies *s) {
    struct readers readers = {0};
    return look_at_others(s, &readers) == OTHERS_QUIET;
}

/* Threads of the tree that go on afterwards; the copy does not, nor what was made for its sake. Return: how many, at
 * most MOST_QUIET: then there may be more. */
static int list_lasting(const struct copies *s, pid_t tids[MOST_QUIET]) {
    int n = tracer_threads(&s->original->tracer, tids, MOST_QUIET), kept = 0;
    if (n == MOST_QUIET)
        return n;
    for (int i = 0; i < n; i++)
        if ((tids[i] != s->held && tids[i] != s->copy) || tids[i] == s->orders->pid)
            tids[kept++] = tids[i];
    return kept;
}

static enum frozen_hold hold(void *context, const struct stat *file) {
    const struct copies *s = context;
    pid_t tids[MOST_QUIET];
    int n = list_lasting(s, tids);
    enum frozen_hold held = n == MOST_QUIET ? FROZEN_HELD : FROZEN_FREE;
    for (int i = 0; i < n && held != FROZEN_HELD; i++) {
        enum frozen_hold here = descriptors_hold(tids[i], file);
        if (here == FROZEN_OPEN && tids[i] != s->orders->pid)
            here = FROZEN_HELD;
        held = here > held ? here : held;
    }
    return held;
}

static bool reads(void *context, const struct frozen_file *file) {
    const struct copies *s = context;
    pid_t tids[MOST_QUIET];
    int n = list_lasting(s, tids);
    bool same = n < MOST_QUIET;
    for (int i = 0; i < n && same; i++)
        same = descriptors_read(tids[i], file);
    return same;
}

static enum shm_refusal prepare(struct copy *c) {
    struct copies *s = c->copies;
    struct execution *x = s->original->x;
    const struct shm_orders *orders = s->orders;
    bool quiet = c->quiet = look_at_others(s, &c->readers) == OTHERS_QUIET;
    if (!quiet && scratch_used(x->scratch))
        return SHM_REFUSED_FILES;
    c->frozen = scratch_freeze(x->scratch);
    if (!c->frozen)
        return SHM_REFUSED_FILES;
    if (namespace_has_ipc())
        return SHM_REFUSED_IPC;
    int shares =
        mappings_share(orders->pid, x->session->arena_path, x->session->arena_fd);
    if (shares)
        return shares < 0 ? SHM_REFUSED_UNAVAILABLE : SHM_REFUSED_MAPPING;
    int pidfd = (int)syscall(SYS_pidfd_open, orders->pid, 0);
    if (pidfd < 0)
        return SHM_REFUSED_UNAVAILABLE;
    struct descriptors_request request = {.pid = orders->pid,
                                          .pidfd = pidfd,
                                          .skip = {orders->channel, orders->own},
                                          .alone = is_alone(s),
                                          .quiet = quiet,
                                          .holders = {s, hold, reads},
                                          .readers = c->readers.list,
                                          .n_readers = quiet ? c->readers.n : 0,
                                          .scratch = x->scratch,
                                          .frozen = c->frozen};
    c->socket = (int)syscall(SYS_pidfd_getfd, pidfd, orders->channel, 0);
    enum shm_refusal refusal =
        c->socket < 0 ? SHM_REFUSED_UNAVAILABLE : make_stdio(c, &request);
    if (refusal == SHM_REFUSED_NOT)
        refusal = descriptors_make(&request, &c->descriptors);
    close(pidfd);
    return refusal;
}

static bool send_descriptors(const struct copy *c, struct descriptors *descriptors) {
    struct shm_copy_message *body = &descriptors->message;
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(SHM_COPY_DESCRIPTORS * sizeof(int))];
    } control = {0};
    struct iovec part = {body, sizeof *body};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    if (body->n) {
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(body->n * sizeof(int));
        struct cmsghdr *head = CMSG_FIRSTHDR(&m);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(body->n * sizeof(int));
        memcpy(CMSG_DATA(head), descriptors->fd, body->n * sizeof(int));
    }
    return sendmsg(c->socket, &m, MSG_NOSIGNAL) == (ssize_t)sizeof *body;
}

/* Open files whose offsets the parent of the original may share with it. Return: whether all are kept. */
static bool keep_offsets(struct copy *c) {
    struct stat status;
    for (uint32_t i = 0; i < c->descriptors.message.n; i++) {
        if (!c->descriptors.owned[i])
            continue;
        if (fstat(c->descriptors.fd[i], &status) < 0)
            return false;
        if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
            continue;
        int fd = fcntl(c->descriptors.fd[i], F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
            return false;
        c->offsets[c->n_offsets++] = fd;
    }
    return true;
}

static void drop_offsets(struct copy *c) {
    while (c->n_offsets)
        close(c->offsets[--c->n_offsets]);
}

/* What has been sent, or will not be. */
static void close_sent(struct copy *c) {
    descriptors_deinit(&c->descriptors);
    for (int i = 0; i < 3; i++)
        if (c->stdio[i] >= 0)
            close(c->stdio[i]);
    if (c->relay >= 0)
        close(c->relay);
    c->stdio[0] = c->stdio[1] = c->stdio[2] = c->relay = -1;
}

/* What only a rerun can say. A process of a tree whose first one is another: the others decide how
 * the tree ends, unless it dies in a way that is a verdict by itself. */
static enum shm_refusal leaves_open(const struct copy *c) {
    const struct copies *s = c->copies;
    const struct observation *seen = c->run.seen;
    int sig = seen->end.exit_signal;
    if (seen->end.survived)
        return SHM_REFUSED_NOT;
    bool fatal = sig == SIGABRT || sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE ||
                 sig == SIGILL || sig == SIGTRAP || sig == SIGSYS;
    if (c->run.command_output->total > COPIES_MOST_RELAYED)
        return SHM_REFUSED_PIPE;
    if (s->original->x->session->arena->faults[0].unseen)
        return SHM_REFUSED_SCOPE;
    if (s->orders->nested && !fatal)
        return SHM_REFUSED_PARENT;
    return output_check_wants(s->original->x->options, seen) ? SHM_REFUSED_CHECK
                                                             : SHM_REFUSED_NOT;
}

static bool is_same(const struct readers *a, const struct readers *b) {
    bool same = a->n == b->n;
    for (uint32_t i = 0; i < a->n && same; i++)
        same = a->list[i].tid == b->list[i].tid && a->list[i].ino == b->list[i].ino &&
               a->list[i].read == b->list[i].read;
    return same;
}

/*
 * All that the other processes of the tree can know of a copy that has ended: its status, what it printed
 * where they print or wrote to who waits for it, the files that are there now, how far it has read what they may read, too. What it
 * said on standard error goes to us alone. Its process is the same for all copies of a class, and what was
 * printed before, so that the parts of the others in it are.
 * Return: all zero = there may be more, or it has met a fatal signal and ended by itself, as who did not might.
 */
static struct dearth_key outcome_of(const struct copy *c) {
    const struct copies *s = c->copies;
    const struct observation *seen = c->run.seen;
    const struct order *order = &s->items[c->item].order;
    struct {
        int64_t pid, status, mode, burst;
        uint64_t printed_before, printed;
        uint8_t output[16], files[16];
        int64_t offsets[SHM_COPY_DESCRIPTORS];
        struct descriptors_reader readers[DESCRIPTORS_READERS];
        uint64_t relayed;
        uint8_t relay[16];
    } known = {0};
    struct readers readers;
    if (!c->quiet || look_at_others(s, &readers) != OTHERS_QUIET ||
        !is_same(&readers, &c->readers) || seen->end.timed_out ||
        seen->end.left_processes || !seen->proof.fired || seen->proof.overwritten ||
        seen->crash.signal || !seen->proof.end_known || s->original->feed.pipe_ino ||
        s->only_leaks || output_check_wants(s->original->x->options, seen))
        return (struct dearth_key){0};
    known.pid = s->orders->pid;
    known.status = c->run.status;
    known.mode = order->mode;
    known.burst = order->burst;
    known.printed_before = c->printed;
    known.printed = seen->output.stdout_bytes;
    memcpy(known.output, seen->output.stdout_digest, sizeof known.output);
    memcpy(known.files, seen->output.files_digest, sizeof known.files);
    for (uint32_t i = 0; i < c->n_offsets; i++)
        known.offsets[i] = lseek(c->offsets[i], 0, SEEK_CUR) + 1;
    for (uint32_t i = 0; i < readers.n; i++) {
        known.readers[i].tid = readers.list[i].tid;
        known.readers[i].ino = readers.list[i].ino;
        known.readers[i].read = readers.list[i].read;
    }
    known.relayed = c->run.command_output->total;
    if (known.relayed)
        digest_end(&c->run.command_output->digest, known.relay);
    return key_hash(&known, sizeof known);
}

/* Does the stopped thread @tid have something to deliver, or is it gone? */
static bool has_signals(pid_t tid) {
    siginfo_t info;
    for (uint32_t flags = 0; flags <= PTRACE_PEEKSIGINFO_SHARED; flags++) {
        struct __ptrace_peeksiginfo_args first = {.flags = flags, .nr = 1};
        long n = ptrace(PTRACE_PEEKSIGINFO, tid, &first, &info);
        if (n > 0 || (n < 0 && errno == ESRCH))
            return true;
    }
    return false;
}

/* Has the stand-in parent been sent something? It blocks what can be blocked; a stop shows before it
 * has come to that. */
static bool was_signalled(struct copies *s) {
    const unsigned long long usual = 1ull << (SIGCHLD - 1) | 1ull << (SIGCONT - 1);
    struct process_status status;
    if (!s->knows_parent) { /* one for all copies */
        s->parent_status = process_status_open(s->original->parent);
        s->knows_parent = true;
    }
    if (s->parent_status < 0 || process_status_read_open(s->parent_status, &status) < 0)
        return true;
    uint64_t pending =
        process_status_mask(&status, "SigPnd") | process_status_mask(&status, "ShdPnd");
    char state = process_status_letter(&status, "State");
    return (pending & ~usual) || (state != 'S' && state != 'R' && state != 'D');
}

/* What the copy did to others: the original, or its parent, would not go on as if it had not been
 * copied. A rerun has them to itself. */
static enum shm_refusal reaches_out(struct copies *s) {
    const struct run *original = s->original;
    if (original->disturbed || original->first_ended || has_signals(s->held) ||
        (original->parent && was_signalled(s)))
        return SHM_REFUSED_SIGNALS;
    return namespace_has_ipc() ? SHM_REFUSED_IPC : SHM_REFUSED_NOT;
}

/* Is the next order the same call, failing with all that come after it, of which there were none?
 * A copy would be made at the same point of the same original, and do the same. */
static bool is_next_the_same(const struct copy *c) {
    const struct copies *s = c->copies;
    const struct observation *seen = c->run.seen;
    uint32_t next = c->item + 1;
    if (next >= s->n || s->sent[next] || !seen->proof.fired || seen->end.timed_out ||
        seen->proof.overwritten || c->branched || !c->run.x->traced)
        return false;
    const struct order *one = &s->items[c->item].order, *two = &s->items[next].order;
    return !two->leaks && one->mode == MODE_ONCE && two->mode == MODE_STICKY &&
           key_equal(one->site, two->site) && one->occurrence == two->occurrence &&
           c->run.x->session->arena->progress.calls == 0;
}

/* Of a copy, and of the one that would be the same and is not made. */
static int send_results(struct copy *c) {
    struct copies *s = c->copies;
    struct observation *seen = c->run.seen;
    uint32_t next = c->item + 1;
    bool same = is_next_the_same(c);
    int err = wire_send_result(s->channel, s->items[c->item].tag, seen);
    s->sent[c->item] = true;
    if (!err && same) {
        __atomic_store_n(&s->orders->orders[next].occurrence, 0, __ATOMIC_RELEASE);
        seen->inferred = true;
        seen->leaks.known = false;
        seen->leaks.n = 0;
        err = wire_send_result(s->channel, s->items[next].tag, seen);
        s->sent[next] = true;
    }
    observation_deinit(seen);
    return err;
}

static bool looks_for_leaks(const struct copy *c) {
    return c->copies->items[c->item].order.leaks;
}

/* What a copy has started is not watched, and a stack that is cut off names another site. */
static void doubt_leaks(const struct copy *c) {
    struct observation *seen = c->run.seen;
    if (looks_for_leaks(c) && !c->branched &&
        !evidence_missed_libunwind(c->run.x->session))
        return;
    seen->leaks.known = false;
    seen->leaks.n = 0;
}

/* A copy that came to nothing has left its message. */
static void drop_message(int pidfd, int number) {
    char byte;
    int own = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
    while (own >= 0 && recv(own, &byte, 1, MSG_DONTWAIT) > 0)
        ;
    if (own >= 0)
        close(own);
}

/* Files that were made anew: the original's descriptors are to lead to them. Return: whether they will. */
static bool renew_descriptors(struct copy *c) {
    struct shm_orders *orders = c->copies->orders;
    const struct frozen_made *made;
    if (frozen_made(c->frozen, &made) == 0)
        return true;
    int pidfd = (int)syscall(SYS_pidfd_open, orders->pid, 0);
    if (pidfd < 0)
        return false;
    const struct descriptors_request request = {.pid = orders->pid,
                                                .pidfd = pidfd,
                                                .skip = {orders->channel, orders->own},
                                                .frozen = c->frozen};
    bool done = descriptors_renew(&request, &c->descriptors) == SHM_REFUSED_NOT;
    drop_message(pidfd, orders->own);
    done = done && send_descriptors(c, &c->descriptors);
    descriptors_deinit(&c->descriptors);
    close(pidfd);
    if (done)
        __atomic_store_n(&orders->renewed, 1, __ATOMIC_RELEASE);
    return done;
}

/* Only of what nobody else can have written meanwhile. */
static bool put_back(struct copy *c) {
    struct copies *s = c->copies;
    struct scratch *scratch = s->original->x->scratch;
    const struct frozen_holders holders = {s, hold, reads};
    if (!is_quiet(s))
        return !scratch_used(scratch);
    return scratch_thaw(scratch, c->frozen, &holders) && renew_descriptors(c);
}

static int conclude(struct copy *c) {
    struct copies *s = c->copies;
    struct observation *seen = c->run.seen;
    if (s->leaks)
        doubt_leaks(c);
    seen->proof.attached = true;
    seen->how = HOW_SNAPSHOT;
    seen->output.files_known = true;
    bool used = scratch_used(s->original->x->scratch);
    bool writes = used || !frozen_is_empty(c->frozen);
    if (used)
        run_read_files(s->original->x, seen);
    if (writes)
        crash_files_written();
    enum shm_refusal open = reaches_out(s);
    /* the original goes on in the same memory and tree */
    s->spoiled |=
        open != SHM_REFUSED_NOT || (writes && !put_back(c)) || seen->proof.overwritten;
    if (open == SHM_REFUSED_NOT)
        open = writes && s->orders->asked_pid ? SHM_REFUSED_PROCESS_ID : leaves_open(c);
    if (open == SHM_REFUSED_NOT)
        return send_results(c);
    if (open == SHM_REFUSED_PARENT && !s->spoiled) {
        seen->proof.outcome = outcome_of(c);
        if (!key_equal(seen->proof.outcome, (struct dearth_key){0})) {
            seen->proof.refusal = open;
            seen->proof.fired = false; /* of the whole nothing is known yet */
            return send_result(s, c->item, seen);
        }
    }
    s->orders->orders[c->item].refusal = open;
    observation_deinit(seen);
    return 0;
}

static int run_copy(struct copy *c) {
    static const uint32_t always = 1;
    struct copies *s = c->copies;
    struct run *original = s->original, *run = &c->run;
    *run->seen = (struct observation){.end.started_unix_ns = clock_unix_ns()};
    run->started = run->watched = clock_mono_ns();
    run->limit_ns = s->copy_limit_ns;
    run->tracer =
        (struct tracer){.traced = true,
                        .armed = &always,
                        .seen = run->seen,
                        .exits = looks_for_leaks(c),
                        .most = looks_for_leaks(c) ? 0 : s->items[c->item].order.most,
                        .calls = &original->x->session->arena->progress.calls,
                        .exit_pid = run->first};
    c->printed = run->output->total;
    bool kept = !s->orders->nested || keep_offsets(c);
    c->quiet = c->quiet && kept;
    getrusage(RUSAGE_CHILDREN, &run->usage_before);
    tracer_forget(&original->tracer, run->first);
    tracer_add(&run->tracer, run->first);
    session_set_fault(original->x->session, NULL);
    s->orders->asked_pid = 0;
    execution_take_signals(run->x); /* those of the stops that brought us here */
    bool sent = send_descriptors(c, &c->descriptors);
    close_sent(c);
    if (!sent)
        kill(run->first, SIGKILL); /* then it has no proof: unreached, and is run again */
    crash_pin_files(true);
    int err = run_follow(run);
    crash_pin_files(false);
    feed_end(&run->feed);
    c->branched = run->tracer.branched;
    run->unbranched = !c->branched;
    tracer_deinit(&run->tracer);
    if (err)
        return err;
    capture_read(run->command_output, UINT64_MAX);
    run_finish(run);
    return conclude(c);
}

/* In a tree, what the others are at is over in a moment as often as not: who writes into a pipe that the one which
 * asks will read, and ends. Return: whether to let them go on for now. */
static bool lets_others_go_on(struct copies *s) {
    struct readers readers;
    uint64_t now = clock_mono_ns();
    if (!s->asked_ns)
        s->asked_ns = now;
    uint64_t waits_ns = now - s->asked_ns;
    if (s->orders->nested && s->waited_ns + waits_ns < MOST_WAITED_NS &&
        !s->original->kill_started && look_at_others(s, &readers) == OTHERS_BUSY)
        return true;
    s->waited_ns += waits_ns;
    return false;
}

uint64_t copies_look_ns(const struct run *original, uint64_t next) {
    uint64_t soon = clock_mono_ns() + LOOK_AGAIN_NS;
    bool waits = original->copies && original->copies->copy;
    return waits && soon < next ? soon : next;
}

int copies_serve(struct run *original) {
    struct copies *s = original->copies;
    if (!s->copy || lets_others_go_on(s))
        return 0;
    uint64_t begun = s->asked_ns;
    s->asked_ns = 0;
    original->x->copy_relay.total = 0;
    struct execution *x = original->x;
    struct observation seen = {0};
    struct copy c = {.copies = s,
                     .item = s->orders->asked - 1,
                     .stdio = {-1, -1, -1},
                     .relay = -1,
                     .socket = -1,
                     .run = {.x = x,
                             .seen = &seen,
                             .feed = {.fd = -1, .from = -1},
                             .output = &x->copy_output,
                             .errors = &x->copy_errors,
                             .command_output = &x->copy_relay,
                             .first = s->copy,
                             .original = original,
                             .adopted = s->orders->nested}};
    int err = 0;
    enum shm_refusal refusal = c.item < s->n ? prepare(&c) : SHM_REFUSED_UNAVAILABLE;
    if (refusal == SHM_REFUSED_NOT) {
        err = run_copy(&c);
    } else {
        if (c.item < s->n)
            s->orders->orders[c.item].refusal = refusal;
        kill(s->copy, SIGKILL); /* it waits for a message */
        close_sent(&c);
        feed_end(&c.run.feed);
        capture_close(&x->copy_output);
        capture_close(&x->copy_errors);
    }
    capture_close(&x->copy_relay);
    frozen_free(c.frozen);
    drop_offsets(&c);
    if (c.socket >= 0)
        close(c.socket);
    original->started += clock_mono_ns() - begun;
    pid_t held = s->held;
    s->copy = s->held = 0;
    if (s->spoiled)
        run_kill(original);
    else
        tracer_release(held);
    return err;
}
