/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A report's values: see report_data.h. What is read is in files of its own, each table once:
 *
 *   here                  which recordings and replays
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
#include "report_rows.h"
#include "report_sites.h"
#include "report_tally.h"
#include "report_unseen.h"
#include "report_words.h"
#include "store.h"
#include "text.h"

/* --- which recordings --- */

/* Same program, same build: see report_data.h. The newest, or the one that is asked for. */
static const char same_build[] =
    "CREATE TEMP TABLE chosen_recording AS SELECT r.id FROM recording r, recording "
    "newest WHERE newest.id = %lld AND r.exe = newest.exe AND (%d OR r.id = newest.id) "
    "AND NOT EXISTS (  SELECT 1 FROM process p JOIN process_module pm ON pm.process_id = "
    "p.id  JOIN module m ON m.id = pm.module_id  JOIN (SELECT DISTINCT m2.path, "
    "m2.build_id FROM process p2 JOIN process_module pm2        ON pm2.process_id = "
    "p2.id JOIN module m2 ON m2.id = pm2.module_id        WHERE p2.recording_id = %lld) "
    "fresh ON fresh.path = m.path  WHERE p.recording_id = r.id AND r.id <> newest.id AND "
    "m.path NOT LIKE '[%%'  AND fresh.build_id <> m.build_id);CREATE TEMP TABLE "
    "chosen_replay AS SELECT id FROM replay WHERE recording_id IN (SELECT id FROM "
    "chosen_recording);CREATE UNIQUE INDEX temp.chosen_recording_id ON "
    "chosen_recording(id);CREATE UNIQUE INDEX temp.chosen_replay_id ON "
    "chosen_replay(id);";

static void drop_chosen(struct store *store) {
    sqlite3_exec(store->db,
                 "DROP TABLE IF EXISTS temp.chosen_recording;"
                 "DROP TABLE IF EXISTS temp.chosen_replay;",
                 NULL, NULL, NULL);
}

static int choose(struct report_data *data, int64_t wanted, bool alike) {
    int64_t id = store_recording(data->store, wanted);
    if (id < 0)
        return (int)id;
    drop_chosen(data->store);
    AUTO_FREE char *sql = text_format(same_build, (long long)id, alike, (long long)id);
    return store_exec(data->store, sql);
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

static int load(struct report_data *data, int64_t recording, bool alike) {
    int (*const steps[])(struct report_data *) = {load_recordings, load_replays,
                                                  report_sites_load, report_findings_load,
                                                  report_completeness_load};
    int r = choose(data, recording, alike);
    for (size_t i = 0; r == 0 && i < sizeof steps / sizeof *steps; i++)
        r = steps[i](data);
    if (r < 0)
        return r;
    report_tally_sites(data);
    report_tally_void(data, report_unseen_open(data) > 0);
    report_sites_sort(data);
    report_completeness_derive(data);
    return 0;
}

int report_data_new(struct store *store, int64_t recording, bool alike,
                    struct report_data **out) {
    struct report_data *data = text_alloc(sizeof *data);
    data->private = text_alloc(sizeof *data->private);
    data->store = store;
    data->path = store->path;
    int r = store_exec(store, "BEGIN");
    if (r == 0)
        r = load(data, recording, alike);
    drop_chosen(store);
    store_rollback(store); /* nothing was written */
    if (r == 0)
        r = frames_reader_new(store, &data->private->reader);
    if (r < 0)
        data = report_data_free(data);
    *out = data;
    return r;
}

struct report_data *report_data_free(struct report_data *data) {
    if (!data)
        return NULL;
    report_findings_free(data);
    report_strings_deinit(&data->private->strings);
    frames_reader_free(data->private->reader);
    free(data->private);
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
