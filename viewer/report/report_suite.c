/* SPDX-License-Identifier: Apache-2.0 */
/* A report on a suite: see report_suite.h. */
#include "report_suite.h"

#include <stdlib.h>
#include <string.h>

#include "idmap.h"
#include "json.h"
#include "report_rows.h"
#include "report_strings.h"
#include "report_tests.h"
#include "report_words.h"
#include "store.h"
#include "store_programs.h"
#include "text.h"
#include "unit.h"

/* --- what it is about --- */

static const char choose_sql[] =
    "INSERT INTO chosen_recording SELECT " UNIT_NEWEST_SUITE ";"
    "CREATE TEMP TABLE chosen_replay(id INTEGER PRIMARY KEY);"
    "INSERT INTO chosen_replay SELECT id FROM replay WHERE recording_id IN (SELECT "
    "recording_id FROM unit_run WHERE reason IS NULL);"
    "INSERT INTO chosen_target SELECT DISTINCT m.site_id, m.target_id FROM target_site m "
    "JOIN target t ON t.id = m.target_id WHERE t.recording_id IN chosen_recording;";

int report_suite_choose(struct report_data *data) {
    if (!store_int(data->store, "SELECT " UNIT_NEWEST_SUITE, 0))
        return 0;
    int r = store_exec(data->store, choose_sql);
    if (r < 0)
        return r;
    data->suite = text_alloc(sizeof *data->suite);
    data->suite->n_programs = (uint64_t)store_int(
        data->store,
        "SELECT count(*) FROM process WHERE origin <> 'fork' AND recording_id IN "
        "chosen_recording",
        0);
    data->suite->n_strangers = (uint64_t)store_int(
        data->store,
        "SELECT count(*) FROM recording WHERE id NOT IN (SELECT recording_id FROM unit) "
        "AND id NOT IN (SELECT recording_id FROM unit_run WHERE recording_id IS NOT NULL)",
        0);
    data->suite->n_cut_off = (uint64_t)store_int(
        data->store,
        "SELECT count(DISTINCT u.id) FROM unit u JOIN unit_run n ON n.unit_id = u.id WHERE "
        "n.reason IS NULL AND (instr(u.descriptors, 'pipe') OR "
        "instr(u.descriptors, 'socket'))",
        0);
    return 1;
}

/* --- targets --- */

#define TARGET_COLUMNS(X)                                                                \
    X(TARGET_ID, "t.id")                                                                 \
    X(TARGET_REASON, "t.reason")
enum { TARGET_COLUMNS(STORE_COLUMN_ENUM) };

static const char target_sql[] = STORE_SELECT(
    TARGET_COLUMNS) "FROM target t WHERE t.recording_id IN chosen_recording ORDER BY t.id";

static void add_target(struct report_data *data, sqlite3_stmt *s, void *state) {
    struct idmap *index = state;
    struct report_suite *suite = data->suite;
    struct report_target *t =
        report_rows_append(&suite->targets, &suite->n_targets, sizeof *t);
    t->id = sqlite3_column_int64(s, TARGET_ID);
    t->reason = report_strings_keep(data, store_column_text(s, TARGET_REASON));
    idmap_put(index, t->id, (int64_t)suite->n_targets);
}

#define MEMBER_COLUMNS(X)                                                                \
    X(MEMBER_SITE, "site_id")                                                            \
    X(MEMBER_TARGET, "target_id")
enum { MEMBER_COLUMNS(STORE_COLUMN_ENUM) };

static int by_site_id(const void *key, const void *item) {
    int64_t a = *(const int64_t *)key, b = ((const struct report_site *)item)->id;
    return (a > b) - (a < b);
}

static void add_member(struct report_data *data, sqlite3_stmt *s, void *state) {
    int64_t id = sqlite3_column_int64(s, MEMBER_SITE), target = 0;
    struct report_site *site = data->n_sites ? bsearch(&id, data->sites, data->n_sites,
                                                       sizeof *data->sites, by_site_id)
                                             : NULL;
    if (site && idmap_get(state, sqlite3_column_int64(s, MEMBER_TARGET), &target))
        site->target = (uint32_t)target;
}

static int load_targets(struct report_data *data) {
    struct idmap index = {0};
    int r = report_rows_read(data, target_sql, "reading targets", add_target, &index);
    if (r == 0)
        r = report_rows_read(data, STORE_SELECT(MEMBER_COLUMNS) "FROM chosen_target",
                             "reading targets", add_member, &index);
    idmap_deinit(&index);
    return r;
}

/* --- units --- */

