/* SPDX-License-Identifier: Apache-2.0 */
/* One process that is watched: see watched.c. */
#ifndef DEARTH_WATCHED_H
#define DEARTH_WATCHED_H

#include "collector_private.h"

/** Watch the process at @index of the directory if it is there. Return: 0 or -errno. */
int watched_watch(struct collector *c, uint32_t index);
/** Write the rows of `unit` of those whose standard input is known by now (greeter.h). Return: 0 or -errno. */
int watched_greet(struct collector *c);
/** A process has ended: 'exec', 'exit' or 'killed'; finds out its status. */
const char *watched_end(struct watched *w);
/** Look whether a process is over, with what there is to look with. */
bool watched_is_over(const struct collector *c, const struct watched *w);
/** Try to get a pidfd for one that has none. */
void watched_open(struct collector *c, struct watched *w);
/** The process that @w descends from, while it is watched. */
struct watched *watched_parent(const struct collector *c, const struct watched *w);
/** Make what is kept of the process of block @block, which is one. */
struct watched *watched_new(struct collector *c, uint32_t index, uint32_t block);
/** It has its row: from now on it is watched. */
void watched_enter(struct collector *c, struct watched *w);
/** Take one record of ring @ring. Return: 0, 1 = its rows are due once the record is
 * behind the cursor (watched_checkpoint()), or -errno. */
int watched_take(struct collector *c, struct watched *w, uint32_t ring,
                 const struct shm_event *event);
/** collector_end_blocks() of one process; its rows are to be written afterwards. Return: 0 or -errno. */
int watched_end_blocks(struct collector *c, struct watched *w);
/** Write what it has done so far, whole: chunk, sums, marks. Return: 0 or -errno. */
int watched_checkpoint(struct collector *c, struct watched *w);
/** That is committed: give the segments before the marks back. */
void watched_give_back(struct collector *c, struct watched *w);
/** Index of the site of row @row, made if need be. */
uint32_t watched_site_index(struct watched *w, int64_t row);
/** Events that it has lost. */
uint64_t watched_lost(const struct collector *c, const struct watched *w);
/** Time that its threads have waited for us, in sum. */
uint64_t watched_waited_ns(const struct collector *c, const struct watched *w);
/** Write everything and sum it up. @end: for process.end. Return: 0 or -errno. */
int watched_store(struct collector *c, struct watched *w, const char *end);
/**
 * It is stored: count what was written all the same. Return: 0, 1 = something was, so its blocks may not
 * be given to others, or -errno.
 */
int watched_count_late(struct collector *c, struct watched *w);
/** Give its blocks back and forget it. */
void watched_forget(struct collector *c, struct watched *w);
struct watched *watched_free(struct watched *w);

#endif
