/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the plan is made from, read out of the database.
 *
 *   recording, site_stat, site, stack, frame, symbol, attempt ─► struct sites ─► plan
 */
#ifndef DEARTH_SITES_H
#define DEARTH_SITES_H

#include <stdbool.h>
#include <stdint.h>

#include "plan.h"
#include "store.h"

/* Everything plan_make() needs, with the strings it points to. Zero is valid and empty.
 */
struct sites {
    struct plan_input input;
    struct plan_site *list; /* = input.sites */
    const char **locations; /* by site: name of its location or NULL */
    bool *in_baseline;      /* by site: some baseline run of this replay reached it */
    uint32_t n_recorded;    /* of them, in the recording */
    uint32_t n_in_baseline;
    uint32_t n_changed; /* frames that changed_mark() has marked */
    char **strings;     /* owned */
    uint32_t n_strings;
    struct plan_frame *frames;
    struct plan_stack *stacks;
    struct plan_attempt *attempts;
    uint32_t n_reused;           /* sites whose attempts are all of @others */
    int64_t reused_from;         /* the newest of these recordings; 0 = none */
    struct plan_window *windows; /* calls.h */
    struct plan_pick *picks;
};
void sites_deinit(struct sites *sites);

/**
 * Load the sites of a recording and those that this replay's baseline runs reached, with
 * the earlier attempts of the same recording.
 * @replay_id: 0 = without baseline runs
 * @others: JSON array: recordings whose attempts count as well, as far as they were judged as this replay judges;
 * NULL = none
 * @with_stacks: frames and symbols too (filters need them)
 * Return: 0, or a negative errno after a message.
 */
int sites_load(struct store *store, int64_t recording_id, int64_t replay_id,
               const char *others, bool with_stacks, struct sites *out);

/** Load no more than the frames on the stacks of a recording's sites, with their symbols.
 * Return: 0, or a negative errno after a message. */
int sites_load_frames(struct store *store, int64_t recording_id, struct sites *out);

/** Add the faults whose copies a replay with --quick ended: to another such replay they are done.
 * Return: 0, or a negative errno after a message. */
int sites_add_survivors(struct store *store, int64_t recording_id, struct sites *sites);

/** Index of the site with that number in the database; -1 = it is not one of these. */
static inline int64_t sites_index(const struct sites *sites, int64_t id) {
    for (uint32_t i = 0; i < sites->input.n_sites; i++)
        if (sites->list[i].id == id)
            return i;
    return -1;
}

/** Of a site: its location, or a number of its own where none is known. */
static inline int64_t sites_location(const struct plan_site *site) {
    return site->location ? site->location : -site->id;
}

#endif
