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
    bool awaited; /* waits for its standard input, and has no row of `unit` yet */
    bool replaced; /* an exec put another image in its place */
    bool status_known;
    int status;      /* as wait() gives it */
    bool left;       /* its blocks have left the sum of live bytes */
    bool has_marks;  /* rows of ring_mark */
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
    PUT_CHUNK,
    PUT_STAT,
    PUT_PEAK,
    FIRST_SELDOM, /* prepared when they are wanted */
    END_MODULE = FIRST_SELDOM,
    PUT_NOTE,
    PUT_MARK,
    DROP_MARKS,
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
    uint64_t sample_bytes;                     /* as in collector_options */
    const struct circumstances_options *units; /* NULL = no suite */
    struct greeter *greeter;                   /* of a suite */
    bool resumed; /* ends are to be told by last events: this is some time after */
    int epoll;
    struct watched **watched; /* by index in the directory; NULL = not there, or gone */
    uint32_t
        *done; /* the same index: serial of what was stored by the collector before us */
    uint32_t n_watched; /* entries of the directory */
    uint32_t n_alive, n_stored;
    uint32_t n_awaited;   /* watched that wait for their standard input */
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
    uint64_t asked_ns;       /* whether somebody watches */
    uint32_t n_held;         /* segments, over all rings */
    uint64_t polled_ns;      /* last look at processes without a pidfd */
    uint32_t polled_next;    /* where it stopped */
    int starved;
};

/* --- collector.c --- */

/** collector_ns() of what was before the last round. */
uint64_t collector_ns_before(const struct collector *c, uint64_t ticks);
/**
 * Ticks to ns since the start, by the clocks of the last two rounds. Both ends of the interval since the last round were
 * read together on both clocks, so a time within it is exact however badly the rate is known.
 */
static inline uint64_t collector_ns(const struct collector *c, uint64_t ticks) {
    if (ticks < c->last.ticks)
        return collector_ns_before(c, ticks);
    double ns = (double)(ticks - c->last.ticks) * c->ns_per_tick;
    return c->last.ns + (uint64_t)ns;
}
/** The same of a time that a process says of itself, which may be written over. */
uint64_t collector_ns_said(const struct collector *c, uint64_t ticks);

#endif
