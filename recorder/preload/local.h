/* SPDX-License-Identifier: Apache-2.0 */
/* What a process has of its own: zero in a forked child (see preload.h). */
#ifndef DEARTH_PRELOAD_LOCAL_H
#define DEARTH_PRELOAD_LOCAL_H

#include "preload.h"

enum local_state { LOCAL_NEW = 0, LOCAL_REGISTERING, LOCAL_READY, LOCAL_REFUSED };

struct module {
    uintptr_t start, end;
    uintptr_t bias;
    const void *link_map;
    struct dearth_key key;
    uint32_t index;     /* 1-based, as in shm_node.module */
    uint32_t ready;     /* stored last (release) */
    uint32_t dead;      /* unloaded: its nodes must not be found any more */
    uint32_t anonymous; /* the pseudo module of code in no file: every offset is 0 */
};
#define MODULES_MAX (SHM_MAX_MODULE_BLOCKS * SHM_MODULES_PER_BLOCK)

struct slot {
    uint64_t owner; /* claim count << 32 | tid */
};

/* What the process block says of us, kept where the program does not write by mistake. */
struct counts {
    uint64_t lost, nodes_lost, truncated, incomplete, fallbacks;
    uint32_t n_nodes, n_rings, n_threads;
};

#define LOCAL_BLOCKS_KNOWN 8192u /* 512 MiB of the arena */

#define LOCAL_INDEX_LEVELS 5 /* of the node index, see node.c */

struct local {
    uint32_t state; /* enum local_state */
    uint32_t pid;
    struct shm_process *process;
    uint32_t process_id; /* its block */
    uint32_t starved;    /* the last wait for a block was in vain */
    uint32_t n_modules;  /* handed out; valid when `ready` */
    uint32_t anonymous;  /* index of the pseudo module, 0 = not there yet */
    uint32_t slot_cursor;
    uint32_t index_used[LOCAL_INDEX_LEVELS]; /* entries */
    struct counts counts;
    struct shm_node *node_blocks[SHM_MAX_NODE_BLOCKS]; /* as in the process block */
    struct shm_module *module_blocks[SHM_MAX_MODULE_BLOCKS];
    struct shm_ring *ring_blocks[SHM_MAX_RING_BLOCKS];
    uint64_t
        populated[LOCAL_BLOCKS_KNOWN /
                  64]; /* a bit for each block whose pages we have had as a segment */
    struct slot slots[SHM_MAX_RINGS];
    struct module modules[MODULES_MAX];
};
extern struct local *local; /* mapped once, shared with no one */

/** Show in the process block what @own holds by now, whoever else is doing the same. */
#define show_count(own, shown)                                                           \
    for (__typeof__(*(own)) show_n = load_relaxed(own);;) {                              \
        store_relaxed(shown, show_n);                                                    \
        __typeof__(*(own)) show_now = load_relaxed(own);                                 \
        if (show_now == show_n)                                                          \
            break;                                                                       \
        show_n = show_now;                                                               \
    }
/** Count one more of local->counts.@name. Context: LOCAL_READY. */
#define count_up(name)                                                                   \
    do {                                                                                 \
        add_relaxed(&local->counts.name, 1);                                             \
        show_count(&local->counts.name, &local->process->name);                          \
    } while (0)

#endif
