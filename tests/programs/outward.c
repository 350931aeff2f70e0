/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: when new_job() gets no memory, the pid of a child that was never made is used. The twin
 * (-DFIXED) reports the failure. Run it in a PID namespace of your own only.
 *
 * usage: outward WAY      what is done then:
 *   everybody  kill(-1, SIGKILL)         gently      kill(-1, SIGTERM)
 *   parent     kill(getppid(), SIGKILL)  stop        kill(getppid(), SIGSTOP)
 *   ask        kill(getppid(), SIGTERM)  queue       sigqueue(getppid(), SIGUSR1)
 *   thread     tgkill(getppid(), ...)    descriptor  pidfd_send_signal(), the parent's
 *   group      kill(-getpgid(getppid()), SIGKILL)
 *   init       kill(1, SIGKILL), SIGSTOP, SIGTERM
 *   limits     prlimit(getppid()): no descriptors, no memory
 *   trace      PTRACE_ATTACH the parent and end
 *   memory     process_vm_writev() over the parent's stack
 *   move       setpgid(getppid()), setpriority(getppid())
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

OWN_FRAME char *new_job(const char *name) {
    return opaque(strdup(name));
}

OWN_FRAME char *new_result(void) {
    return opaque(malloc(100));
}

#ifndef FIXED
static void overwrite(pid_t pid) {
    char path[64], line[512];
    unsigned long from = 0, to = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    int fd = open(path, O_RDONLY);
    ssize_t n, at = 0;
    for (char c; (n = read(fd, &c, 1)) == 1;) {
        line[at++ % (ssize_t)sizeof line] = c;
        if (c != '\n')
            continue;
        line[at - 1] = 0;
        if (strstr(line, "[stack]"))
            sscanf(line, "%lx-%lx", &from, &to);
        at = 0;
    }
    static char junk[4096];
    memset(junk, 0x5a, sizeof junk);
    for (; from < to; from += sizeof junk) {
        struct iovec ours = {junk, sizeof junk}, theirs = {(void *)from, sizeof junk};
        process_vm_writev(pid, &ours, 1, &theirs, 1, 0);
    }
}

static void reach_out(const char *way) {
    pid_t parent = getppid();
    const struct rlimit none = {0, 0};
    if (!strcmp(way, "everybody"))
        kill(-1, SIGKILL);
    else if (!strcmp(way, "gently"))
        signal(SIGTERM, SIG_IGN), kill(-1, SIGTERM);
    else if (!strcmp(way, "parent"))
        kill(parent, SIGKILL);
    else if (!strcmp(way, "stop"))
        kill(parent, SIGSTOP);
    else if (!strcmp(way, "ask"))
        kill(parent, SIGTERM);
    else if (!strcmp(way, "queue"))
        sigqueue(parent, SIGUSR1, (union sigval){.sival_int = 1});
    else if (!strcmp(way, "thread"))
        syscall(SYS_tgkill, parent, parent, SIGUSR2);
    else if (!strcmp(way, "descriptor"))
        syscall(SYS_pidfd_send_signal, syscall(SYS_pidfd_open, parent, 0), SIGKILL, NULL,
                0);
    else if (!strcmp(way, "group"))
        kill(-getpgid(parent), SIGKILL);
    else if (!strcmp(way, "init"))
        kill(1, SIGKILL), kill(1, SIGSTOP), kill(1, SIGTERM);
    else if (!strcmp(way, "limits"))
        prlimit(parent, RLIMIT_NOFILE, &none, NULL),
            prlimit(parent, RLIMIT_AS, &none, NULL);
    else if (!strcmp(way, "trace"))
        ptrace(PTRACE_ATTACH, parent, NULL, NULL);
    else if (!strcmp(way, "memory"))
        overwrite(parent);
    else if (!strcmp(way, "move"))
        setpgid(parent, 0), setpriority(PRIO_PROCESS, (id_t)parent, 19);
}

#endif

int main(int argc, char **argv) {
    const char *way = argc > 1 ? argv[1] : "none";
    char *job = new_job(way);
    if (!job) {
#ifdef FIXED
        perror("outward: job");
        return 3;
#else
        reach_out(way);
#endif
    }
    free(job);
    char *result = new_result();
    if (!result)
        return 4;
    strcpy(result, "done");
    puts(result);
    free(result);
    return 0;
}
