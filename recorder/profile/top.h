/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a recording, and a replay of it, have come to: read out of the database while they run.
 *
 *   process, site_stat, recording ─┐
 *   replay, attempt ───────────────┴─► struct top_now ─► text       every so often, each in one transaction
 */
#ifndef DEARTH_TOP_H
#define DEARTH_TOP_H

#include "idmap.h"
#include "store.h"
#include "text.h"
#include "words.h"

enum top_sort { TOP_LIVE, TOP_BYTES, TOP_COUNT };

struct top_site {
    int64_t id, stack_id;
    char *name; /* for people; NULL = not looked up yet */
    char op[24];
    uint64_t count, bytes, live_bytes;
};

struct top_now {
    uint64_t read_ns;          /* CLOCK_MONOTONIC */
    int64_t recording, replay; /* newest; 0 = none */
    bool recording_runs, replay_runs;
    bool left; /* said to be running, and nobody does */
    char *command, *state, *session;
    uint64_t duration_ns;
    uint64_t processes, alive, threads, sites;
    uint64_t events, allocations, frees, failed, bytes, live_blocks, live_bytes, lost;
    uint64_t peak_bytes;
    uint64_t sample_bytes; /* not 0: the numbers of the recording are estimates */
    char *replay_state;
    uint64_t replay_ns, planned, faults, executions;
    uint64_t found[N_VERDICTS]; /* locations at which a run of its own showed it */
    struct top_site *items;     /* the largest */
    uint32_t n_items;
};

/**
 * Read the newest recording that runs, else the newest, and the newest replay if it is of that one.
 * @limit: sites; 0 = all
 * @out: top_now_deinit()
 * Return: 0, or a negative errno after a message.
 */
int top_now_read(struct store *store, enum top_sort sort, uint32_t limit,
                 struct top_now *out);
void top_now_deinit(struct top_now *now); /* twice is safe */

/* Names of sites, as far as they are not in the database yet. */
struct top_names;
/** @store must outlive it. Return: 0, or a negative errno after a message. */
int top_names_new(struct store *store, struct top_names **out);
struct top_names *top_names_free(struct top_names *names);
/** Name what is in @now. Return: 0, or a negative errno after a message. */
int top_names_fill(struct top_names *names, struct top_now *now);

/**
 * Append it for people.
 * @before: what rates are counted from; NULL = none are known
 * @path: of the database
 * @width: of a terminal; 0 = none
 */
void top_text(const struct top_now *now, const struct top_now *before,
              const struct idmap *bytes_before, const char *path, unsigned width,
              struct text *out);
/** Append one line of it. */
void top_text_line(const struct top_now *now, const struct top_now *before,
                   struct text *out);

/**
 * Find the database that process @pid, or a dearth above it, writes to.
 * @out: path, free() it
 * Return: the dearth that writes, or a negative errno after a message.
 */
int64_t top_database_of(int64_t pid, char **out);

#endif
