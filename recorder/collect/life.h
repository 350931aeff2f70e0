/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a process over? What was learnt about it, and what that proves.
 *
 *   pidfd readable                        over: all of its threads have ended
 *   pidfd not readable                    goes on
 *   no pidfd
 *     kill(pid, 0) says ESRCH             over
 *     /proc/PID/stat: another start time  over, the pid is another's by now
 *                     zombie, no thread   over
 *                     anything else       goes on
 *     cannot be read, whatever the errno  not known: it may live
 *
 * Only the first two lines and ESRCH hold without /proc. What is not named by its pid here (another pid
 * namespace) is never known. ENOENT and ESRCH of /proc prove nothing by themselves: it may be hidden
 * (hidepid), not mounted, or that of another pid namespace.
 */
#ifndef DEARTH_LIFE_H
#define DEARTH_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "process_stat.h"

enum life { LIFE_UNKNOWN, LIFE_GOES_ON, LIFE_OVER };

struct life_signs {
    bool foreign; /* lives in another pid namespace: its pid says nothing here */
    int pidfd_ready; /* 1 = readable, 0 = not, -1 = there is none, or it could not be asked */
    int kill_errno; /* of kill(pid, 0); 0 = somebody has that pid */
    int stat_errno; /* of reading /proc/PID/stat; 0 = `stat` is what was there */
    struct process_stat stat;
    uint64_t start; /* its own, as it has told; 0 = unknown */
    /* it may count time otherwise (time namespace): start times do not compare */
    bool other_clock;
};

/** Pure. */
enum life life_judge(const struct life_signs *signs);

/* Whom to look at. */
struct life_of {
    uint32_t pid;
    uint64_t start; /* field 22 of /proc/PID/stat as it read it itself; 0 = unknown */
    bool foreign;
    int pidfd; /* -1 = none */
};

/** Look. @proc_known: as life_proc_known() said. */
enum life life_look(const struct life_of *process, bool proc_known);

/**
 * A descriptor for the process that has @pid now. Return: it, or a negative errno: -ESRCH when nobody has
 * that pid, any other when there is none to be had.
 */
int life_open(uint32_t pid);

/** Does the process of @pidfd go on? Return: 1 = it has ended, 0 = it goes on, -1 = it cannot be asked. */
int life_pidfd_ready(int pidfd);

/** Is /proc there, and that of our own pid namespace? */
bool life_proc_known(void);

/** Inode of our own pid namespace, 0 = unknown. */
uint64_t life_pid_namespace(void);

#endif
