/* SPDX-License-Identifier: Apache-2.0 */
/* What the collector's files share: see collector.h. */
#ifndef DEARTH_COLLECTOR_PRIVATE_H
#define DEARTH_COLLECTOR_PRIVATE_H

#include <sqlite3.h>
#include <string.h>

#include "chunk.h"
#include "collector.h"
#include "idmap.h"
#include "live.h"
#include "store.h"

struct thread_seen {
    int64_t row;
    uint32_t serial;
    uint64_t events, last_ns, ended_ns; /* ended_ns 0 = not known to have ended */
    uint64_t stored_events;             /* as in its row */
};

/*
 * Where reading stands in one ring. What is read stays there until the rows made of it are
 * committed: were dearth killed before, `dearth recover` reads it again.
 *
 *   oldest ──► ... ──► marked ──► ... ──► segment
 *   n_held segments from oldest on; those before `marked` go back at the next commit
 */
struct cursor {
    struct shm_ring *shm; /* where it lies; NULL = not known yet */
    const struct shm_segment *segment;
    uint32_t id;            /* its block */
    uint32_t serial, given; /* of the segment; segments given back so far */
    uint64_t seed;          /* of its records' checks */
    struct shm_event event; /* the next record, out of the target's reach */
    uint32_t position, head;
    uint32_t oldest, n_held;
    uint32_t marked, marked_position; /* as in its row of ring_mark; 0 = has none */
    uint32_t thread;                  /* index + 1 into threads, 0 = none yet */
    bool damaged;                     /* read no further */
};

/* What a process says once, and we ask it again and again. */
struct identity {
    uint32_t origin, pid, ppid, serial, slot, parent, parent_slot;
    uint64_t started, pid_start_time, pid_namespace;
};

enum watched_state {
    WATCHED_ALIVE,
    WATCHED_DYING,  /* has ended: after the next round nothing more can come */
    WATCHED_STORED, /* all written; its blocks wait a moment before others get them */
    WATCHED_KEPT, /* that was too early: somebody still writes there. They stay as they are */
};

/* One process that has a block in the arena. */
struct watched {
    uint32_t index, block; /* place in the directory; block id */
    uint32_t serial, pid;  /* as it said first: it can scribble on them */
    uint64_t start;        /* the same: pid_start_time */
    struct shm_process *shm;
    int64_t row;
    struct identity identity; /* as in shm, which may be written over */
    uint32_t damaged; /* rings, and the block itself, that were found written over */
    bool block_damaged;
    enum watched_state state;
    int pidfd;    /* -1 = none could be had: it is looked at every now and then instead */
    bool foreign; /* lives in another pid namespace: its pid says nothing here */
    bool gone;    /* was over when it was first looked at */
    bool replaced; /* an exec put another image in its place */
    bool status_known;
    int status;      /* as wait() gives it */
    bool left;       /* its blocks have left the sum of live bytes */
    bool committed;  /* STORED, and that is committed */
    uint32_t since;  /* records taken since its rows were last written */
    uint32_t n_held; /* over its cursors */
    uint64_t stored_ns, stored_lost, late; /* late: calls counted as lost since */
    struct live *live;
    struct chunk_writer *writer;
    uint32_t n_chunks;
    struct cursor *cursors;
    uint32_t n_cursors;
    struct thread_seen *threads;
    uint32_t n_threads;
    struct idmap thread_of; /* serial -> index + 1 */
    uint32_t *site_of;      /* node id -> site index; 0 = not looked up */
    uint32_t n_site_of;
    int64_t *site_rows;      /* site index -> row */
    uint64_t *site_versions; /* site index -> calls + frees as in its row of site_stat */
    uint32_t n_sites, site_capacity;
    struct idmap site_by_row; /* row -> site index */
    uint32_t n_modules;       /* rows written */
    uint64_t last_ns;         /* newest event */
};

