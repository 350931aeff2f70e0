/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of frames: see node.c. */
#ifndef DEARTH_PRELOAD_NODE_H
#define DEARTH_PRELOAD_NODE_H

#include "local.h"
#include "thread.h"

/** Child of @parent (0 = root) for return address @address. Return: node id, 0 = full. */
uint32_t node_frame(struct thread *thread, uint32_t parent, uintptr_t address);
/** Site below @parent. @flags: enum shm_node_flag. Return: node id, 0 = full. */
uint32_t node_site(struct thread *thread, uint32_t parent, uint32_t op, uint32_t flags);

/** Tell the kernel @advice about the index. Return: whether it took it. */
bool node_advise(int advice);
/** Make it what the kernel makes of it in a forked child: zero. */
void node_wipe(void);
/** Map room for more nodes than a program usually has. */
void node_prepare(void);
/** @id: one that node_frame() or node_site() has given */
static inline struct shm_node *node_at(uint32_t id) {
    return &load_acquire(
        &local->node_blocks[id / SHM_NODES_PER_BLOCK])[id % SHM_NODES_PER_BLOCK];
}
/** The same for one that was read in shared memory. Return: NULL when there is none. */
static inline struct shm_node *node_checked(uint32_t id) {
    return id / SHM_NODES_PER_BLOCK < SHM_MAX_NODE_BLOCKS &&
                   load_acquire(&local->node_blocks[id / SHM_NODES_PER_BLOCK])
               ? node_at(id)
               : NULL;
}

#endif
