/* SPDX-License-Identifier: Apache-2.0 */
/* What targets have written over: see collector_damage.c. */
#ifndef DEARTH_COLLECTOR_DAMAGE_H
#define DEARTH_COLLECTOR_DAMAGE_H

#include "collector_private.h"

/** Ring @ring of a process is written over: it is read no further, its thread waits for nothing. */
void collector_damage_ring(struct watched *w, uint32_t ring);
/** The process's block is: it goes on. */
void collector_damage_block(struct watched *w);
/** Remember what it says of itself now. */
void collector_damage_remember(struct watched *w);
/** Put back what only we write, or what cannot have changed. Once a round. */
void collector_damage_check_process(struct collector *c, struct watched *w);
/** The same for a ring whose cursor is there. */
void collector_damage_check_ring(struct watched *w, uint32_t ring);
/** A process is over: does it add up? */
void collector_damage_check_end(struct collector *c, struct watched *w);
/** May a record have that time? The slow way: most are past. */
bool collector_damage_time_ok(const struct collector *c, uint64_t time);
/** Is this a record of the ring of @cursor, as its thread has written it? */
static inline bool collector_damage_event_ok(const struct collector *c,
                                             const struct cursor *cursor,
                                             const struct shm_event *e) {
    const uint64_t bits = (uint64_t)SHM_AUX_CHECK << 48;
    uint64_t rest;
    memcpy(&rest, &e->node, sizeof rest); /* node, kind, op, aux: as it is made */
    uint64_t check =
        shm_event_check(cursor->seed, e->time, e->address, e->size, rest & ~bits);
    return (rest & bits) >> 56 == check && e->kind - 1u < SHM_EV_REALLOC_GONE &&
           e->op < SHM_N_OPS && e->node < SHM_MAX_NODE_BLOCKS * SHM_NODES_PER_BLOCK &&
           ((e->time >= c->start_ticks && e->time <= c->now.ticks) ||
            collector_damage_time_ok(c, e->time));
}
/** Is the segment that the cursor is in still that of this ring? */
bool collector_damage_segment_ok(const struct watched *w, uint32_t ring,
                                 const struct shm_segment *segment, uint32_t serial);
/** Records of damaged rings that nobody will read. */
uint64_t collector_damage_unread(const struct watched *w);

#endif
