/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left of a program's doing that no file shows, read in /proc before it is killed.
 */
#include "remains.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attempt.h"
#include "process_status.h"
#include "text.h"
#include "tracer.h"

#define MOST_PROCESSES 1024

/* Return: what /proc/PID/@name leads to, as the process itself would call it, owned; NULL = not known. */
static char *read_link(pid_t pid, const char *name) {
    char link[64], target[PATH_MAX], root[PATH_MAX];
    snprintf(link, sizeof link, "/proc/%d/%s", pid, name);
    ssize_t n = readlink(link, target, sizeof target - 1);
    if (n <= 0)
        return NULL;
    target[n] = 0;
    snprintf(link, sizeof link, "/proc/%d/root", pid);
    ssize_t n_root = readlink(link, root, sizeof root - 1);
    bool below = n_root > 1 && n > n_root && target[n_root] == '/' &&
                 memcmp(target, root, (size_t)n_root) == 0;
    return text_dup(target + (below ? n_root : 0));
}

/* A process's first thread, and it has not ended. */
static bool is_process(pid_t tid) {
    struct process_status status;
    return process_status_read(tid, &status) == 0 &&
           process_status_number(&status, "Tgid") == (uint64_t)tid &&
           process_status_number(&status, "VmSize") > 0; /* one that has ended has none */
}

void remains_processes(const struct tracer *tracer, pid_t parent,
                       struct observation *seen) {
    pid_t pids[MOST_PROCESSES];
    int n = tracer->traced ? tracer_threads(tracer, pids, MOST_PROCESSES)
                           : tracer_children(pids, MOST_PROCESSES);
    seen->end.n_left = 0;
    for (int i = 0; i < n; i++) {
        char *exe =
            pids[i] != parent && is_process(pids[i]) ? read_link(pids[i], "exe") : NULL;
        if (!exe)
            continue;
        seen->end.n_left++;
        bool first = !seen->end.left_exe || strcmp(exe, seen->end.left_exe) < 0;
        free(first ? seen->end.left_exe : exe);
        if (first)
            seen->end.left_exe = exe;
    }
}
