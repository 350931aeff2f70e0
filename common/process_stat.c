/* Reading /proc/PID/stat: see process_stat.h. */
#include "process_stat.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool process_stat_read(int64_t pid, struct process_stat *out) {
    char path[64], text[1024];
    unsigned long long start;
    struct stat st;
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool known = fstat(fd, &st) == 0;
    ssize_t n = known ? read(fd, text, sizeof text - 1) : 0;
    close(fd);
    text[n > 0 ? n : 0] = 0;
    const char *after = strrchr(text, ')'); /* the name may hold anything */
    const char *last = strrchr(text, ' ');
    if (!after || !last ||
        sscanf(after + 1,
               " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
               "%*d %*d %*d %*d %llu",
               &out->state, &start) != 2 ||
        sscanf(last, " %d", &out->status) != 1)
        return false;
    out->start = start;
    out->owner = st.st_uid;
    return true;
}
