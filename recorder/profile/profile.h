/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording's profile: the per-site aggregates of the store (site_stat), folded by what
 * the user asks about. `dearth stats`, `dearth diff` and `dearth export` all start here.
 *
 *   site_stat rows ──by site | location | function | module | process──► struct profile_item
 *
 * Sums are exact for every grouping. `peak_bytes` is each site's own largest sum of live
 * bytes; for an item of several sites (or processes) the sum of these is an upper bound,
 * since they need not have peaked together. `at_peak_bytes`, live at the recording's own
 * peak, adds up and comes from the events (profile_at_peak()).
 */
#ifndef DEARTH_PROFILE_H
#define DEARTH_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "idmap.h"
#include "store.h"
#include "text.h"

struct chunk_event;

enum profile_by {
    PROFILE_BY_SITE,
    PROFILE_BY_LOCATION,
    PROFILE_BY_FUNCTION,
    PROFILE_BY_MODULE,
    PROFILE_BY_SIZE,   /* powers of two; needs the events */
    PROFILE_BY_THREAD, /* needs the events */
    PROFILE_BY_PROCESS,
    PROFILE_BY_STACK, /* one item for each program and site; name = the program's path */
};
#define PROFILE_BY_CHOICES "site|location|function|module|size|thread|process"

enum profile_cost {
    PROFILE_COUNT,
    PROFILE_BYTES,
    PROFILE_PEAK,
    PROFILE_LIVE,
    PROFILE_TEMPORARY,
    PROFILE_CROSS_THREAD,
    PROFILE_REALLOC, /* bytes copied; needs the events */
    PROFILE_AT_PEAK,
    PROFILE_LIVE_BLOCKS,
    PROFILE_BY_KEY, /* not a cost: sizes in their own order */
};
#define PROFILE_SORT_CHOICES "count|bytes|peak|live|temporary|cross-thread|realloc"
#define PROFILE_COST_CHOICES "count|bytes|peak|live|temporary"

struct profile_numbers {
    uint64_t count, failed, frees, temporary, cross_thread_frees, live_blocks;
    uint64_t bytes, peak_bytes, live_bytes, at_peak_bytes;
    uint64_t max_size;
    uint64_t lifetime_ns; /* summed over freed blocks */
    uint64_t first_ns, last_ns;
    /* Of profile_reallocs(), else 0: realloc() calls that grew a block, those of them that moved
     * it, and the bytes in the blocks that these moved. */
    uint64_t grown, moved, copied_bytes;
};

struct profile_item {
    char *key;        /* unique in the profile and equal across recordings */
    char *name;       /* for people */
    char *portable;   /* by site: hex of the portable key, NULL when unknown */
    char *op;         /* by site, by stack: allocation function; else NULL */
    int64_t site_id;  /* its site with the largest cost; 0 = none */
    int64_t stack_id; /* of that site; 0 = not known */
    uint64_t largest; /* cost of that site */
    uint32_t n_rows;  /* (process, site) rows folded */
    struct profile_numbers n;
};

struct profile {
    struct profile_item *items;
    uint32_t n_items;
    struct profile_numbers total;
    uint32_t *slots; /* hash of key → item index + 1 */
    uint32_t n_slots;
};

/**
 * Open a database for reading one recording; resolve its symbols first if nobody has.
 * @wanted: recording; 0 = the newest, of a database that holds one program alone
 * @out: store_free()
 * Return: 0, or a negative errno after a message.
 */
int profile_open(const char *path, int64_t wanted, struct store **out,
                 int64_t *recording_id);

/* By profile_at_peak_key() of the realloc() calls' sites; zero is valid and empty. */
struct profile_reallocs {
    struct idmap grown, moved, copied_bytes;
};

