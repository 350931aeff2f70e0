/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heading above every profile: what was run, how it ended, its totals, and whether
 * the numbers are exact.
 */
#ifndef DEARTH_HEADING_H
#define DEARTH_HEADING_H

#include <stdbool.h>
#include <stdint.h>

#include "store.h"
#include "text.h"

struct heading {
    int64_t recording_id;
    char *state, *command, *detail; /* command: as typed in a shell */
    char *ended;                    /* "exit status 0", "killed by signal 9 (Killed)" */
    bool exact;
    uint64_t
        sample_bytes; /* of a sample: recording.sample_bytes, and its numbers are estimates; else 0 */
    char *off; /* when it was recorded, if not all the time; else NULL */
    uint64_t started_unix_ns, duration_ns, peak_ns;
    uint64_t allocations, frees, failed, bytes, peak_bytes, live_blocks, live_bytes;
    uint64_t events, events_lost, stacks_lost, stacks_truncated, stacks_incomplete;
    uint64_t sites, locations, processes, threads;
};

/** Read recording @id. @out: heading_deinit(). Return: 0, or a negative errno after a
 * message. */
int heading_load(struct store *store, int64_t id, struct heading *out);
void heading_deinit(struct heading *h);

/** Append the lines above a table. */
void heading_add_text(struct text *t, const char *path, const struct heading *h);
/** Append one JSON object. */
void heading_add_json(struct text *t, const struct heading *h);

/** What a number of it begins with: "about " when it is an estimate, else "". */
const char *heading_about(const struct heading *h);

/** "nothing lost, every stack whole", or what is missing. */
void heading_add_exactness(struct text *t, const struct heading *h);

#endif
