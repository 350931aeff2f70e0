/* SPDX-License-Identifier: Apache-2.0 */
/* What a thread waits for, seen from outside. */
#ifndef DEARTH_WAITING_H
#define DEARTH_WAITING_H

#include <sys/types.h>

enum waiting {
    WAITING_NOT,      /* it runs, or is ready to; or nobody knows */
    WAITING_LOCK,     /* a lock, without a time limit */
    WAITING_EVENT,    /* a condition or the end of a thread, without a time limit */
    WAITING_CHILDREN, /* the end of a child, without a time limit */
    WAITING_OTHER,    /* something else, or with a time limit */
};

/**
 * Look at /proc/TID/syscall. Context: the thread is traced by the caller, stopped or not.
 * @call: "futex (a lock)", "read (3, a pipe)", ...; "" when it does not wait; 64
 * bytes, may be NULL
 */
enum waiting waiting_of(pid_t tid, char *call);

/** Return: the descriptor that it waits in read() for, -1 = it does not. Context: as above. */
int waiting_reads(pid_t tid);

#endif