#define UNIT_COLUMNS(X)                                                                  \
    X(UNIT_ARGV, "p.argv")                                                               \
    X(UNIT_EXE, "u.exe")                                                                 \
    X(UNIT_REFUSED, "n.reason")                                                          \
    X(UNIT_SITES, "max(n.sites)")                                                        \
    X(UNIT_REACHED, "max(n.reached)")
enum { UNIT_COLUMNS(STORE_COLUMN_ENUM) };

static const char unit_sql[] = STORE_SELECT(
    UNIT_COLUMNS) "FROM unit_run n JOIN unit u ON u.id = n.unit_id JOIN process p ON "
                  "p.recording_id = u.recording_id AND p.ordinal = u.ordinal WHERE "
                  "n.recording_id IS NULL OR (n.reason IS NULL AND n.reached > 0) GROUP BY " /* 0: cut off */
                  "u.id, n.recording_id IS NULL ORDER BY min(n.id)";

/* Failed only at what it comes to by itself: less than a suite's proof takes for the whole. */
static bool is_partial(const struct report_unit *u) {
    return !u->refused && u->reached * 100 < u->sites * 99;
}

static void add_unit(struct report_data *data, sqlite3_stmt *s, void *state) {
    (void)state;
    AUTO_FREE char *name = store_programs_name(store_column_text(s, UNIT_ARGV),
                                               store_column_text(s, UNIT_EXE), false);
    struct report_suite *suite = data->suite;
    struct report_unit *unit =
        report_rows_append(&suite->units, &suite->n_units, sizeof *unit);
    unit->command = report_strings_keep(data, name);
    unit->refused = report_strings_keep(data, store_column_text(s, UNIT_REFUSED));
    unit->sites = (uint64_t)sqlite3_column_int64(s, UNIT_SITES);
    unit->reached = (uint64_t)sqlite3_column_int64(s, UNIT_REACHED);
    suite->n_refused += unit->refused != NULL;
    suite->n_partial += is_partial(unit);
}

/* --- whose findings are --- */

#define OF_COLUMNS(X)                                                                    \
    X(OF_FINDING, "f.id")                                                                \
    X(OF_ARGV, "r.argv")                                                                 \
    X(OF_EXE, "r.exe")                                                                   \
    X(OF_PROGRAMS,                                                                       \
      "max(1, (SELECT count(DISTINCT q.recording_id) FROM finding_attempt m JOIN "       \
      "attempt b ON b.id = m.attempt_id JOIN replay q ON q.id = b.replay_id WHERE "      \
      "m.finding_id = f.id))")
enum { OF_COLUMNS(STORE_COLUMN_ENUM) };

static const char of_sql[] = STORE_SELECT(
    OF_COLUMNS) "FROM finding f JOIN attempt a ON a.id = f.attempt_id JOIN replay p ON "
                "p.id = a.replay_id JOIN recording r ON r.id = p.recording_id";

static void add_of(struct report_data *data, sqlite3_stmt *s, void *state) {
    int64_t at;
    if (!idmap_get(state, sqlite3_column_int64(s, OF_FINDING), &at))
        return;
    AUTO_FREE char *name = store_programs_name(store_column_text(s, OF_ARGV),
                                               store_column_text(s, OF_EXE), false);
    data->findings[at].command = report_strings_keep(data, name);
    data->findings[at].programs = (uint64_t)sqlite3_column_int64(s, OF_PROGRAMS);
}

static int load_of(struct report_data *data) {
    struct idmap index = {0};
    for (size_t i = 0; i < data->n_findings; i++) {
        data->findings[i].command = "";
        idmap_put(&index, data->findings[i].id, (int64_t)i);
    }
    int r = report_rows_read(data, of_sql, "reading whose findings are", add_of, &index);
    idmap_deinit(&index);
    return r;
}

int report_suite_load(struct report_data *data) {
    if (!data->suite)
        return 0;
    int r = load_targets(data);
    if (r == 0)
        r = report_rows_read(data, unit_sql, "reading units", add_unit, NULL);
    if (r == 0)
        r = load_of(data);
    if (r == 0)
        r = report_tests_load(data);
    const struct report_recording *newest = &data->recordings[data->n_recordings - 1];
    AUTO_FREE char *name = store_programs_name(newest->argv, newest->exe, false);
    const char *command = report_strings_keep(data, name);
    for (size_t i = 0; i < data->n_sites; i++) {
        data->sites[i].command = command;
        data->sites[i].recording = (uint64_t)newest->id;
        data->sites[i].programs = 1;
    }
    return r;
}

