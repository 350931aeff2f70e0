/* What /proc says of any process, a child or not. Source: proc(5). */
#ifndef DEARTH_PROCESS_STAT_H
#define DEARTH_PROCESS_STAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_stat {
    char state;     /* 'R', 'S', ..., 'Z' = not yet waited for */
    uint64_t start; /* in ticks since boot: with the pid, it names a process for good */
    int status;     /* as wait() has it; of a zombie that one may trace, else 0 */
    uid_t owner;
};

/** Return: false when there is no such process, or it cannot be read. */
bool process_stat_read(int64_t pid, struct process_stat *out);

#endif
