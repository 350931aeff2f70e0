/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals while a program is recorded: see signals.h.
 *
 *   to dearth alone    dearth ───────────────────────► pass on
 *   to the group       dearth, witness, program        the witness has it too: drop
 *
 * The witness is a process of ours that does nothing. It is in our process group, session and control
 * group, so that whoever reaches the program by one of these reaches it as well; what it was sent
 * stays pending there until we ask. We ask a moment after something has arrived here, as those who
 * send to one process after another need that moment. Other ways do not do: siginfo is the same for
 * kill(pid) and kill(-group); a group of our own for us or for the program takes the terminal, or
 * Ctrl-Z and fg, from one of us.
 *
 * The witness has exit signal 0, so that waiting for the program's orphans (waitpid(-1)) does not
 * meet it. It goes when our end of its socket is closed, however we go.
 *
 * Invariant: all signals of forwarded[] are blocked between signals_begin() and signals_end(), in
 * every thread; they are read from a descriptor, so that none can end us or interrupt a write.
 */
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_NS     50000000u /* between the first and the last of several kill() calls */
#define ANSWER_MS    1000 /* the witness only sleeps; this is for a machine that swaps */
#define FORGET_NS    1000000000u
#define WITNESS_NAME "signal-witness" /* 15 bytes at most: prctl(2), PR_SET_NAME */
enum { MOST = 128, MOST_DESCRIPTORS = 65536 };

/* Not here: what a fault of our own raises, what a resource limit or a timer of ours raises, and job
 * control, which stops and continues us as it does the program. Real-time signals are added. */
static const int forwarded[] = {SIGHUP,  SIGINT,  SIGQUIT,  SIGABRT, SIGUSR1,
                                SIGUSR2, SIGALRM, SIGTERM,  SIGURG,  SIGWINCH,
                                SIGIO,   SIGPWR,  SIGSTKFLT};
static const int asking_for_end[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
#define N_OF(array) (sizeof(array) / sizeof *(array))

/* One that arrived, here or at the witness. */
struct arrival {
    int signal, code;
    pid_t sender;
    uint64_t value; /* of sigqueue(3) */
    uint64_t at_ns; /* at the witness: when it was asked */
};

struct arrivals {
    struct arrival list[MOST];
    size_t n;
};

static struct {
    bool on;
    int fd;      /* signalfd */
    pid_t pid;   /* of the witness, 0 = none */
    int witness; /* our end of its socket, -1 = none */
    sigset_t taken, mask_before;
    struct sigaction child_before, pipe_before;
    bool ignored_before[NSIG];
    struct arrivals waiting; /* until it is known who else got them */
    struct arrivals seen;    /* by the witness */
    int end_wanted;
} state = {.fd = -1, .witness = -1};

/* --- the witness --- */

/* It is none of the processes that one finds by dearth's name or command line. */
static void change_name(void) {
    char buffer[4096];
    size_t n = 0;
    ssize_t more = 0;
    prctl(PR_SET_NAME, WITNESS_NAME);
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (more = read(fd, buffer, sizeof buffer)) > 0)
        n += (size_t)more;
    close(fd);
    if (n < sizeof WITNESS_NAME)
        return;
    memset(program_invocation_name, 0, n); /* the kernel reads it from there: proc(5) */
    memcpy(program_invocation_name, WITNESS_NAME, sizeof WITNESS_NAME);
}

/* Nothing may stay open on its account: a pipe's other end would not see that it was closed. */
static void keep_one_descriptor(int socket) {
    dup2(socket, 0);
    if (syscall(SYS_close_range, 1u, ~0u, 0u) == 0)
        return;
    for (int fd = 1; fd < MOST_DESCRIPTORS; fd++)
        close(fd);
}

/* A copy of us made without the C library's knowledge: plain system calls only. */
static _Noreturn void be_witness(int socket, pid_t parent) {
    const struct timespec none = {0};
    struct arrival list[MOST];
    char question;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    change_name();
    keep_one_descriptor(socket);
    while (read(0, &question, 1) == 1) {
        siginfo_t info;
        size_t n = 0;
        while (n < MOST && sigtimedwait(&state.taken, &info, &none) > 0)
            list[n++] = (struct arrival){
                .signal = info.si_signo, .code = info.si_code, .sender = info.si_pid};
        if (send(0, list, n * sizeof *list, MSG_NOSIGNAL) < 0)
            break;
    }
    _exit(0);
}

void signals_watch(void) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return;
    pid_t parent = getpid();
    pid_t pid = (pid_t)syscall(SYS_clone, 0ul, NULL, NULL, NULL, 0ul);
    if (pid == 0)
        be_witness(ends[1], parent);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return;
    }
    state.pid = pid;
    state.witness = ends[0];
}

static void end_witness(void) {
    if (state.witness >= 0)
        close(state.witness);
    state.witness = -1;
    if (state.pid > 0) {
        kill(state.pid, SIGKILL);
        while (waitpid(state.pid, NULL, __WALL) < 0 && errno == EINTR)
            ;
    }
    state.pid = 0;
}

