/* SPDX-License-Identifier: Apache-2.0 */
/* How a process that is none of our children ended: see exit_status.h. */
#include "exit_status.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "process_stat.h"

/* Source: include/uapi/linux/pidfd.h of Linux 6.15; older headers lack it. */
struct pidfd_info_0 {
    uint64_t mask, cgroupid;
    uint32_t ids[11]; /* pid, tgid, ppid, users and groups */
    int32_t exit_code;
};
#define GET_INFO  _IOWR(0xff, 11, struct pidfd_info_0)
#define INFO_EXIT (1u << 3)

static bool from_pidfd(int pidfd, int *status) {
    struct pidfd_info_0 info = {.mask = INFO_EXIT};
    if (ioctl(pidfd, GET_INFO, &info) < 0 || !(info.mask & INFO_EXIT))
        return false;
    *status = info.exit_code;
    return true;
}

/* The kernel shows 0 to whom the process would not let trace it. */
static bool from_proc(uint32_t pid, uint64_t start, int *status) {
    struct process_stat stat;
    if (process_stat_read(pid, &stat) < 0 || stat.state != 'Z' || stat.start != start ||
        (stat.owner != geteuid() && geteuid() != 0))
        return false;
    *status = stat.status;
    return true;
}

bool exit_status_of(int pidfd, uint32_t pid, uint64_t start, int *status) {
    return from_proc(pid, start, status) || (pidfd >= 0 && from_pidfd(pidfd, status));
}
