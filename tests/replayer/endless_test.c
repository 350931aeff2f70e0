/* SPDX-License-Identifier: Apache-2.0 */
/* Who goes round is known to, on whatever processors it does. */
#include "endless.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { LOOKS = 300, STEPS = 1 << 13 };

static pid_t start(void (*work)(pid_t), pid_t other) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        work(other);
        _exit(0);
    }
    return pid;
}

static volatile int endless = 1;

static void go_round(pid_t other) {
    (void)other;
    while (endless)
        ;
}

static void count(pid_t other) {
    (void)other;
    for (volatile unsigned long long number = 1; number; number++)
        ;
}

/* From one processor to another, as a busy machine does. */
static void move(pid_t who) {
    cpu_set_t all, one;
    sched_getaffinity(0, sizeof all, &all);
    for (unsigned cpu = 0;; cpu = (cpu + 1) % CPU_SETSIZE)
        if (CPU_ISSET(cpu, &all)) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            sched_setaffinity(who, sizeof one, &one);
        }
}

/* Has it done nothing but its work for a while? */
static void wait_for_work(pid_t pid) {
    clockid_t clock;
    struct timespec used = {0};
    for (int i = 0; i < 60000 && !used.tv_sec && used.tv_nsec < 20000000; i++) {
        usleep(1000);
        if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
            return;
    }
}

static void test_moved(void (*work)(pid_t), enum hang wanted, int looks,
                       const char *name) {
    pid_t pid = start(work, 0);
    pid_t mover = start(move, pid);
    int status, n = 0;
    bool counts;
    wait_for_work(pid);
    CHECK(name, ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_EXITKILL) == 0);
    for (int i = 0; i < looks; i++) {
        n += endless_goes_round(pid, "/none", STEPS, &counts) == wanted;
        usleep(500);
    }
    CHECK(name,
          n >= looks -
                   looks /
                       100); /* one that gets no processor for seconds is not known to */
    kill(mover, SIGKILL);
    kill(pid, SIGKILL);
    waitpid(mover, &status, 0);
    waitpid(pid, &status, __WALL);
}

int main(void) {
    test_moved(go_round, HANG_SPINNING, LOOKS, "goes round");
    test_moved(count, HANG_UNKNOWN, 3, "counts");
    return check_result();
}