struct profile_filter {
    /* Of profile_live_without_tail(), instead of site_stat's; NULL = site_stat's. */
    const struct idmap *live_blocks, *live_bytes;
    int64_t recording_id;
    bool skip_execed;          /* leave out processes whose image an exec replaced */
    enum profile_cost by_cost; /* which site of an item is its largest */
    const struct idmap
        *at_peak; /* of profile_at_peak(), or NULL: at_peak_bytes stays 0 */
    const struct profile_reallocs *reallocs; /* NULL: grown, moved, copied_bytes stay 0 */
};

/**
 * Fold site_stat. Not for PROFILE_BY_SIZE and PROFILE_BY_THREAD.
 * @out: profile_deinit(); items in no particular order
 * Return: 0, or a negative errno after a message.
 */
int profile_load(struct store *store, const struct profile_filter *filter,
                 enum profile_by by, struct profile *out);
void profile_deinit(struct profile *p);

/** Append the item's name for a line of text: of functions, long ones are shortened (short_name.h). */
void profile_add_name(const struct profile_item *item, enum profile_by by,
                      struct text *out);

/**
 * Bytes live at one moment, by process and site, from the events.
 * @moment_ns: of the peak, since the start of the recording; within one tick of the chunks'
 * clock (at most 1024 ns, see common/events/chunk.h) it is the point where the sum was largest
 * @out: idmap of profile_at_peak_key(); idmap_deinit()
 * Return: 0, or a negative errno after a message.
 */
int profile_at_peak(struct store *store, int64_t recording_id, uint64_t moment_ns,
                    struct idmap *out);
int64_t profile_at_peak_key(int64_t process_id, int64_t site_id);

/**
 * Blocks never freed, without those that were asked for within @tail_ns of their process's end:
 * what was asked for so late was perhaps just in use.
 * @blocks, @bytes: idmaps of profile_at_peak_key(); idmap_deinit()
 * Return: as profile_at_peak().
 */
int profile_live_without_tail(struct store *store, int64_t recording_id, uint64_t tail_ns,
                              struct idmap *blocks, struct idmap *bytes);

/**
 * What growing blocks by realloc() cost, from the events.
 * @out: zero; profile_reallocs_deinit(), also after a failure
 * Return: as profile_at_peak().
 */
int profile_reallocs(struct store *store, int64_t recording_id,
                     struct profile_reallocs *out);
void profile_reallocs_deinit(struct profile_reallocs *p); /* twice is safe */
/** Add what @e, which ended the block that @old made, cost; nothing when it grew none. */
void profile_add_realloc(struct profile_numbers *n, const struct chunk_event *old,
                         const struct chunk_event *e);

/**
 * Fold the events themselves: PROFILE_BY_SIZE (classes of powers of two) and
 * PROFILE_BY_THREAD. Memory grows with the blocks live at one time, not with the
 * recording.
 * @reallocs: also grown, moved, copied_bytes, each of the realloc() call's own item
 * Return: as profile_load().
 */
int profile_load_events(struct store *store, int64_t recording_id, enum profile_by by,
                        bool reallocs, struct profile *out);
#define AUTO_PROFILE __attribute__((cleanup(profile_deinit)))

/** The item of that key, made (with @name) when it is new. Valid until the next call. */
struct profile_item *profile_item(struct profile *p, const char *key, const char *name);
/** The item of that key, or NULL. Not after profile_sort(). */
struct profile_item *profile_find(const struct profile *p, const char *key);

/** Largest @cost first; equal costs by name, so that the same data gives the same bytes. */
void profile_sort(struct profile *p, enum profile_cost cost);
uint64_t profile_cost(const struct profile_numbers *n, enum profile_cost cost);

/** Drop the items that left no block; `total` stays. profile_find() is over then. */
void profile_keep_live(struct profile *p);

/** Add @more to @sum. */
void profile_add(struct profile_numbers *sum, const struct profile_numbers *more);

/** JSON members of @n, without braces. */
void profile_add_json(struct text *t, const struct profile_numbers *n);

#endif
