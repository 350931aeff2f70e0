/* SPDX-License-Identifier: Apache-2.0 */
/* How far a report can be relied on, over all its recordings: see report_completeness.h. */
#include "report_completeness.h"

#include "behind.h"
#include "report_programs.h"
#include "report_rows.h"
#include "report_strings.h"
#include "report_suite.h"
#include "report_unseen.h"
#include "store.h"
#include "text.h"

struct report_completeness report_completeness(const struct report_data *data) {
    struct report_completeness c = {0};
    for (size_t i = 0; i < data->n_recordings; i++)
        report_fields_sum(&report_fields_completeness, &c, &report_fields_recording,
                          &data->recordings[i]);
    return c;
}

/* --- reading --- */

/* That nothing has changed is about the last replay alone, of the newest recording of its program. */
static int load_notes(struct report_data *data) {
    int r = report_rows_load(
        data, &report_fields_note,
        "FROM note WHERE (recording_id IN chosen_recording OR replay_id "
        "IN chosen_replay) AND NOT (kind = 'nothing_changed' AND EXISTS "
        "(SELECT 1 FROM replay r JOIN recording rec ON rec.id = "
        "r.recording_id, recording newer LEFT JOIN replay again ON "
        "again.recording_id = newer.id WHERE r.id = note.replay_id AND "
        "newer.exe = rec.exe AND (newer.id > rec.id OR again.id > r.id))) "
        "GROUP BY kind, text, subject ORDER BY min(id)",
        "reading notes", &data->notes, &data->n_notes);
    for (size_t i = 0; i < data->n_notes; i++)
        data->notes[i].unseen = report_unseen_counts(&data->notes[i]);
    return r;
}

/* Attempts that were compared with a run which did not end as the recording did, where no other
 * replay has tried the same site. */
static int load_doubtful(struct report_data *data) {
    data->n_doubtful = (uint64_t)store_int(
        data->store,
        "WITH doubtful AS (SELECT replay_id AS id FROM note WHERE kind = "
        "'baseline_differs') SELECT count(DISTINCT site_id) FROM attempt a WHERE "
        "replay_id IN chosen_replay AND replay_id IN doubtful AND NOT EXISTS (SELECT 1 "
        "FROM attempt b WHERE b.site_id = a.site_id AND b.mode = a.mode AND b.replay_id "
        "IN chosen_replay AND b.replay_id NOT IN doubtful)",
        0);
    return 0;
}

/* Findings are derived when a replay ends: one that goes on, or was killed, has executions that show bugs of which
 * there is no finding. */
static int load_behind(struct report_data *data) {
    data->n_behind = (uint64_t)store_int(
        data->store,
        "SELECT count(*) FROM attempt WHERE replay_id IN chosen_replay AND " BEHIND_IS,
        0);
    return 0;
}

/* Its query begins with a table of its own. */
static void add_stop(struct report_data *data, sqlite3_stmt *s, void *state) {
    (void)state;
    report_fields_read(
        &report_fields_stop, data, s,
        report_rows_append(&data->stops, &data->n_stops, sizeof *data->stops));
}

static int load_stops(struct report_data *data) {
    AUTO_TEXT struct text sql = {0};
    text_add(
        &sql,
        "WITH RECURSIVE up(site_id, stack_id) AS (SELECT id, stack_id FROM site WHERE "
        "incomplete UNION ALL SELECT up.site_id, parent_id FROM up JOIN stack ON "
        "stack.id = up.stack_id WHERE parent_id < stack.id) SELECT " /* no circles */);
    report_fields_select(&report_fields_stop, false, &sql);
    text_add(
        &sql,
        "NULL FROM up JOIN stack ON stack.id = up.stack_id AND parent_id IS NULL JOIN "
        "frame f ON f.id = frame_id JOIN module m ON m.id = f.module_id JOIN "
        "site_stat x ON x.site_id = up.site_id WHERE x.recording_id IN "
        "chosen_recording GROUP BY m.path ORDER BY m.path");
    return report_rows_read(data, sql.data, "reading where stacks ended", add_stop, NULL);
}

#define WITHOUT_CFI_COLUMNS(X) X(WITHOUT_CFI_PATH, "m.path")
enum { WITHOUT_CFI_COLUMNS(STORE_COLUMN_ENUM) };

