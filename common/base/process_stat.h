/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of any process, a child or not. Source: proc(5). */
#ifndef DEARTH_PROCESS_STAT_H
#define DEARTH_PROCESS_STAT_H

#include <stdint.h>
#include <sys/types.h>

struct process_stat {
    /* 'R', 'S', ..., 'Z' = not yet waited for, or its first thread has ended alone */
    char state;
    int threads; /* that have not ended; the first one counts until the process is waited for */
    uint64_t start; /* in ticks since boot: with the pid, it names a process for good */
    int status;     /* as wait() has it; of a zombie that one may trace, else 0 */
    uid_t owner;
};

/**
 * Return: 0, or why it cannot be read as a negative errno. Only -ENOENT and -ESRCH may mean that there
 * is no such process: they also come where /proc is not mounted, or hides it (hidepid).
 */
int process_stat_read(int64_t pid, struct process_stat *out);

#endif
