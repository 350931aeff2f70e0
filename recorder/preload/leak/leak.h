/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaks: blocks that nothing points to any more when a process ends (SHM_LEAKS).
 *
 *   hooks.c ─ leak_add, leak_take ─► leak.c       table of live blocks, address → entry
 *   down(), _exit() ... ─► leak_exit.c            who ends how; the other threads are stopped
 *                            └─► leak_scan.c      roots, flood, what is left ─► the arena
 *                                  └─► leak_memory.c   what is mapped, what of it is a root
 *
 * A block counts as leaked only when no word of any root, and of any block that is
 * itself reached, points at it or into it, wherever the word lies. In doubt a block is held: a leak that is missed
 * costs a find, one that is none costs the user's trust.
 */
#ifndef DEARTH_PRELOAD_LEAK_H
#define DEARTH_PRELOAD_LEAK_H

#include "arch.h"
#include "unwind.h"

/* --- leak.c: the table --- */

/* What is known of a live block; 0 = none.
 *   size + 1, at most UINT32_MAX << 32 | generation of the process << 20 | site node */
typedef uint64_t leak_entry;
#define LEAK_NODE_BITS       20
#define LEAK_GENERATION_BITS 12
#define LEAK_SIZE_MAX        (UINT32_MAX - 1u)

static inline uint32_t leak_entry_node(leak_entry e) {
    return (uint32_t)e & ((1u << LEAK_NODE_BITS) - 1);
}
static inline uint32_t leak_entry_generation(leak_entry e) {
    return (uint32_t)e >> LEAK_NODE_BITS;
}
static inline uint64_t leak_entry_size(leak_entry e) {
    return (e >> 32) - 1;
}

/** Make room for the table. Context: process_start(), flags known. */
void leak_start(void);
/** This process was forked: its blocks so far are its parent's to judge. */
void leak_forked(void);

/** @p is a block of @size bytes now. @node: 0 = unknown; it is then followed, not judged.
 * Context: any thread, any handler. */
void leak_add(const void *p, uint64_t size, uint32_t node);
/** @p is no block any more. Return: what it was. Context: as above. */
leak_entry leak_take(const void *p);
/** Put back what leak_take() gave. */
void leak_put(const void *p, leak_entry entry);

/* Between leak_take() of the old block and leak_add() of the new one, what the old one
 * holds cannot be followed. */
void leak_moving(int change);
bool leak_is_moving(void);

/** Was the block made in this process, not before it was forked? */
bool leak_is_ours(leak_entry entry);
/** Is every live block in the table? */
bool leak_complete(void);
/** Call @each for every live block, by address. */
void leak_each(void (*each)(void *context, uintptr_t address, leak_entry entry),
               void *context);

/** Memory of ours that is no root. */
void leak_own(const void *p, size_t bytes);
struct leak_range {
    uintptr_t start, end;
};
#define LEAK_OWN_MAX 2048u
/** Return: how many of them there are in @out. */
uint32_t leak_owned(struct leak_range out[LEAK_OWN_MAX]);

/* --- leak_memory.c --- */

struct leak_map {
    uintptr_t start, end;
    uint32_t flags; /* enum leak_map_flag */
    uint32_t reserved;
};
enum leak_map_flag {
    LEAK_MAP_READABLE = 1u << 0,
    LEAK_MAP_ROOT = 1u << 1, /* may hold pointers of the program */
    LEAK_MAP_BRK = 1u << 2,
    LEAK_MAP_STACK = 1u << 3,
    LEAK_MAP_GUARD = 1u << 4, /* no access at all */
    /* readable, anonymous and ours alone: a page that is not there is zero */
    LEAK_MAP_PRIVATE = 1u << 5,
};
#define LEAK_MAPS_MAX 131072u

/** Read the mappings, by address. Return: their number, negative enum shm_leaks_state. */
long leak_maps(struct leak_map *out);

/** Call @each for every piece of @range that is in memory (or in swap), and now and then
 * with an empty piece, so that it can look at the clock.
 * @pagemap: descriptor of /proc/self/pagemap
 * Return: 0, or what @each returned, or -SHM_LEAKS_REFUSED. */
int leak_present(long pagemap, const struct leak_range *range,
                 int (*each)(void *context, const struct leak_range *piece),
                 void *context);

/** The words that epoll keeps for the program in the kernel. */
void leak_kernel_words(void (*each)(void *context, uintptr_t word), void *context);

/** Did the program put a filter between itself and the kernel since leak_sandbox_start()? */
void leak_sandbox_start(void);
bool leak_is_sandboxed(void);

/** Next entry of a folder's listing under way. */
struct leak_folder {
    long fd;
    long n, at;
    char buffer[2048];
};
bool leak_folder_open(struct leak_folder *folder, const char *path);
const char *leak_folder_next(struct leak_folder *folder);
void leak_folder_close(struct leak_folder *folder);
char *leak_path(char *out, const char *folder, const char *name, const char *file);

/* --- leak_scan.c --- */

/** Look for leaks, write them into the arena.
 * @start: of the thread that ends; what lies below sp is dead
 * Context: re-entry flag held, every other thread of the process stopped. */
struct leak_start {
    uintptr_t sp;
    const uintptr_t *registers;
    uint32_t n_registers;
    uint32_t exit_node; /* as in struct shm_leaks */
};
void leak_scan(const struct leak_start *start);
/** Write down that nothing is known, and why. */
void leak_unknown(uint32_t state);
/** This process is a copy of one whose blocks are watched; it will look for itself. */
void leak_copied(void);

/* --- leak_exit.c --- */

/** The process ends: look for leaks, once. @caller: of the hook that was called for it.
 * Context: any; re-entry flag free or ours. */
void leak_at_exit(const struct caller *caller);
/** Called by exit() (arch/<name>/arch_<name>.c), whose frame pointer is @frame. */
__attribute__((visibility("hidden"))) void leak_on_exit(uintptr_t frame, int status);
/** Where the program's part of the stack begins, and what it had in registers that a callee saves. */
struct leak_context {
    uintptr_t sp;
    uintptr_t registers[ARCH_N_SAVED];
};
/** Called by _exit(), _Exit() and quick_exit() (the same), whose frame pointer is @frame. */
_Noreturn void leak_exit_now(int status, uintptr_t frame, struct leak_context *context);
_Noreturn void leak_exit_c99(int status, uintptr_t frame, struct leak_context *context);
_Noreturn void leak_exit_quick(int status, uintptr_t frame, struct leak_context *context);
/** Find the real exit functions. Context: process_start(). */
void leak_exit_start(void);
/** 256 + the status that the program gave to exit(); 0 = it did not call it. */
uint32_t leak_exit_told(void);
/** Does the program move the break itself? */
bool leak_break_is_shared(void);

#endif