void report_suite_free(struct report_data *data) {
    if (!data->suite)
        return;
    report_tests_free(data);
    free(data->suite->targets);
    free(data->suite->units);
    free(data->suite);
}

/* --- sums --- */

static void count_target(struct report_target *t, struct report_tally *tally) {
    if (!t->contexts) /* not in the scope of this report */
        return;
    tally->total++;
    tally->testable++;
    tally->tested += t->contexts_tested > 0;
    if (t->contexts_tested)
        t->reason = NULL;
    else if (!t->reason)
        t->reason = "no program was run by itself for it";
}

void report_suite_tally(struct report_data *data, bool is_void) {
    struct report_suite *suite = data->suite;
    struct report_tally *tally = &data->target_tally;
    if (!suite)
        return;
    for (size_t i = 0; i < data->n_sites; i++) {
        const struct report_site *site = &data->sites[i];
        struct report_target *t = site->target ? &suite->targets[site->target - 1] : NULL;
        if (!t)
            continue;
        t->shown = t->shown ? t->shown : site;
        t->contexts++;
        t->contexts_tested += site->reason == REASON_TESTED;
    }
    for (size_t i = 0; i < suite->n_targets; i++)
        count_target(&suite->targets[i], tally);
    tally->untested = tally->testable - tally->tested;
    tally->millionths = is_void ? -1
                        : tally->testable
                            ? (int64_t)(tally->tested * 1000000u / tally->testable)
                            : 1000000;
}

const struct report_tally *report_suite_measure(const struct report_data *data) {
    return data->suite ? &data->target_tally : &data->site_tally;
}

const char *report_suite_measured(const struct report_data *data) {
    return data->suite ? "targets" : "testable sites";
}

/* --- for people --- */

static void add_more(size_t n, struct text *out) {
    if (n)
        text_say(out, "    ... and %zu more\n", n);
}

void report_suite_add_head(const struct report_data *data, struct text *out) {
    const struct report_suite *suite = data->suite;
    const size_t most = 8;
    size_t shown = 0;
    text_add(out, "  suite: ");
    report_words_add_argv(&data->recordings[data->n_recordings - 1], out);
    text_add(out, "\n  ");
    report_words_add_plural(out, suite->n_programs, "program was", "programs were");
    text_say(out,
             " started; %zu were run by themselves, and do there what they did in "
             "the suite\n",
             suite->n_units - suite->n_refused - suite->n_partial);
    if (suite->n_partial)
        text_say(out, "  %zu do a part of it there, and were used for that:\n",
                 suite->n_partial);
    for (size_t i = 0; i < suite->n_units && shown < most; i++)
        if (is_partial(&suite->units[i]) && ++shown)
            text_say(out, "    %s: %llu of %llu places\n", suite->units[i].command,
                     (unsigned long long)suite->units[i].reached,
                     (unsigned long long)suite->units[i].sites);
    add_more(suite->n_partial - shown, out);
    if (suite->n_refused)
        text_say(out, "  %zu do something else there, and were not used:\n",
                 suite->n_refused);
    shown = 0;
    for (size_t i = 0; i < suite->n_units && shown < most; i++)
        if (suite->units[i].refused && ++shown)
            text_say(out, "    %s: %s\n", suite->units[i].command,
                     suite->units[i].refused);
    add_more(suite->n_refused - shown, out);
    if (suite->n_strangers)
        text_say(out,
                 "  %llu recording%s in the database that no suite has: not in this "
                 "report\n",
                 (unsigned long long)suite->n_strangers,
                 suite->n_strangers == 1 ? "" : "s");
}

static int by_reason(const void *a, const void *b) {
    const struct report_target *x = *(struct report_target *const *)a;
    const struct report_target *y = *(struct report_target *const *)b;
    int order = strcmp(x->reason, y->reason);
    return order ? order : (x->id > y->id) - (x->id < y->id);
}

static bool is_untested(const struct report_target *t) {
    return t->contexts && !t->contexts_tested;
}

/* Return: their number. @out: free() it. */
static size_t collect_untested(const struct report_suite *suite,
                               const struct report_target ***out) {
    size_t n = 0;
    const struct report_target **list = text_alloc((suite->n_targets + 1) * sizeof *list);
    for (size_t i = 0; i < suite->n_targets; i++)
        if (is_untested(&suite->targets[i]))
            list[n++] = &suite->targets[i];
    if (n)
        qsort(list, n, sizeof *list, by_reason);
    *out = list;
    return n;
}

