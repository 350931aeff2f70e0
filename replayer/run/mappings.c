/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mappings of a process: see mappings.h.
 *
 *   ioctl(/proc/PID/maps, PROCMAP_QUERY)   one mapping of a kind at a time, as numbers     Linux 6.11
 *   read(/proc/PID/maps)                   all of them, as text                            else
 */
#include "mappings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { PATH_BYTES = 4608 };

/* Source: struct procmap_query of linux/fs.h, which systems with older headers lack. */
struct query {
    uint64_t size, query_flags, query_addr;
    uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
    uint32_t dev_major, dev_minor, vma_name_size, build_id_size;
    uint64_t vma_name_addr, build_id_addr;
};
_Static_assert(sizeof(struct query) == 104, "as the kernel has it");
#define QUERY _IOWR('f', 17, struct query)
enum { WRITABLE = 0x02, EXECUTABLE = 0x04, SHARED = 0x08, OR_NEXT = 0x10 };

static int open_maps(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* The mapping at or after @q->query_addr, which is moved behind it. Return: 1, 0 none, or a negative errno. */
static int next(int maps, struct query *q) {
    if (ioctl(maps, QUERY, q) < 0)
        return errno == ENOENT ? 0 : -errno;
    q->query_addr = q->vma_end;
    return 1;
}

/* Is it the arena? Its name costs more than all else that is asked of a mapping, and is asked for only where the file
 * does not tell: some file systems have another number for what is mapped. */
static bool is_arena(int maps, const struct query *found, const char *path, int fd) {
    char name[PATH_BYTES] = "";
    struct stat file;
    struct query q = {.size = sizeof q,
                      .query_addr = found->vma_start,
                      .vma_name_addr = (uint64_t)(uintptr_t)name,
                      .vma_name_size = sizeof name};
    if (fstat(fd, &file) == 0 && file.st_nlink && file.st_ino == found->inode &&
        file.st_dev == makedev(found->dev_major, found->dev_minor))
        return true;
    return next(maps, &q) > 0 && q.vma_name_size && strcmp(name, path) == 0;
}

/* Return: 1 it shares, 0 it does not, or a negative errno. */
static int shares_by_query(int maps, const char *arena_path, int arena_fd) {
    struct query q = {.size = sizeof q, .query_flags = OR_NEXT | WRITABLE | SHARED};
    int r;
    do
        r = next(maps, &q);
    while (r > 0 && is_arena(maps, &q, arena_path, arena_fd));
    return r;
}

/* Return: as shares_by_query(). */
static int shares_by_text(pid_t pid, const char *arena_path) {
    char path[64], line[PATH_BYTES];
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return -errno;
    bool shares = false;
    while (!shares && fgets(line, sizeof line, f)) {
        char *permissions = strchr(line, ' ');
        if (!permissions || permissions[2] != 'w' || permissions[4] != 's')
            continue;
        line[strcspn(line, "\n")] = 0;
        const char *name = strchr(line, '/');
        shares = !name || strcmp(name, arena_path) != 0;
    }
    fclose(f);
    return shares;
}

int mappings_share(pid_t pid, const char *arena_path, int arena_fd) {
    int maps = open_maps(pid);
    int r = maps < 0 ? -errno : shares_by_query(maps, arena_path, arena_fd);
    if (maps >= 0)
        close(maps);
    return r < 0 ? shares_by_text(pid, arena_path) : r;
}

static uint64_t writable_by_text(pid_t pid, uint64_t address) {
    char path[64], line[PATH_BYTES];
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *f = fopen(path, "re");
    uint64_t found = 0;
    while (f && !found && fgets(line, sizeof line, f)) {
        char *rest;
        uint64_t start = strtoull(line, &rest, 16);
        uint64_t end = *rest == '-' ? strtoull(rest + 1, &rest, 16) : 0;
        if (end > address && rest[0] == ' ' && rest[2] == 'w')
            found = start;
    }
    if (f)
        fclose(f);
    return found;
}

uint64_t mappings_writable_from(pid_t pid, uint64_t address) {
    struct query q = {
        .size = sizeof q, .query_flags = OR_NEXT | WRITABLE, .query_addr = address};
    int maps = open_maps(pid);
    int r = maps < 0 ? -errno : next(maps, &q);
    if (maps >= 0)
        close(maps);
    return r < 0 ? writable_by_text(pid, address) : r ? q.vma_start : 0;
}

/* The header of the stack's mapping in smaps. */
static bool is_stack(const char *line, uint64_t stack_pointer, uint64_t *size,
                     bool *grows) {
    char *rest;
    uint64_t start = strtoull(line, &rest, 16);
    uint64_t end = *rest == '-' ? strtoull(rest + 1, &rest, 16) : 0;
    *size = end - start;
    *grows = strstr(rest, "[stack]") != NULL;
    return stack_pointer ? stack_pointer >= start && stack_pointer < end : *grows;
}

bool mappings_stack(pid_t pid, uint64_t stack_pointer, struct mappings_stack *out) {
    char path[64], line[PATH_BYTES];
    uint64_t size = 0;
    bool grows = false, found = false, known = false;
    snprintf(path, sizeof path, "/proc/%d/smaps", pid);
    FILE *f = fopen(path, "re");
    while (f && !known && fgets(line, sizeof line, f)) {
        if (!found) /* "start-end rw-p ...", then lines as "Rss:   12 kB" */
            found = strchr(line, '-') && is_stack(line, stack_pointer, &size, &grows);
        else
            known = sscanf(line, "Rss: %" SCNu64, &out->used) == 1;
    }
    if (f)
        fclose(f);
    if (!known)
        return false;
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    if (grows && prlimit(pid, RLIMIT_STACK, NULL, &limit) < 0)
        return false;
    out->used = grows ? size : out->used * 1024; /* not every page of it was written to */
    out->most = !grows ? size : limit.rlim_cur == RLIM_INFINITY ? 0 : limit.rlim_cur;
    return true;
}

int mappings_have(pid_t pid, uint64_t ino) {
    char path[64], line[PATH_BYTES];
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return -errno;
    bool found = false;
    unsigned long long seen;
    while (!found &&
           fgets(line, sizeof line, f)) /* "start-end rw-p offset 08:01 inode path" */
        found = sscanf(line, "%*s %*s %*s %*s %llu", &seen) == 1 && seen == ino;
    fclose(f);
    return found;
}

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15ull; /* Knuth, TAOCP 3, 6.4 */
    return hash ^ hash >> 29;
}

