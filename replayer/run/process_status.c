/* SPDX-License-Identifier: Apache-2.0 */
/* Reading /proc/TID/status: see process_status.h. */
#include "process_status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

int process_status_open(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", pid, pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int process_status_read_open(int fd, struct process_status *out) {
    ssize_t n = pread(fd, out->text, sizeof out->text - 1, 0);
    out->text[n > 0 ? n : 0] = 0;
    return n < 0 ? -errno : n == 0 ? -ESRCH : 0;
}

int process_status_read(pid_t tid, struct process_status *out) {
    int fd = process_status_open(tid);
    if (fd < 0)
        return fd;
    int err = process_status_read_open(fd, out);
    close(fd);
    return err;
}

/* The value of a line. A name is the process's own choice, but no line break is left in it. */
static const char *value_of(const struct process_status *status, const char *name) {
    size_t n = strlen(name);
    for (const char *line = status->text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, n) == 0 && line[n] == ':')
            return line + n + 1 + strspn(line + n + 1, "\t ");
    }
    return "";
}

uint64_t process_status_number(const struct process_status *status, const char *name) {
    return strtoull(value_of(status, name), NULL, 10);
}

uint64_t process_status_mask(const struct process_status *status, const char *name) {
    return strtoull(value_of(status, name), NULL, 16);
}

pid_t process_status_innermost_pid(const struct process_status *status) {
    const char *value = value_of(status, "NSpid");
    size_t n = strcspn(value, "\n");
    while (n > 0 && value[n - 1] != '\t' && value[n - 1] != ' ')
        n--;
    return (pid_t)strtol(value + n, NULL, 10);
}

char process_status_letter(const struct process_status *status, const char *name) {
    return *value_of(status, name);
}

char *process_status_name(const struct process_status *status) {
    const char *value = value_of(status, "Name");
    return text_format("%.*s", (int)strcspn(value, "\n"), value);
}
