/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is mapped, and which of it may hold the program's pointers. Everything is asked of
 * /proc, so nothing is touched that is not there.
 *
 *   data and bss of modules, anonymous memory, stacks      a root
 *   read-only, but anonymous                               a root (made so after it was filled)
 *   shared, but of no file (memfd, SysV)                   a root
 *   text, files, devices, what the kernel maps             none
 *
 * Anonymous memory outside of the heap is a program's own pool as likely as not.
 * LeakSanitizer takes it for nothing unless it is told, and then calls leaked what the pool
 * holds; here it is a root.
 *
 * Context: the process ends, its other threads stand still.
 */
#include <sys/auxv.h>

#include "leak.h"
#include "sys.h"

/* --- mappings --- */

struct maps_reader {
    long fd;
    long n, at;
    char buffer[4096];
};

static int next_char(struct maps_reader *r) {
    if (r->at == r->n) {
        r->n = sys_read(r->fd, r->buffer, sizeof r->buffer);
        r->at = 0;
        if (r->n <= 0) {
            r->n = 0;
            return -1;
        }
    }
    return (unsigned char)r->buffer[r->at++];
}

/* A line without its '\n', cut to fit. Return: false at the end. */
static bool next_line(struct maps_reader *r, char *line, size_t n) {
    size_t length = 0;
    int c = next_char(r);
    if (c < 0)
        return false;
    for (; c >= 0 && c != '\n'; c = next_char(r))
        if (length + 1 < n)
            line[length++] = (char)c;
    line[length] = '\0';
    return true;
}

static const char *read_hex(const char *p, uintptr_t *value) {
    for (*value = 0;; p++) {
        if (*p >= '0' && *p <= '9')
            *value = *value << 4 | (uintptr_t)(*p - '0');
        else if (*p >= 'a' && *p <= 'f')
            *value = *value << 4 | (uintptr_t)(*p - 'a' + 10);
        else
            return p;
    }
}

static bool starts(const char *text, const char *with) {
    return !__builtin_strncmp(text, with, __builtin_strlen(with));
}

/* "start-end rwxp offset dev inode   path" */
static uint32_t classify(const char *rights, const char *path) {
    bool readable = rights[0] == 'r', writable = rights[1] == 'w';
    bool shared = rights[3] == 's';
    uint32_t flags = readable ? LEAK_MAP_READABLE : 0;
    if (!readable)
        return rights[2] == '-' && !writable ? LEAK_MAP_GUARD : 0;
    if (!shared && (!*path || starts(path, "[heap]") || starts(path, "[anon")))
        flags |= LEAK_MAP_PRIVATE;
    if (starts(path, "[heap]"))
        return flags | LEAK_MAP_BRK | LEAK_MAP_ROOT;
    if (starts(path, "[stack"))
        return flags | LEAK_MAP_STACK | LEAK_MAP_ROOT;
    bool anonymous = !*path || starts(path, "[anon") || starts(path, "/dev/zero") ||
                     starts(path, "/memfd:") || starts(path, "/SYSV") ||
                     starts(path, "/dev/shm/");
    if (anonymous || (writable && !shared && *path != '[' && !starts(path, "/dev/")))
        flags |= LEAK_MAP_ROOT;
    return flags;
}

static bool parse(const char *line, struct leak_map *out) {
    const char *p = read_hex(line, &out->start);
    if (*p++ != '-')
        return false;
    p = read_hex(p, &out->end);
    if (*p++ != ' ')
        return false;
    const char *rights = p;
    for (int blanks = 0; *p && blanks < 4; p++)
        blanks += *p == ' '; /* after rights, offset, device, inode */
    while (*p == ' ')
        p++;
    out->flags = classify(rights, p);
    return true;
}

long leak_maps(struct leak_map *out) {
    struct maps_reader reader;
    char line[512];
    reader.n = reader.at = 0;
    reader.fd = sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (reader.fd < 0)
        return -SHM_LEAKS_REFUSED;
    long n = 0;
    while (n >= 0 && next_line(&reader, line, sizeof line)) {
        if (n == LEAK_MAPS_MAX)
            n = -SHM_LEAKS_MEMORY;
        else if (parse(line, &out[n]))
            n++;
    }
    sys_close(reader.fd);
    return n ? n : -SHM_LEAKS_REFUSED;
}

/* --- pages --- */

#define PAGES_AT_A_TIME 512u
#define PAGE_PRESENT    (1ull << 63)
#define PAGE_SWAPPED    (1ull << 62)

static uint64_t page_bytes(void) {
    uint64_t bytes = getauxval(AT_PAGESZ);
    return bytes ? bytes : 4096;
}

struct pages {
    uint64_t entries[PAGES_AT_A_TIME];
    uintptr_t first; /* address of entries[0] */
    uint64_t n, bytes;
};

static bool read_pages(struct pages *p, long pagemap, uintptr_t end) {
    uint64_t left = (end - p->first + p->bytes - 1) / p->bytes;
    uint64_t wanted = left < PAGES_AT_A_TIME ? left : PAGES_AT_A_TIME;
    long got = sys_call(SYS_pread64, pagemap, (long)p->entries,
                        (long)(wanted * sizeof *p->entries),
                        (long)(p->first / p->bytes * sizeof *p->entries), 0, 0);
    p->n = got > 0 ? (uint64_t)got / sizeof *p->entries : 0;
    return p->n > 0;
}