/* Return: false when it does not answer. */
static bool ask_witness(uint64_t now_ns) {
    struct arrivals *seen = &state.seen;
    struct arrival list[MOST];
    struct pollfd fd = {.fd = state.witness, .events = POLLIN};
    if (state.witness < 0 || send(state.witness, "?", 1, MSG_NOSIGNAL) != 1)
        return false;
    if (poll(&fd, 1, ANSWER_MS) != 1)
        return false;
    ssize_t n = recv(state.witness, list, sizeof list, 0);
    size_t kept = 0;
    for (size_t i = 0; i < seen->n; i++)
        if (now_ns - seen->list[i].at_ns < FORGET_NS)
            seen->list[kept++] = seen->list[i];
    seen->n = kept;
    for (size_t i = 0; n > 0 && i < (size_t)n / sizeof *list && seen->n < MOST; i++) {
        list[i].at_ns = now_ns;
        seen->list[seen->n++] = list[i];
    }
    return n >= 0;
}

/* --- from beginning to end --- */

static void fill_set(sigset_t *set) {
    sigemptyset(set);
    for (size_t i = 0; i < N_OF(forwarded); i++)
        sigaddset(set, forwarded[i]);
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++)
        sigaddset(set, signal);
}

void signals_begin(void) {
    struct sigaction fallback = {.sa_handler = SIG_DFL}, ignore = {.sa_handler = SIG_IGN};
    sigset_t with_children;
    fill_set(&state.taken);
    for (int signal = 1; signal < NSIG; signal++) {
        struct sigaction action;
        state.ignored_before[signal] =
            sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
    }
    with_children = state.taken;
    sigaddset(&with_children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &with_children, &state.mask_before);
    /* ignored, children would be gone before we could ask how they ended */
    sigaction(SIGCHLD, &fallback, &state.child_before);
    sigaction(SIGPIPE, &ignore, &state.pipe_before);
    state.fd = signalfd(-1, &with_children, SFD_NONBLOCK | SFD_CLOEXEC);
    state.waiting.n = state.seen.n = 0;
    state.end_wanted = 0;
    state.on = true;
}

void signals_for_child(void) {
    sigaction(SIGCHLD, &state.child_before, NULL);
    sigaction(SIGPIPE, &state.pipe_before, NULL);
    sigprocmask(SIG_SETMASK, &state.mask_before, NULL);
}

int signals_fd(void) {
    return state.fd;
}

/* --- taking --- */

static bool asks_for_end(int signal) {
    for (size_t i = 0; i < N_OF(asking_for_end); i++)
        if (asking_for_end[i] == signal)
            return !state.ignored_before[signal];
    return false;
}

/* Read all that has arrived; what finds no room to wait was sent to us alone, as far as we know. */
static int read_arrivals(pid_t program, uint64_t now_ns) {
    struct signalfd_siginfo info;
    int end = 0;
    while (read(state.fd, &info, sizeof info) == (ssize_t)sizeof info) {
        int signal = (int)info.ssi_signo;
        if (signal == SIGCHLD)
            continue;
        if (asks_for_end(signal))
            end = signal;
        if (program > 0 && state.waiting.n < MOST)
            state.waiting.list[state.waiting.n++] =
                (struct arrival){.signal = signal,
                                 .code = info.ssi_code,
                                 .sender = (pid_t)info.ssi_pid,
                                 .value = info.ssi_ptr,
                                 .at_ns = now_ns};
    }
    if (end && !state.end_wanted)
        state.end_wanted = end;
    return end;
}

static bool reached_others(const struct arrival *a) {
    for (size_t i = 0; i < state.seen.n; i++) {
        const struct arrival *s = &state.seen.list[i];
        if (s->signal == a->signal && s->code == a->code && s->sender == a->sender &&
            a->at_ns <= s->at_ns + GRACE_NS)
            return true;
    }
    return false;
}

static void pass_on(pid_t program, const struct arrival *a) {
    if (a->code == SI_QUEUE)
        sigqueue(program, a->signal,
                 (union sigval){.sival_ptr = (void *)(uintptr_t)a->value});
    else
        kill(program, a->signal);
}

static bool is_due(const struct arrival *a, uint64_t now_ns) {
    return now_ns - a->at_ns >= GRACE_NS;
}

struct signals_taken signals_take(pid_t program, uint64_t now_ns) {
    struct signals_taken taken = {.end = read_arrivals(program, now_ns)};
    struct arrivals *w = &state.waiting;
    if (program <= 0)
        w->n = 0;
    if (w->n == 0 || !is_due(&w->list[0], now_ns)) /* the first has waited longest */
        return taken;
    bool known = ask_witness(now_ns);
    size_t kept = 0;
    for (size_t i = 0; i < w->n; i++) {
        const struct arrival *a = &w->list[i];
        if (!is_due(a, now_ns))
            w->list[kept++] = *a;
        else if (known ? !reached_others(a) : a->code != SI_KERNEL)
            pass_on(program, a);
    }
    w->n = kept;
    return taken;
}

uint64_t signals_due_ns(uint64_t now_ns) {
    if (state.waiting.n == 0)
        return UINT64_MAX;
    uint64_t due = state.waiting.list[0].at_ns + GRACE_NS;
    return due > now_ns ? due - now_ns : 0;
}

int signals_end_wanted(void) {
    return state.end_wanted;
}

void signals_end(void) {
    if (!state.on)
        return;
    end_witness();
    read_arrivals(0, 0);
    close(state.fd);
    state.fd = -1;
    sigaction(SIGCHLD, &state.child_before, NULL);
    sigaction(SIGPIPE, &state.pipe_before, NULL);
    sigprocmask(SIG_SETMASK, &state.mask_before, NULL);
    state.on = false;
}
