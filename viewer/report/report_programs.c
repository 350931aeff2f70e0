/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs of a report: see report_programs.h.
 *
 *   database ─ store_programs ─► program[] ─► for each: its newest recording, and all of its like
 *   site_stat, attempt, ... ─► (site, recording) ─► the site's command line; the program's tally
 *   finding_attempt ─────────► (finding, recording) ─► the finding's command line
 *
 * A site or finding that several programs have is one: it counts once in every sum, and once for each of
 * them in theirs.
 */
#include "report_programs.h"

#include <stdlib.h>

#include "idmap.h"
#include "report_data.h"
#include "report_rows.h"
#include "report_strings.h"
#include "report_suite.h"
#include "reuse.h"
#include "store.h"
#include "store_programs.h"
#include "text.h"

/* --- which recordings --- */

/* Same program, same build: see report_data.h. The newest, or the one that is asked for. */
static const char same_build[] =
    "INSERT INTO chosen_recording SELECT r.id FROM recording r, recording newest WHERE "
    "newest.id = %lld AND r.exe = newest.exe AND (%d OR r.id = newest.id) AND " REUSE_SAME_BUILDS;

static int choose_alike(struct report_data *data, int64_t id, bool alike) {
    AUTO_FREE char *sql = text_format(same_build, (long long)id, alike, (long long)id);
    return store_exec(data->store, sql);
}

static void append(struct report_data *data, const struct store_program *program) {
    struct report_program *p =
        report_rows_append(&data->programs, &data->n_programs, sizeof *p);
    p->recording = program->recording;
    p->exe = report_strings_keep(data, program->exe);
    p->command = report_strings_keep(data, program->name);
    p->same_name = program->same_name;
}

static int choose_programs(struct report_data *data, const char *wanted) {
    struct store_programs programs;
    int r = store_programs_load(data->store, wanted, &programs);
    for (size_t i = 0; r == 0 && i < programs.n; i++) {
        if (!programs.items[i].wanted)
            continue;
        append(data, &programs.items[i]);
        r = choose_alike(data, programs.items[i].recording,
                         programs.items[i].recordings > 1);
    }
    data->n_left_out = programs.n - programs.n_wanted;
    store_programs_deinit(&programs);
    return r;
}

/* Somebody else may be at work on another recording of its like, or was killed there: what is not known yet of that
 * takes nothing from what is known of this one, and adds nothing. */
static int leave_unfinished_out(struct report_data *data, int64_t id) {
    AUTO_FREE char *sql = text_format(
        "DELETE FROM chosen_recording WHERE id <> %lld AND id IN (SELECT id FROM "
        "recording WHERE state = 'running')",
        (long long)id);
    return store_exec(data->store, sql);
}

static int choose_one(struct report_data *data, const struct report_choice *choice) {
    int64_t id = store_recording(data->store, choice->recording);
    int r = id < 0 ? (int)id : choose_alike(data, id, choice->alike);
    return r < 0 ? r : leave_unfinished_out(data, id);
}

/* `dearth replay` takes the newest recording of the database unless told otherwise. */
static void look_at_newest(struct report_data *data) {
    data->replay_recording = store_int(
        data->store,
        "SELECT max(id) FROM chosen_recording WHERE NOT EXISTS (SELECT 1 FROM recording "
        "n, recording c WHERE n.id = (SELECT max(id) FROM recording) AND c.id IN (SELECT "
        "id FROM chosen_recording) AND n.exe = c.exe)",
        0);
}

/* Of others than @recording, those that have ended; 0 = all of all. */
static int choose_replays(struct report_data *data, int64_t recording) {
    AUTO_FREE char *sql = text_format(
        "CREATE TEMP TABLE chosen_replay(id INTEGER PRIMARY KEY);"
        "INSERT INTO chosen_replay SELECT id FROM replay WHERE recording_id IN (SELECT id "
        "FROM chosen_recording) AND (%lld IN (0, recording_id) OR state <> 'running')",
        (long long)recording);
    return store_exec(data->store, sql);
}

