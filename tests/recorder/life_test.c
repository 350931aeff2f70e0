/* SPDX-License-Identifier: Apache-2.0 */
/* When a process is over: a table of what was learnt and what that proves, then real processes. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "life.h"

#include "check.h"

#define RUNS(begun)                                                                      \
    { .state = 'S', .threads = 1, .start = (begun) }
#define ZOMBIE(n, begun)                                                                 \
    { .state = 'Z', .threads = (n), .start = (begun) }

static const struct {
    const char *name;
    struct life_signs signs;
    enum life wanted;
} cases[] = {
    {"pidfd readable", {.pidfd_ready = 1}, LIFE_OVER},
    {"pidfd not readable, no /proc",
     {.pidfd_ready = 0, .stat_errno = ENOENT, .start = 5},
     LIFE_GOES_ON},
    {"pidfd of another", {.pidfd_ready = 0, .stat = RUNS(6), .start = 5}, LIFE_OVER},
    {"first thread has ended",
     {.pidfd_ready = 0, .stat = ZOMBIE(3, 5), .start = 5},
     LIFE_GOES_ON},
    {"the same, no pidfd",
     {.pidfd_ready = -1, .stat = ZOMBIE(3, 5), .start = 5},
     LIFE_GOES_ON},
    {"zombie", {.pidfd_ready = -1, .stat = ZOMBIE(1, 5), .start = 5}, LIFE_OVER},
    {"zombie, being reaped",
     {.pidfd_ready = -1, .stat = ZOMBIE(0, 5), .start = 5},
     LIFE_OVER},
    {"runs", {.pidfd_ready = -1, .stat = RUNS(5), .start = 5}, LIFE_GOES_ON},
    {"runs, start unknown", {.pidfd_ready = -1, .stat = RUNS(5)}, LIFE_GOES_ON},
    {"pid of another", {.pidfd_ready = -1, .stat = RUNS(6), .start = 5}, LIFE_OVER},
    {"pid of another user",
     {.pidfd_ready = -1, .kill_errno = EPERM, .stat = RUNS(6), .start = 5},
     LIFE_OVER},
    {"another clock",
     {.pidfd_ready = -1, .stat = RUNS(6), .start = 5, .other_clock = true},
     LIFE_UNKNOWN},
    {"nobody, no /proc",
     {.pidfd_ready = -1, .kill_errno = ESRCH, .stat_errno = ENOENT, .start = 5},
     LIFE_OVER},
    {"nobody, no descriptor",
     {.pidfd_ready = -1, .kill_errno = ESRCH, .stat_errno = EMFILE},
     LIFE_OVER},
    {"elsewhere: nobody",
     {.foreign = true, .pidfd_ready = -1, .kill_errno = ESRCH, .stat_errno = ENOENT},
     LIFE_UNKNOWN},
    {"elsewhere: another",
     {.foreign = true, .pidfd_ready = -1, .stat = RUNS(6), .start = 5},
     LIFE_UNKNOWN},
};

static void test_judge(void) {
    /* However reading fails: somebody has the pid, so it may live. */
    static const int errors[] = {ENOENT, ESRCH, EMFILE, ENFILE,  ENOMEM,
                                 EACCES, EPERM, EIO,    ENODATA, EINTR};
    static const int kills[] = {0, EPERM, EINVAL, EACCES};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        MUST_CASE(cases[i].name, life_judge(&cases[i].signs) == cases[i].wanted);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        for (size_t k = 0; k < sizeof kills / sizeof *kills; k++)
            for (uint64_t start = 0; start < 2; start++) {
                struct life_signs s = {.pidfd_ready = -1,
                                       .kill_errno = kills[k],
                                       .stat_errno = errors[i],
                                       .start = start};
                MUST_CASE(strerror(errors[i]), life_judge(&s) == LIFE_UNKNOWN);
                s.pidfd_ready = 0;
                MUST_CASE(strerror(errors[i]), life_judge(&s) == LIFE_GOES_ON);
            }
}

static void *linger(void *unused) {
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

/* A child that sleeps; @leaderless: its first thread has ended. */
static pid_t start(bool leaderless) {
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t other;
        if (!leaderless)
            linger(NULL);
        if (pthread_create(&other, NULL, linger, NULL) != 0)
            _exit(1);
        pthread_exit(NULL);
    }
    MUST(pid > 0);
    return pid;
}

static void wait_for_state(pid_t pid, char state) {
    struct process_stat stat = {0};
    for (int i = 0; i < 10000 && stat.state != state; i++) {
        MUST(process_stat_read(pid, &stat) == 0);
        usleep(1000);
    }
    MUST(stat.state == state);
}

static void test_real(bool leaderless, bool with_pidfd, bool proc_known) {
    struct process_stat stat;
    pid_t pid = start(leaderless);
    wait_for_state(pid, leaderless ? 'Z' : 'S');
    MUST(process_stat_read(pid, &stat) == 0 && stat.start > 0);
    struct life_of it = {.pid = (uint32_t)pid, .start = stat.start, .pidfd = -1};
    if (with_pidfd && (it.pidfd = life_open(it.pid)) < 0)
        with_pidfd = false; /* an old kernel, or a sandbox */
    enum life alive = life_look(&it, proc_known);
    MUST(alive == (with_pidfd || proc_known ? LIFE_GOES_ON : LIFE_UNKNOWN));
    it.foreign = true;
    MUST(life_look(&it, proc_known) == LIFE_UNKNOWN);
    it.foreign = false;
    kill(pid, SIGKILL);
    siginfo_t info;
    MUST(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    MUST(life_look(&it, proc_known) ==
         (with_pidfd || proc_known ? LIFE_OVER : LIFE_UNKNOWN));
    MUST(waitpid(pid, NULL, 0) == pid);
    MUST(life_look(&it, proc_known) == LIFE_OVER);
    if (it.pidfd >= 0)
        close(it.pidfd);
}

/* No descriptor to be had: nobody is over for that. */
static void test_no_descriptor(void) {
    struct process_stat stat;
    struct rlimit before, none;
    pid_t pid = start(false);
    wait_for_state(pid, 'S');
    MUST(process_stat_read(pid, &stat) == 0 && getrlimit(RLIMIT_NOFILE, &before) == 0);
    none = (struct rlimit){3, before.rlim_max};
    MUST(setrlimit(RLIMIT_NOFILE, &none) == 0);
    struct life_of it = {.pid = (uint32_t)pid, .start = stat.start, .pidfd = -1};
    MUST(life_open(it.pid) < 0);
    MUST(process_stat_read(pid, &stat) == -EMFILE);
    MUST(life_look(&it, true) == LIFE_UNKNOWN);
    kill(pid, SIGKILL);
    MUST(waitpid(pid, NULL, 0) == pid);
    MUST(life_look(&it, true) == LIFE_OVER);
    MUST(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

int main(void) {
    test_judge();
    MUST(life_open(0) == -EINVAL && life_open(UINT32_MAX) == -EINVAL);
    MUST(life_look(&(struct life_of){.pid = 0, .pidfd = -1}, true) == LIFE_UNKNOWN);
    if (!life_proc_known())
        return 77;
    MUST(life_pid_namespace() != 0);
    for (int i = 0; i < 8; i++)
        test_real(i & 1, i & 2, i & 4);
    test_no_descriptor();
    return 0;
}