/* Not the device: a renewed overlay has another for the same file. */
static uint64_t add_to_name(uint64_t hash, const struct query *q) {
    const uint64_t parts[] = {q->vma_start, q->vma_end, q->vma_offset, q->inode};
    for (int i = 0; i < 4; i++)
        hash = mix(hash, parts[i]);
    return hash;
}

uint64_t mappings_name(pid_t pid) {
    int maps = open_maps(pid), r;
    uint64_t hash = 1;
    struct query q = {.size = sizeof q, .query_flags = OR_NEXT};
    if (maps < 0)
        return 0;
    while ((r = next(maps, &q)) > 0)
        if (q.inode || (q.vma_flags & EXECUTABLE))
            hash = add_to_name(hash, &q);
    close(maps);
    return r < 0 ? 0 : hash | 1;
}

void mappings_code(pid_t pid, struct mappings_code *out) {
    int maps = open_maps(pid), r;
    struct query q = {.size = sizeof q, .query_flags = OR_NEXT | EXECUTABLE};
    uint64_t hash = 1;
    out->name = out->n = 0;
    if (maps < 0)
        return;
    while ((r = next(maps, &q)) > 0) {
        hash = add_to_name(hash, &q);
        if (out->n == MAPPINGS_CODE)
            continue;
        out->ranges[out->n].start = q.vma_start;
        out->ranges[out->n++].end = q.vma_end;
    }
    close(maps);
    out->name = r < 0 ? 0 : hash | 1;
}