void report_suite_add_untested(const struct report_data *data, uint32_t max,
                               struct text *out) {
    AUTO_FREE const struct report_target **list = NULL;
    size_t n = collect_untested(data->suite, &list), shown = 0, k;
    const struct report_tally *sites = &data->site_tally;
    char count[32];
    if (!data->suite->n_targets)
        text_say(out, "\n%s: dearth suite replay %s\n",
                 data->n_attempts ? "It was not tried to the end"
                                  : "Nothing was tried yet",
                 data->path);
    if (n)
        text_say(out, "\nNever tested: %zu target%s\n", n, n == 1 ? "" : "s");
    for (size_t i = 0; i < n; i = k) {
        for (k = i; k < n && strcmp(list[k]->reason, list[i]->reason) == 0; k++)
            ;
        text_say(out, "  %7s  %s\n", text_count(k - i, count), list[i]->reason);
        for (size_t m = i; m < k && (!max || shown < max); m++, shown++) {
            text_add(out, "             ");
            report_data_add_place(data, list[m]->shown->location,
                                  list[m]->shown->stack_id, out);
            text_add(out, "\n");
        }
    }
    if (shown < n)
        text_say(out, "  places of %zu more: --format=json\n", n - shown);
    if (sites->untested)
        text_say(
            out,
            "\nContexts not tried: %llu of %llu. Other callers of the same place may "
            "handle a failure otherwise: 'dearth suite replay --contexts N' tries more; "
            "--format=json names them, as untested.\n",
            (unsigned long long)sites->untested, (unsigned long long)sites->testable);
}

static const char *const limits[] = {
    "what the caller makes of a program that fails",
    "files that earlier programs had made, and that were gone or different",
    "pipes between programs, inherited descriptors, and servers and ports of what ran beside",
    "other callers of a target than those that were chosen"};

void report_suite_add_limits(const struct report_data *data, const char *before,
                             const char *between, struct text *out) {
    const size_t n = sizeof limits / sizeof *limits;
    for (size_t i = 0; i < n; i++)
        text_addf(out, "%s%s%s", i ? between : "", before, limits[i]);
    if (data->suite->n_cut_off)
        text_addf(out, "%s%spipes or sockets that %llu of the programs had in the suite",
                  between, before, (unsigned long long)data->suite->n_cut_off);
}

/* --- JSON --- */

static int add_untested_json(struct report_out *out) {
    const struct report_suite *suite = out->data->suite;
    char key[DEARTH_KEY_HEX + 1];
    int r = 0;
    json_open(out->json, "untested", '[');
    for (size_t i = 0; r == 0 && i < suite->n_targets; i++) {
        const struct report_target *t = &suite->targets[i];
        AUTO_TEXT struct text place = {0};
        if (!is_untested(t))
            continue;
        r = report_data_add_place(out->data, t->shown->location, t->shown->stack_id,
                                  &place);
        text_key(t->shown->key, key);
        json_open_flat(out->json, NULL, '{');
        json_text(out->json, "place", place.data);
        json_text(out->json, "site", key);
        json_int(out->json, "contexts", t->contexts);
        json_text(out->json, "reason", t->reason);
        json_close(out->json, '}');
    }
    json_close(out->json, ']');
    return r;
}

static void add_units_json(struct json *j, const struct report_suite *suite) {
    json_open(j, "units", '[');
    for (size_t i = 0; i < suite->n_units; i++) {
        json_open_flat(j, NULL, '{');
        json_text(j, "command", suite->units[i].command);
        json_text(j, "refused", suite->units[i].refused);
        json_int(j, "places", (int64_t)suite->units[i].sites);
        json_int(j, "reached", (int64_t)suite->units[i].reached);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void add_limits_json(struct json *j, const struct report_data *data) {
    AUTO_TEXT struct text lines = {0};
    report_suite_add_limits(data, "", "\n", &lines);
    text_add(&lines, "\n");
    json_open(j, "not_seen", '[');
    for (char *line = lines.data, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        json_text(j, NULL, line);
    }
    json_close(j, ']');
}

int report_suite_json(struct report_out *out) {
    const struct report_suite *suite = out->data->suite;
    if (!suite)
        return 0;
    json_open(out->json, "suite", '{');
    json_int(out->json, "programs", (int64_t)suite->n_programs);
    json_int(out->json, "other_recordings", (int64_t)suite->n_strangers);
    int r = add_untested_json(out);
    add_units_json(out->json, suite);
    report_tests_json(out->json, out->data);
    add_limits_json(out->json, out->data);
    json_close(out->json, '}');
    return r;
}
