/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a process that is none of our children ended: the kernel tells its parent alone, but shows it
 * to others for a while.
 *
 *   running ─► zombie                 ─ reaped ─► gone
 *              /proc/PID/stat, field 52           the pidfd, since Linux 6.15
 */
#ifndef DEARTH_EXIT_STATUS_H
#define DEARTH_EXIT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * @pidfd: of the process, which has ended
 * @pid, @start: the process; @start: field 22 of /proc/PID/stat
 * @status: out, as wait() gives it
 * Return: whether it is known.
 */
bool exit_status_of(int pidfd, uint32_t pid, uint64_t start, int *status);

#endif