static const char without_cfi_sql[] = "SELECT DISTINCT " WITHOUT_CFI_COLUMNS(
    STORE_COLUMN_SQL) "NULL FROM module m JOIN process_module pm ON pm.module_id = m.id JOIN process p ON "
                      "p.id = pm.process_id WHERE m.no_cfi AND p.recording_id IN chosen_recording ORDER BY "
                      "m.path";

static void add_without_cfi(struct report_data *data, sqlite3_stmt *s, void *state) {
    (void)state;
    *(const char **)report_rows_append(&data->modules_without_cfi,
                                       &data->n_modules_without_cfi, sizeof(char *)) =
        report_strings_keep(data, store_column_text(s, WITHOUT_CFI_PATH));
}

static int load_refusals(struct report_data *data) {
    return report_rows_load(
        data, &report_fields_refusal,
        "FROM refused WHERE replay_id IN chosen_replay GROUP BY reason ORDER BY reason",
        "reading refused", &data->refusals, &data->n_refusals);
}

int report_completeness_load(struct report_data *data) {
    int r = load_notes(data);
    if (r == 0)
        r = report_rows_read(data, without_cfi_sql, "reading modules", add_without_cfi,
                             NULL);
    if (r == 0)
        r = load_stops(data);
    if (r == 0)
        r = load_refusals(data);
    if (r == 0)
        r = load_doubtful(data);
    if (r == 0)
        r = load_behind(data);
    return r;
}

/* --- what only the report can know --- */

static void add_note(struct report_data *data, const char *kind, const char *text) {
    struct report_note *note =
        report_rows_append(&data->notes, &data->n_notes, sizeof *note);
    note->kind = report_strings_keep(data, kind);
    note->text = report_strings_keep(data, text);
}

static void add_left_out(struct report_data *data) {
    if (!data->n_left_out)
        return;
    AUTO_FREE char *text = text_format(
        "Only what --program %s names is in this report: %zu program%s of %zu.",
        data->wanted_program, data->n_programs, data->n_programs == 1 ? "" : "s",
        data->n_programs + data->n_left_out);
    add_note(data, "programs_left_out", text);
}

static void add_unproven(struct report_data *data) {
    for (size_t i = 0; i < data->n_programs && data->n_programs > 1; i++) {
        const struct report_program *p = &data->programs[i];
        if (!report_programs_unproven(p))
            continue;
        AUTO_FREE char *text = text_format("%s was never replayed: 'dearth replay "
                                           "--recording %lld' does that.",
                                           p->command, (long long)p->recording);
        add_note(data, "program_not_replayed", text);
    }
}

static void add_quick(struct report_data *data) {
    if (!data->quick)
        return;
    AUTO_TEXT struct text text = {0};
    text_add(&text, "Quick (--quick): ");
    survivor_describe(&data->survivors, &text);
    if (data->survivors.open)
        text_addf(&text, ". 'dearth %sreplay' without --quick goes on with them",
                  data->suite ? "suite " : "");
    text_add(&text, ".");
    add_note(data, "quick", text.data);
}

/* In the formats that have no words of their own for suites. */
static void add_suite(struct report_data *data) {
    const struct report_tally *t = &data->target_tally;
    AUTO_TEXT struct text lines = {0};
    text_addf(
        &lines,
        "A suite: coverage is that of targets, places of the project's own that ask "
        "for memory; %llu of %llu were failed, in %zu programs that were run by "
        "themselves. Sites are their contexts, of which %llu of %llu were failed. Not "
        "seen: ",
        (unsigned long long)t->tested, (unsigned long long)t->testable,
        data->suite->n_units - data->suite->n_refused,
        (unsigned long long)data->site_tally.tested,
        (unsigned long long)data->site_tally.testable);
    report_suite_add_limits(data, "", "; ", &lines);
    add_note(data, "suite", lines.data);
}

