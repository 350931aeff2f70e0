/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth record --only-exe`: of a tree of programs some alone are recorded.
 *
 *   process_start ─► /proc/self/exe ─► one of shm_header.only_exe? ─ no ─► left_out: counted, named
 *                                                                └ yes ─► recorded as ever
 *
 * A program that is left out keeps the library, for what it starts: exec.c goes on, hooks pass calls through
 * (PRELOAD_ASIDE). What it starts and cannot be recorded is counted alone (process_note).
 * Programs that a process was forked for are its own image's, and so is the answer.
 *
 * Who runs it: the first hook of each image, one thread.
 */
#include "only.h"
#include "preload.h"
#include "sys.h"

/* fnmatch(3) without flags but for bracket expressions of classes and with no escapes: libc's own may allocate.
 * The star that was met last is tried again, one character further each time. */
static bool matches(const char *glob, const char *name) {
    const char *star = NULL, *from = NULL;
    while (*name) {
        const char *next = glob;
        bool same = false;
        if (*glob == '*') {
            star = glob++;
            from = name;
            continue;
        }
        if (*glob == '[') {
            const char *at = glob + 1;
            bool not = *at == '!' || *at == '^', in = false;
            at += not ;
            const char *first = at;
            for (; *at && (*at != ']' || at == first); at++) {
                if (at[1] == '-' && at[2] && at[2] != ']') {
                    in |= *name >= at[0] && *name <= at[2];
                    at += 2;
                } else {
                    in |= *name == *at;
                }
            }
            same = *at ? in != not : *name == '[';
            next = *at ? at + 1 : glob + 1;
        } else if (*glob) {
            same = *glob == '?' || *glob == *name;
            next = glob + 1;
        }
        if (same) {
            glob = next;
            name++;
        } else if (star) {
            glob = star + 1;
            name = ++from;
        } else {
            return false;
        }
    }
    while (*glob == '*')
        glob++;
    return !*glob;
}

/* The end of the path; ' (deleted)' is the kernel's word, not the file's. */
static const char *name_of(char *path, size_t n) {
    static const char deleted[] = " (deleted)";
    const size_t tail = sizeof deleted - 1;
    path[n] = 0;
    if (n > tail && !__builtin_memcmp(path + n - tail, deleted, tail))
        path[n - tail] = 0;
    const char *name = path;
    for (const char *p = path; *p; p++)
        if (*p == '/')
            name = p + 1;
    return name;
}

static bool is_same(const char *a, const char *b, size_t most) {
    return !__builtin_strncmp(a, b, most);
}

/* Two who come at once may both enter a name: it is said twice. */
static void leave_out(struct shm_header *arena, const char *name) {
    add_relaxed(&arena->left_out, 1);
    for (uint32_t i = 0; i < SHM_LEFT_OUT_FIRST; i++) {
        struct shm_left_out *one = &arena->left_out_first[i];
        const size_t most = sizeof one->name - 1;
        if (load_acquire(&one->ready) && is_same(one->name, name, most))
            return;
        if (!cas(&one->claimed, 0, 1))
            continue;
        for (size_t k = 0; k < most && name[k]; k++)
            one->name[k] = name[k];
        store_release(&one->ready, 1);
        return;
    }
}

bool only_wants(struct shm_header *arena) {
    char path[SHM_PATH_BYTES];
    if (!arena->only_exe[0])
        return true;
    long n = sys_call(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)path,
                      sizeof path - 1, 0, 0);
    const char *name = name_of(path, n > 0 ? (size_t)n : 0);
    const char *end = arena->only_exe + SHM_ONLY_BYTES;
    for (const char *glob = arena->only_exe; glob < end && *glob;
         glob += __builtin_strlen(glob) + 1)
        if (matches(glob, path) || matches(glob, name))
            return true;
    leave_out(arena, *name ? name : "?");
    return false;
}
