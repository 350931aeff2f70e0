/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A report's values: see report_data.h. What is read is in files of its own, each table once:
 *
 *   report_programs       which recordings; whose sites and findings are
 *   here                  recordings and replays
 *   report_suite          of a suite: targets, and the programs that they were failed in
 *   report_sites          sites, and what was tried at them ─► report_tally
 *   report_findings       findings, with their sites and leaks
 *   report_completeness   notes, losses, refusals
 *
 * Strings are interned in the report (report_strings), so equal paths are kept once.
 */
#include "report_data.h"

#include <stdlib.h>

#include "report_completeness.h"
#include "report_findings.h"
#include "report_private.h"
#include "report_programs.h"
#include "report_rows.h"
#include "report_scope.h"
#include "report_sites.h"
#include "report_suite.h"
#include "report_tally.h"
#include "report_unseen.h"
#include "report_words.h"
#include "store.h"
#include "text.h"

/* --- which recordings --- */

static void drop_chosen(struct store *store) {
    sqlite3_exec(store->db,
                 "DROP TABLE IF EXISTS temp.chosen_recording;"
                 "DROP TABLE IF EXISTS temp.chosen_replay;"
                 "DROP TABLE IF EXISTS temp.chosen_target;",
                 NULL, NULL, NULL);
}

static int load_recordings(struct report_data *data) {
    return report_rows_load(
        data, &report_fields_recording,
        "FROM recording r WHERE r.id IN chosen_recording ORDER BY r.id",
        "reading recordings", &data->recordings, &data->n_recordings);
}

static int load_replays(struct report_data *data) {
    int r = report_rows_load(data, &report_fields_replay,
                             "FROM replay r WHERE r.id IN chosen_replay ORDER BY r.id",
                             "reading replays", &data->replays, &data->n_replays);
    for (size_t i = 0; r == 0 && i < data->n_replays; i++)
        data->n_attempts += (uint64_t)data->replays[i].attempts;
    return r;
}

/* --- the whole --- */

static int load(struct report_data *data, const struct report_choice *choice) {
    int (*const steps[])(struct report_data *) = {
        load_recordings,      load_replays,      report_sites_load,
        report_findings_load, report_suite_load, report_completeness_load};
    drop_chosen(data->store);
    int r = report_programs_choose(data, choice);
    for (size_t i = 0; r == 0 && i < sizeof steps / sizeof *steps; i++)
        r = steps[i](data);
    if (r < 0)
        return r;
    if ((r = report_scope_apply(data, choice)) < 0)
        return r;
    report_tally_sites(data);
    if ((r = report_programs_load(data)) < 0)
        return r;
    report_tally_void(data, report_unseen_is_void(data));
    report_sites_sort(data);
    report_suite_tally(data, report_unseen_is_void(data));
    report_completeness_derive(data);
    return 0;
}

int report_data_new(struct store *store, const struct report_choice *choice,
                    struct report_data **out) {
    struct report_data *data = text_alloc(sizeof *data);
    data->private = text_alloc(sizeof *data->private);
    data->store = store;
    data->path = store->path;
    int r = store_exec(store, "BEGIN");
    if (r == 0)
        r = frames_reader_new(store, &data->private->reader);
    if (r == 0)
        r = load(data, choice);
    if (r < 0)
        data = report_data_free(data);
    *out = data;
    return r;
}

struct report_data *report_data_free(struct report_data *data) {
    if (!data)
        return NULL;
    drop_chosen(data->store);
    store_rollback(data->store); /* nothing was written */
    report_findings_free(data);
    report_suite_free(data);
    report_strings_deinit(&data->private->strings);
    frames_reader_free(data->private->reader);
    free(data->private);
    free(data->programs);
    free(data->recordings);
    free(data->replays);
    free(data->locations);
    free(data->sites);
    free(data->untested);
    free(data->modules_without_cfi);
    free(data->stops);
    free(data->refusals);
    free(data->notes);
    free(data);
    return NULL;
}

/* --- stacks --- */

int report_data_stack(const struct report_data *data, int64_t stack_id,
                      struct frames *out) {
    return frames_load(data->private->reader, stack_id, out);
}

int report_data_step(const struct report_data *data, int64_t stack_id, int64_t *parent_id,
                     const struct frame **frames, uint32_t *n) {
    return frames_step(data->private->reader, stack_id, parent_id, frames, n);
}

int report_data_add_place(const struct report_data *data,
                          const struct report_location *location, int64_t stack_id,
                          struct text *out) {
    AUTO_FRAMES struct frames frames = {0};
    int r = location || !stack_id ? 0 : report_data_stack(data, stack_id, &frames);
    if (frames.n)
        frame_add(&frames.items[0], out);
    else
        report_words_add_location(location, out);
    return r;
}

int report_data_loop(const struct report_data *data, const struct report_finding *finding,
                     struct frames *frames, const struct frame **frame) {
    AUTO_FRAMES struct frames later = {0};
    *frame = NULL;
    if (!finding->crash.stack_id || !finding->later_stack_id)
        return 0;
    int r = report_data_stack(data, finding->crash.stack_id, frames);
    if (r == 0)
        r = report_data_stack(data, finding->later_stack_id, &later);
    if (r < 0)
        return r;
    uint32_t at = frames_meet(frames, &later);
    if (at == frames->n)
        return 0;
    *frame = &frames->items[at];
    return 1;
}