/* What only the report can know. Counted sites and states, no judgement. */
void report_completeness_derive(struct report_data *data) {
    add_left_out(data);
    if (data->suite)
        add_suite(data);
    int64_t others =
        data->suite
            ? (int64_t)data->suite->n_strangers
            : store_int(
                  data->store,
                  data->n_left_out
                      ? "SELECT count(*) FROM recording WHERE id NOT IN chosen_recording AND exe "
                        "IN (SELECT exe FROM recording WHERE id IN chosen_recording)"
                      : "SELECT count(*) FROM recording WHERE id NOT IN chosen_recording",
                  0);
    data->n_other_builds = data->n_programs ? (uint64_t)others : 0;
    if (others) {
        AUTO_FREE char *text = text_format(
            "%lld recording%s of another program or build in this database %s left out; "
            "--recording ID reports on one of them.",
            (long long)others, others == 1 ? "" : "s", others == 1 ? "is" : "are");
        add_note(data, "recordings_left_out", text);
    }
    data->exact = true;
    for (size_t i = 0; i < data->n_recordings; i++)
        data->exact &= data->recordings[i].exact;
    const struct report_recording *sample = report_unseen_sample(data);
    if (sample) {
        char every[16];
        AUTO_FREE char *text = text_format(
            "Recording %lld is a sample, one byte in %s: its numbers are estimates (about), "
            "and sites that are not in it are neither untested nor covered: they are not "
            "known. It is not replayed; 'dearth report CI.db --demand' reads it.",
            (long long)sample->id, text_bytes((uint64_t)sample->sample_bytes, every));
        add_note(data, "sample", text);
    }
    if (data->n_behind) {
        AUTO_FREE char *text = text_format(
            "%llu execution%s of a replay that goes on or was killed: what %s is in no "
            "finding yet; when it has ended, or when 'dearth %sreplay' has gone on with it, "
            "it is.",
            (unsigned long long)data->n_behind, data->n_behind == 1 ? " is" : "s are",
            data->n_behind == 1 ? "it shows" : "they show", data->suite ? "suite " : "");
        add_note(data, "findings_behind", text);
    }
    add_quick(data);
    uint64_t nameless = 0;
    for (size_t i = 0; i < data->n_sites; i++)
        nameless += !data->sites[i].location;
    if (nameless) {
        AUTO_FREE char *text = text_format(
            "%llu site%s no location: the stack could not be read, or symbols "
            "are not resolved yet ('dearth replay' does that).",
            (unsigned long long)nameless, nameless == 1 ? " has" : "s have");
        add_note(data, "sites_without_location", text);
    }
    if (data->n_replays)
        add_unproven(data);
    else
        add_note(data, "no_replay", "Nothing was replayed yet: no site is tested.");
}

/* --- words --- */

static void add_part(struct text *out, uint64_t n, const char *one, const char *many) {
    char count[32];
    if (n)
        text_addf(out, ", %s %s", text_count(n, count), n == 1 ? one : many);
}

void report_completeness_add_recorded(const struct report_data *data, struct text *out) {
    struct report_completeness c = report_completeness(data);
    char count[32], threads[32], bytes[16], waited[24];
    text_addf(out, "%s %s and %s %s", text_count(c.processes, count),
              c.processes == 1 ? "process" : "processes", text_count(c.threads, threads),
              c.threads == 1 ? "thread" : "threads");
    if (c.own_bytes)
        text_addf(out, ", %s of shared memory", text_bytes(c.own_bytes, bytes));
    if (c.waited_ns)
        text_addf(out, ", threads waited %s for dearth",
                  text_duration(c.waited_ns, waited));
    add_part(out, c.unwind_fallbacks, "stack needed libunwind",
             "stacks needed libunwind");
    add_part(out, data->n_modules_without_cfi, "module without unwind information",
             "modules without unwind information");
    add_part(out, c.processes_lost, "process not recorded", "processes not recorded");
    add_part(out, c.rings_damaged, "place of the shared memory written over",
             "places of the shared memory written over");
    add_part(out, c.events_lost, "event lost", "events lost");
    add_part(out, c.stacks_lost, "event without a stack", "events without a stack");
    add_part(out, c.stacks_truncated, "stack deeper than --max-depth",
             "stacks deeper than --max-depth");
    add_part(out, c.stacks_incomplete, "stack that ended early",
             "stacks that ended early");
    for (size_t i = 0; i < data->n_stops; i++)
        text_addf(out, "%s %s (%s)", i ? "," : ", in", data->stops[i].module,
                  text_count(data->stops[i].calls, count));
}

bool report_completeness_first(const struct report_data *data, size_t i, size_t *others) {
    const struct report_note *note = &data->notes[i];
    *others = 0;
    for (size_t k = 0; k < data->n_notes; k++) {
        bool same = k != i && strcmp(data->notes[k].kind, note->kind) == 0 &&
                    strcmp(data->notes[k].text, note->text) == 0;
        if (same && k < i)
            return false;
        *others += same;
    }
    return true;
}