enum statement {
    PUT_PROCESS,
    END_PROCESS,
    PUT_THREAD,
    END_THREAD,
    PUT_MODULE,
    END_MODULE,
    PUT_CHUNK,
    PUT_STAT,
    PUT_NOTE,
    PUT_MARK,
    DROP_MARKS,
    PUT_PEAK,
    FIND_PROCESS,
    ADD_LOST,
    N_STATEMENTS
};

struct moment {
    uint64_t ticks, ns;
};

struct pending { /* a ring that has something to merge */
    uint64_t time;
    struct watched *w;
    uint32_t ring;
};

struct collector {
    struct session *session;
    struct store *store;
    struct session_site_cache *cache;
    int64_t recording_id;
    bool keep_events;
    bool resumed; /* ends are to be told by last events: this is some time after */
    int epoll;
    struct watched **watched; /* by index in the directory; NULL = not there, or gone */
    uint32_t
        *done; /* the same index: serial of what was stored by the collector before us */
    uint32_t n_watched; /* entries of the directory */
    uint32_t n_alive, n_stored;
    uint32_t n_forgotten; /* since memory was last given back */
    uint32_t n_pidfds;
    bool proc_known;        /* /proc is there, and ours */
    uint64_t pid_namespace; /* our own; 0 = unknown */
    uint32_t n_blocks;
    struct moment last, now; /* of the round before, of this one */
    uint64_t start_ticks;
    uint64_t second;    /* in ticks, roughly */
    double ns_per_tick; /* between the two */
    struct pending *heap;
    uint32_t n_heap, heap_capacity;
    struct live_sum sum;
    struct collector_totals totals; /* of stored processes */
    sqlite3_stmt *statements[N_STATEMENTS];
    uint64_t transaction_ns; /* when it was begun; 0 = none is open */
    uint64_t sums_ns;        /* when sums were last written for all the living */
    uint32_t n_held;         /* segments, over all rings */
    uint64_t polled_ns;      /* last look at processes without a pidfd */
    uint32_t polled_next;    /* where it stopped */
    int starved;
};

/* --- collector.c --- */

/** Ticks to ns since the start, by the clocks of the last two rounds. */
uint64_t collector_ns(const struct collector *c, uint64_t ticks);
/** The same of a time that a process says of itself, which may be written over. */
uint64_t collector_ns_said(const struct collector *c, uint64_t ticks);

/* --- collector_damage.c --- */

/** Ring @ring of a process is written over: it is read no further, its thread waits for nothing. */
void damage_ring(struct watched *w, uint32_t ring);
/** The process's block is: it goes on. */
void damage_block(struct watched *w);
/** Remember what it says of itself now. */
void damage_remember(struct watched *w);
/** Put back what only we write, or what cannot have changed. Once a round. */
void damage_check_process(struct collector *c, struct watched *w);
/** The same for a ring whose cursor is there. */
void damage_check_ring(struct watched *w, uint32_t ring);
/** A process is over: does it add up? */
void damage_check_end(struct collector *c, struct watched *w);
/** May a record have that time? The slow way: most are past. */
bool damage_time_ok(const struct collector *c, uint64_t time);
/** Is this a record of the ring of @cursor, as its thread has written it? */
static inline bool damage_event_ok(const struct collector *c, const struct cursor *cursor,
                                   const struct shm_event *e) {
    const uint64_t bits = (uint64_t)SHM_AUX_CHECK << 48;
    uint64_t rest;
    memcpy(&rest, &e->node, sizeof rest); /* node, kind, op, aux: as it is made */
    uint64_t check =
        shm_event_check(cursor->seed, e->time, e->address, e->size, rest & ~bits);
    return (rest & bits) >> 56 == check && e->kind - 1u < SHM_EV_ASKED &&
           e->op < SHM_N_OPS && e->node < SHM_MAX_NODE_BLOCKS * SHM_NODES_PER_BLOCK &&
           ((e->time >= c->start_ticks && e->time <= c->now.ticks) ||
            damage_time_ok(c, e->time));
}
/** Is the segment that the cursor is in still that of this ring? */
bool damage_segment_ok(const struct watched *w, uint32_t ring,
                       const struct shm_segment *segment, uint32_t serial);