int report_programs_choose(struct report_data *data, const struct report_choice *choice) {
    data->wanted_program = choice->program;
    int r = store_exec(data->store,
                       "CREATE TEMP TABLE chosen_recording(id INTEGER PRIMARY KEY);"
                       "CREATE TEMP TABLE chosen_target(site_id INTEGER PRIMARY KEY, "
                       "target_id INTEGER)");
    if (r == 0 && !choice->recording && !choice->program &&
        (r = report_suite_choose(data)) != 0)
        return r < 0 ? r : 0;
    if (r == 0)
        r = choice->recording ? choose_one(data, choice)
                              : choose_programs(data, choice->program);
    look_at_newest(data);
    return r < 0 ? r : choose_replays(data, choice->recording);
}

/* --- whose is what --- */

struct owner { /* of a recording */
    struct report_program *program;
    const char *command;
};

struct owning {
    struct owner *owners;  /* as data->recordings */
    struct idmap findings; /* id ─► index */
    const void **last;     /* by program: the site or finding that was counted last */
};

static int by_id(const void *key, const void *item) {
    int64_t a = *(const int64_t *)key, b = ((const struct report_recording *)item)->id;
    return (a > b) - (a < b);
}

static const struct report_recording *find_recording(const struct report_data *data,
                                                     int64_t id) {
    return data->n_recordings ? bsearch(&id, data->recordings, data->n_recordings,
                                        sizeof *data->recordings, by_id)
                              : NULL;
}

static const struct owner *find_owner(const struct report_data *data,
                                      const struct owning *owning, int64_t recording) {
    const struct report_recording *r = find_recording(data, recording);
    return r ? &owning->owners[r - data->recordings] : NULL;
}

/* Equal strings of a report have one address. */
static struct report_program *program_of(struct report_data *data, const char *exe) {
    for (size_t i = 0; i < data->n_programs; i++)
        if (data->programs[i].exe == exe)
            return &data->programs[i];
    return &data->programs[0]; /* cannot be: recordings are chosen by program */
}

static void find_owners(struct report_data *data, struct owner *owners) {
    for (size_t i = 0; i < data->n_recordings; i++) {
        const struct report_recording *r = &data->recordings[i];
        struct report_program *p = program_of(data, r->exe);
        AUTO_FREE char *name = store_programs_name(r->argv, r->exe, p->same_name);
        owners[i] = (struct owner){p, report_strings_keep(data, name)};
        p->n_recordings++;
        if (r->id == p->recording)
            p->command = owners[i].command;
    }
    for (size_t i = 0; i < data->n_replays; i++) {
        const struct report_recording *r =
            find_recording(data, data->replays[i].recording);
        if (r)
            owners[r - data->recordings].program->n_attempts +=
                (uint64_t)data->replays[i].attempts;
    }
}

/* Return: is this the first time that @thing comes up for that program? Rows of a thing follow each other. */
static bool is_new(const struct report_data *data, const struct owning *owning,
                   const struct owner *owner, const void *thing) {
    const void **last = &owning->last[owner->program - data->programs];
    bool new = *last != thing;
    *last = thing;
    return new;
}

/* --- sites --- */

#define OF_SITE_COLUMNS(X)                                                               \
    X(OF_SITE_ID, "site_id")                                                             \
    X(OF_SITE_RECORDING, "recording_id")
enum { OF_SITE_COLUMNS(STORE_COLUMN_ENUM) };

static const char of_site_sql[] = STORE_SELECT(
    OF_SITE_COLUMNS) "FROM (SELECT site_id, recording_id FROM site_stat WHERE "
                     "recording_id IN chosen_recording UNION SELECT a.site_id, "
                     "r.recording_id FROM attempt a JOIN replay r ON r.id = a.replay_id "
                     "WHERE r.id IN chosen_replay UNION SELECT e.site_id, r.recording_id "
                     "FROM error_path e JOIN attempt a ON a.id = e.attempt_id JOIN replay "
                     "r ON r.id = a.replay_id WHERE r.id IN chosen_replay UNION SELECT "
                     "bs.site_id, r.recording_id FROM baseline_site bs JOIN baseline b ON "
                     "b.id = bs.baseline_id JOIN replay r ON r.id = b.replay_id WHERE "
                     "r.id IN chosen_replay) ORDER BY site_id, recording_id";

static int by_site_id(const void *key, const void *item) {
    int64_t a = *(const int64_t *)key, b = ((const struct report_site *)item)->id;
    return (a > b) - (a < b);
}

static void count_site(const struct report_site *site, struct report_tally *t) {
    if (site->after_failure)
        return;
    t->total++;
    t->testable += site->reason != REASON_NOT_FAILABLE;
    t->tested += site->reason == REASON_TESTED;
}

