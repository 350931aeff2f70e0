/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of a thread's signals and state, in one read. Source: proc_pid_status(5). */
#ifndef DEARTH_PROCESS_STATUS_H
#define DEARTH_PROCESS_STATUS_H

#include <stdint.h>
#include <sys/types.h>

struct process_status {
    char text[4096]; /* of the file, NUL-terminated; it has about 1500 bytes */
};

/** Read the status of a thread. Return: 0, or a negative errno (it is gone, or hidden). */
int process_status_read(pid_t tid, struct process_status *out);

/** The same of a process that is looked at often. @fd: of process_status_open(). Return: likewise. */
int process_status_read_open(int fd, struct process_status *out);
/** Return: a descriptor, the caller's to close, or a negative errno. */
int process_status_open(pid_t pid);

/** Numbers and masks of signals by the name of their line, without the colon; 0 when there is no such line. */
uint64_t process_status_number(const struct process_status *status, const char *name);
uint64_t process_status_mask(const struct process_status *status, const char *name);
/** Its number in the innermost of its pid namespaces; 0 where the kernel does not tell. */
pid_t process_status_innermost_pid(const struct process_status *status);
/** Its program's name, at most 15 bytes; owned. */
char *process_status_name(const struct process_status *status);
/** First letter of a line: of "State" it says whether it runs ('R'), sleeps ('S', 'D'), has stopped ... */
char process_status_letter(const struct process_status *status, const char *name);

#endif