/** Records of damaged rings that nobody will read. */
uint64_t damage_unread(const struct watched *w);

/* --- collector_process.c --- */

/** Watch the process at @index of the directory if it is there. Return: 0 or -errno. */
int process_watch(struct collector *c, uint32_t index);
/** A process has ended: 'exec', 'exit' or 'killed'; finds out its status. */
const char *process_end(struct watched *w);
/** Look whether a process is over, with what there is to look with. */
bool process_is_over(const struct collector *c, const struct watched *w);
/** Try to get a pidfd for one that has none. */
void process_open(struct collector *c, struct watched *w);
/** The process that @w descends from, while it is watched. */
struct watched *process_parent(const struct collector *c, const struct watched *w);
/** Make what is kept of the process of block @block, which is one. */
struct watched *process_new(struct collector *c, uint32_t index, uint32_t block);
/** It has its row: from now on it is watched. */
void process_enter(struct collector *c, struct watched *w);
/** Take one record of ring @ring. Return: 0, 1 = its rows are due once the record is
 * behind the cursor (process_checkpoint()), or -errno. */
int process_take(struct collector *c, struct watched *w, uint32_t ring,
                 const struct shm_event *event);
/** Write what it has done so far, whole: chunk, sums, marks. Return: 0 or -errno. */
int process_checkpoint(struct collector *c, struct watched *w);
/** That is committed: give the segments before the marks back. */
void process_give_back(struct collector *c, struct watched *w);
/** Index of the site of row @row, made if need be. */
uint32_t process_site_index(struct watched *w, int64_t row);
/** Events that it has lost. */
uint64_t process_lost(const struct collector *c, const struct watched *w);
/** Time that its threads have waited for us, in sum. */
uint64_t process_waited_ns(const struct collector *c, const struct watched *w);
/** Write everything and sum it up. @end: for process.end. Return: 0 or -errno. */
int process_store(struct collector *c, struct watched *w, const char *end);
/**
 * It is stored: count what was written all the same. Return: 0, 1 = something was, so its blocks may not
 * be given to others, or -errno.
 */
int process_count_late(struct collector *c, struct watched *w);
/** Give its blocks back and forget it. */
void process_forget(struct collector *c, struct watched *w);
struct watched *process_free(struct watched *w);

/* --- collector_rows.c --- */

int rows_prepare(struct collector *c);
void rows_finalize(struct collector *c);
/** Open a transaction if none is. */
int rows_begin(struct collector *c);

int64_t rows_put_process(struct collector *c, const struct watched *w);
/** Its row has ended; add @lost to its losses. */
int rows_add_lost(struct collector *c, const struct watched *w, uint64_t lost);
int rows_end_process(struct collector *c, const struct watched *w, const char *end,
                     uint64_t lost);
int64_t rows_put_thread(struct collector *c, const struct watched *w, uint32_t serial,
                        uint32_t tid, uint64_t started_ns);
int rows_end_thread(struct collector *c, const struct thread_seen *t);
int rows_put_modules(struct collector *c, struct watched *w);
int rows_end_modules(struct collector *c, const struct watched *w);
int rows_put_chunk(struct collector *c, struct watched *w);
/** Sums of the sites that have changed since the last time. */
int rows_put_stats(struct collector *c, struct watched *w);
int rows_put_marks(struct collector *c, struct watched *w);
int rows_drop_marks(struct collector *c, const struct watched *w);
/** What the recording's row says while it runs. */
int rows_put_peak(struct collector *c);
int rows_put_notes(struct collector *c, const struct watched *w, uint32_t *n);

#endif