static void add_site(struct report_data *data, sqlite3_stmt *s, void *state) {
    const struct owning *owning = state;
    int64_t id = sqlite3_column_int64(s, OF_SITE_ID);
    int64_t recording = sqlite3_column_int64(s, OF_SITE_RECORDING);
    const struct owner *owner = find_owner(data, owning, recording);
    struct report_site *site = data->n_sites ? bsearch(&id, data->sites, data->n_sites,
                                                       sizeof *data->sites, by_site_id)
                                             : NULL;
    if (!site || !owner)
        return;
    if (!site->command) {
        site->command = owner->command;
        site->recording = (uint64_t)recording;
    }
    if (is_new(data, owning, owner, site)) {
        site->programs++;
        count_site(site, &owner->program->sites);
    }
}

/* --- findings --- */

#define OF_FINDING_COLUMNS(X)                                                            \
    X(OF_FINDING_ID, "finding_id")                                                       \
    X(OF_FINDING_RECORDING, "recording_id")
enum { OF_FINDING_COLUMNS(STORE_COLUMN_ENUM) };

/* What is shown comes first. */
static const char of_finding_sql[] = STORE_SELECT(
    OF_FINDING_COLUMNS) "FROM (SELECT fa.finding_id, r.recording_id, 1 AS later FROM "
                        "finding_attempt fa JOIN attempt a ON a.id = fa.attempt_id JOIN "
                        "replay r ON r.id = a.replay_id WHERE r.id IN chosen_replay UNION "
                        "SELECT f.id, r.recording_id, 0 FROM finding f JOIN attempt a ON "
                        "a.id = f.attempt_id JOIN replay r ON r.id = a.replay_id WHERE "
                        "r.id IN chosen_replay) ORDER BY finding_id, later, recording_id";

static void add_finding(struct report_data *data, sqlite3_stmt *s, void *state) {
    struct owning *owning = state;
    int64_t at;
    const struct owner *owner =
        find_owner(data, owning, sqlite3_column_int64(s, OF_FINDING_RECORDING));
    if (!owner ||
        !idmap_get(&owning->findings, sqlite3_column_int64(s, OF_FINDING_ID), &at))
        return;
    struct report_finding *finding = &data->findings[at];
    if (!finding->command)
        finding->command = owner->command;
    if (is_new(data, owning, owner, finding)) {
        finding->programs++;
        owner->program->n_findings++;
    }
}

/* --- all of it --- */

static int read_owned(struct report_data *data, struct owning *owning) {
    for (size_t i = 0; i < data->n_findings; i++)
        idmap_put(&owning->findings, data->findings[i].id, (int64_t)i);
    int r =
        report_rows_read(data, of_site_sql, "reading whose sites are", add_site, owning);
    if (r == 0)
        r = report_rows_read(data, of_finding_sql, "reading whose findings are",
                             add_finding, owning);
    for (size_t i = 0; i < data->n_sites; i++)
        if (!data->sites[i].command)
            data->sites[i].command = "";
    for (size_t i = 0; i < data->n_findings; i++)
        if (!data->findings[i].command)
            data->findings[i].command = "";
    return r;
}

int report_programs_load(struct report_data *data) {
    if (data->n_programs < 2)
        return 0;
    struct owning owning = {
        .owners = text_alloc((data->n_recordings + 1) * sizeof *owning.owners),
        .last = text_alloc(data->n_programs * sizeof *owning.last)};
    find_owners(data, owning.owners);
    int r = read_owned(data, &owning);
    idmap_deinit(&owning.findings);
    free(owning.owners);
    free(owning.last);
    return r;
}

bool report_programs_several(const struct report_data *data) {
    return data->n_programs > 1 || data->suite;
}

bool report_programs_unproven(const struct report_program *program) {
    return !program->n_attempts &&
           (!program->sites.total || program->sites.tested < program->sites.testable);
}

void report_programs_add_of(const struct report_data *data,
                            const struct report_finding *finding, const char *before,
                            struct text *out) {
    if (!report_programs_several(data))
        return;
    text_add(out, before);
    if (finding->test)
        text_say(out, "%s: ", finding->test);
    text_say(out, "%s", finding->command);
    if (finding->programs > 1)
        text_say(out, " and %llu more program%s",
                 (unsigned long long)finding->programs - 1,
                 finding->programs == 2 ? "" : "s");
}
