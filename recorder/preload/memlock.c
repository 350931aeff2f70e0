/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that lock their memory. The arena is a sparse mapping of a gigabyte: mlockall() would make
 * all of it resident, and fail for an ordinary user. So ours stays outside of what is locked:
 *
 *   mlockall(MCL_CURRENT) ─► may the program lock what it has without us? else the kernel's error
 *                            └► mlock2() of each mapping in /proc/self/maps that is not ours
 *   mlockall(MCL_FUTURE)  ─► as it is; what we map from then on grows out of SEEDS, pages mapped
 *                            before: mremap() keeps a mapping as locked or unlocked as it was
 *
 * Not seen: the system call made by syscall() or an instruction of the program's own.
 */
#include "memlock.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "leak.h"
#include "preload.h"
#include "sys.h"

#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif
#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

#define SEEDS 512u /* mappings: blocks of thread memory, tables of nodes */

int sys_is_locked;
static char *seeds;
static uint32_t seeds_taken;
static int (*next_mlockall)(int);

static size_t page_size(void) {
    size_t bytes = getauxval(AT_PAGESZ);
    return bytes ? bytes : 4096;
}

void *memlock_map(size_t n) {
    uint32_t i = add_relaxed(&seeds_taken, 1);
    if (i >= SEEDS)
        return NULL;
    long page = (long)page_size();
    long p = sys_call(SYS_mremap, (long)(seeds + i * page), page,
                      ((long)n + page - 1) & -page, MREMAP_MAYMOVE, 0, 0);
    return p < 0 && p > -4096 ? NULL : (void *)p;
}

/* --- what is ours --- */

#define OURS_MAX (LEAK_OWN_MAX + 3u)
struct scratch { /* mapped for one call */
    struct leak_range ours[OURS_MAX];
    uint32_t n_ours;
    struct leak_map maps[LEAK_MAPS_MAX];
};

static void add_ours(struct scratch *s, const void *start, size_t bytes) {
    if (start)
        s->ours[s->n_ours++] =
            (struct leak_range){(uintptr_t)start, (uintptr_t)start + bytes};
}

static void find_ours(struct scratch *s) {
    s->n_ours = leak_owned(s->ours);
    add_ours(s, preload.arena, preload.arena_bytes);
    add_ours(s, seeds, SEEDS * page_size());
    add_ours(s, s, sizeof *s);
}

/* Return: the first of ours that begins in [@start, @end) or holds @start, {@end, @end} = none. */
static struct leak_range next_ours(const struct scratch *s, uintptr_t start,
                                   uintptr_t end) {
    struct leak_range first = {end, end};
    for (uint32_t i = 0; i < s->n_ours; i++)
        if (s->ours[i].end > start && s->ours[i].start < first.start)
            first = s->ours[i];
    return first;
}

/* --- MCL_CURRENT --- */

static void lock_range(uintptr_t start, uintptr_t end, int how) {
    if (start < end) /* as mlockall() does: what cannot be made resident is no error */
        sys_call(SYS_mlock2, (long)start, (long)(end - start), how, 0, 0, 0);
}

/* All of [@map] but ours. Return: its bytes. */
static uint64_t each_part(const struct scratch *s, const struct leak_map *map, bool lock,
                          int how) {
    uint64_t bytes = 0;
    for (uintptr_t at = map->start; at < map->end;) {
        struct leak_range ours = next_ours(s, at, map->end);
        uintptr_t end = ours.start < at ? at : ours.start;
        bytes += end - at;
        if (lock)
            lock_range(at, end, how);
        at = ours.end > end ? ours.end : end;
    }
    return bytes;
}

/* Is the limit none? The kernel asks for CAP_IPC_LOCK where no program can: so a lock of all the arena,
 * by which nothing becomes resident, is tried. */
static bool is_privileged(void) {
    long r = sys_call(SYS_mlock2, (long)preload.arena, (long)preload.arena_bytes,
                      MLOCK_ONFAULT, 0, 0, 0);
    sys_call(SYS_munlock, (long)preload.arena, (long)preload.arena_bytes, 0, 0, 0, 0);
    return r == 0;
}

/* Return: what mlockall() would say of the program's own memory, 0 or an errno. */
static int check_limit(const struct scratch *s, long n) {
    struct rlimit limit;
    uint64_t bytes = 0;
    if (sys_call(SYS_prlimit64, 0, RLIMIT_MEMLOCK, 0, (long)&limit, 0, 0) < 0 ||
        limit.rlim_cur == RLIM_INFINITY)
        return 0;
    for (long i = 0; i < n; i++)
        bytes += each_part(s, &s->maps[i], false, 0);
    if (bytes <= limit.rlim_cur || is_privileged())
        return 0;
    return limit.rlim_cur ? ENOMEM : EPERM;
}

/* Return: as mlockall(2). */
static int lock_current(struct scratch *s, int flags) {
    find_ours(s);
    long n = leak_maps(s->maps);
    if (n < 0)
        return next_mlockall(flags); /* no /proc, too many mappings: as it would be */
    int err = check_limit(s, n);
    if (err) {
        errno = err;
        return -1;
    }
    if (flags & MCL_FUTURE) {
        if (next_mlockall(flags & ~MCL_CURRENT) < 0)
            return -1;
    } else if (sys_is_locked) { /* the future alone cannot be taken back */
        sys_call(SYS_munlockall, 0, 0, 0, 0, 0, 0);
    }
    for (long i = 0; i < n; i++)
        each_part(s, &s->maps[i], true, flags & MCL_ONFAULT ? MLOCK_ONFAULT : 0);
    return 0;
}

static bool make_seeds(void) {
    static uint32_t making;
    if (!load_acquire(&seeds) && cas(&making, 0, 1))
        store_release(&seeds, (char *)sys_mmap(SEEDS * page_size(),
                                               MAP_PRIVATE | MAP_ANONYMOUS, -1));
    return load_acquire(&seeds) != NULL;
}

EXPORT int mlockall(int flags);
EXPORT int mlockall(int flags) {
    if (unlikely(!next_mlockall))
        next_mlockall = (int (*)(int))dlsym(RTLD_NEXT, "mlockall");
    if (load_acquire(&preload.state) != PRELOAD_ON || sys_is_sandboxed ||
        sys_is_valgrind || !make_seeds())
        return next_mlockall(flags);
    bool known = !(flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT));
    struct scratch *s = flags & MCL_CURRENT && known
                            ? sys_mmap(sizeof *s, MAP_PRIVATE | MAP_ANONYMOUS, -1)
                            : NULL;
    int result = s ? lock_current(s, flags) : next_mlockall(flags);
    if (s)
        sys_munmap(s, sizeof *s);
    if (result == 0)
        store_relaxed(&sys_is_locked, (flags & MCL_FUTURE) != 0);
    return result;
}

void memlock_start(void) {
    next_mlockall = (int (*)(int))dlsym(RTLD_NEXT, "mlockall");
}