/* The next run of pages from *@at on. Return: false when there is none. */
static bool next_run(const struct pages *p, uint64_t *at, struct leak_range *run) {
    const uint64_t there = PAGE_PRESENT | PAGE_SWAPPED;
    while (*at < p->n && !(p->entries[*at] & there))
        ++*at;
    run->start = p->first + *at * p->bytes;
    while (*at < p->n && p->entries[*at] & there)
        ++*at;
    run->end = p->first + *at * p->bytes;
    return run->end > run->start;
}

/* A page that is in neither was never written (or is a file's, as it is on disk): it holds
 * no pointer to a block. Reservations of terabytes cost their page tables only. */
int leak_present(long pagemap, const struct leak_range *range,
                 int (*each)(void *, const struct leak_range *), void *context) {
    struct pages pages;
    pages.bytes = page_bytes();
    pages.first = range->start & ~(pages.bytes - 1);
    while (pages.first < range->end) {
        struct leak_range run = {0, 0};
        if (!read_pages(&pages, pagemap, range->end))
            return -SHM_LEAKS_REFUSED;
        int r = each(context, &run);
        for (uint64_t at = 0; !r && next_run(&pages, &at, &run);) {
            run.start = run.start > range->start ? run.start : range->start;
            run.end = run.end < range->end ? run.end : range->end;
            r = each(context, &run);
        }
        if (r)
            return r;
        pages.first += pages.n * pages.bytes;
    }
    return 0;
}

/* --- folders of /proc --- */

struct directory_entry { /* struct linux_dirent64 */
    uint64_t inode;
    int64_t next;
    uint16_t length;
    uint8_t type;
    char name[];
};

bool leak_folder_open(struct leak_folder *folder, const char *path) {
    folder->n = folder->at = 0;
    folder->fd = sys_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder->fd >= 0;
}

const char *leak_folder_next(struct leak_folder *folder) {
    for (;;) {
        if (folder->at >= folder->n) {
            folder->n = sys_call(SYS_getdents64, folder->fd, (long)folder->buffer,
                                 sizeof folder->buffer, 0, 0, 0);
            folder->at = 0;
            if (folder->n <= 0)
                return NULL;
        }
        const struct directory_entry *entry = (void *)(folder->buffer + folder->at);
        folder->at += entry->length;
        if (entry->name[0] >= '0' && entry->name[0] <= '9')
            return entry->name;
    }
}

void leak_folder_close(struct leak_folder *folder) {
    sys_close(folder->fd);
}

char *leak_path(char *out, const char *folder, const char *name, const char *file) {
    __builtin_stpcpy(__builtin_stpcpy(__builtin_stpcpy(out, folder), name), file);
    return out;
}

/* --- what the kernel keeps --- */

static void words_of_epoll(const char *name, void (*each)(void *, uintptr_t),
                           void *context) {
    struct maps_reader reader;
    char path[64], line[256];
    reader.n = reader.at = 0;
    reader.fd =
        sys_open(leak_path(path, "/proc/self/fdinfo/", name, ""), O_RDONLY | O_CLOEXEC);
    while (reader.fd >= 0 && next_line(&reader, line, sizeof line)) {
        for (const char *p = line; starts(line, "tfd:") && *p; p++) {
            uintptr_t word;
            if (!starts(p, "data:"))
                continue;
            for (p += 5; *p == ' ';)
                p++;
            read_hex(p, &word);
            each(context, word);
            break;
        }
    }
    if (reader.fd >= 0)
        sys_close(reader.fd);
}

/* epoll_ctl() takes a word, which is often a pointer, and many a program keeps it nowhere
 * else. Source: proc(5), fdinfo of an epoll descriptor. */
void leak_kernel_words(void (*each)(void *, uintptr_t), void *context) {
    struct leak_folder folder;
    if (!leak_folder_open(&folder, "/proc/self/fd"))
        return;
    for (const char *name; (name = leak_folder_next(&folder));) {
        char path[64], target[64] = "";
        sys_call(SYS_readlinkat, AT_FDCWD,
                 (long)leak_path(path, "/proc/self/fd/", name, ""), (long)target,
                 sizeof target - 1, 0, 0);
        if (starts(target, "anon_inode:[eventpoll]"))
            words_of_epoll(name, each, context);
    }
    leak_folder_close(&folder);
}

/* Filters between the program and the kernel, as /proc/self/status counts them. A container
 * may have some from the start. */
static uint64_t count_filters(void) {
    struct maps_reader reader;
    char line[256];
    uintptr_t mode = 0, filters = 0;
    reader.n = reader.at = 0;
    reader.fd = sys_open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (reader.fd < 0)
        return UINT64_MAX;
    while (next_line(&reader, line, sizeof line)) {
        if (starts(line, "Seccomp:\t"))
            read_hex(line + 9, &mode);
        if (starts(line, "Seccomp_filters:\t")) /* since Linux 5.9 */
            read_hex(line + 17, &filters);
    }
    sys_close(reader.fd);
    return mode << 32 | filters;
}

static uint64_t filters_at_start;

void leak_sandbox_start(void) {
    filters_at_start = count_filters();
}

/* A system call that its author did not foresee may end the program. */
bool leak_is_sandboxed(void) {
    return sys_is_sandboxed || count_filters() != filters_at_start ||
           filters_at_start == UINT64_MAX;
}
