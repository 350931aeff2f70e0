/* SPDX-License-Identifier: Apache-2.0 */
/* What `dearth suite` prints, and the rows of `target` that say the same. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "output.h"
#include "suite_private.h"
#include "suite_unit.h"
#include "text.h"

/* --- list --- */

static const char *state_of(const struct suite_unit *u) {
    return u->refused ? u->refused : u->why_not;
}

static void print_unit_json(const struct suite *s, uint32_t i, bool more) {
    const struct suite_unit *u = &s->units[i];
    const char *why = state_of(u);
    AUTO_TEXT struct text t = {0};
    text_addf(&t, "{\"unit\":%lld,\"command\":", (long long)u->row);
    text_add_json(&t, u->command);
    text_addf(&t,
              ",\"own_sites\":%u,\"targets\":%u,\"sites_with_children\":%u,"
              "\"events\":%llu,\"duration_ns\":%llu,\"runs_alone\":%s,\"why_not\":",
              u->n_own_sites, s->cover[i].n_targets, u->n_sites,
              (unsigned long long)u->events, (unsigned long long)u->duration_ns,
              why ? "false" : "null");
    if (why)
        text_add_json(&t, why);
    else
        text_add(&t, "null");
    printf("%s}%s\n", t.data, more ? "," : "");
}

static bool is_shown(const struct suite *s, uint32_t i) {
    return s->units[i].n_own_sites > 0;
}

static uint32_t n_shown(const struct suite *s) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n_units; i++)
        n += is_shown(s, i);
    return n;
}

static void print_units(const struct suite *s) {
    char duration[24];
    printf("%6s  %7s  %9s  %s\n", "unit", "targets", "time", "command");
    for (uint32_t i = 0; i < s->n_units; i++) {
        const struct suite_unit *u = &s->units[i];
        if (!is_shown(s, i))
            continue;
        printf("%6lld  %7u  %9s  %s\n", (long long)u->row, s->cover[i].n_targets,
               text_duration(u->duration_ns, duration), u->command);
        if (state_of(u))
            printf("%28s  not run by itself: %s\n", "", state_of(u));
    }
    printf(
        "\n%u targets (places of the project's own that ask for memory) are reached by "
        "%u of %u programs.\nEach is failed once, in the cheapest program that reaches "
        "it: dearth suite replay\n",
        s->n_targets, n_shown(s), s->n_units);
}

int suite_text_list(struct suite *s, bool json) {
    int r = suite_unit_load_refused(s);
    if (r < 0)
        return r;
    uint32_t left = n_shown(s);
    if (json)
        puts("[");
    for (uint32_t i = 0; json && i < s->n_units; i++)
        if (is_shown(s, i))
            print_unit_json(s, i, --left > 0);
    if (json)
        puts("]");
    else
        print_units(s);
    return output_flush();
}

/* --- rows of target --- */

enum {
    TARGET_RECORDING = 1,
    TARGET_KEY,
    TARGET_STATE,
    TARGET_REASON,
    TARGET_CONTEXTS,
    TARGET_TESTED
};
enum { MEMBER_TARGET = 1, MEMBER_SITE };

static int put_members(struct suite *s, const int64_t *rows) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int r = store_prepare(
        s->store, "INSERT INTO target_site(target_id, site_id) VALUES (?, ?)", &q);
    for (uint32_t i = 0; r == 0 && i < s->sites.input.n_sites; i++) {
        if (!s->target_of[i])
            continue;
        sqlite3_bind_int64(q, MEMBER_TARGET, rows[s->target_of[i] - 1]);
        sqlite3_bind_int64(q, MEMBER_SITE, s->sites.list[i].id);
        r = store_step_done(s->store, q);
    }
    return r;
}

static int put_targets(struct suite *s, const struct suite_outcome *out) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int64_t *rows = text_alloc((s->n_targets + 1) * sizeof *rows);
    AUTO_FREE char *clear =
        text_format("DELETE FROM target_site WHERE target_id IN (SELECT id FROM target "
                    "WHERE recording_id = %1$lld); DELETE FROM target WHERE recording_id "
                    "= %1$lld;",
                    (long long)s->recording);
    int r = store_exec(s->store, clear);
    if (r == 0)
        r = store_prepare(
            s->store,
            "INSERT INTO target(recording_id, key, state, reason, contexts, "
            "contexts_tested) VALUES (?, ?, ?, ?, ?, ?)",
            &q);
    for (uint32_t t = 0; r == 0 && t < s->n_targets; t++) {
        sqlite3_bind_int64(q, TARGET_RECORDING, s->recording);
        store_bind_key(q, TARGET_KEY, s->targets[t].key);
        store_bind_text(q, TARGET_STATE, s->targets[t].n_tested ? "tested" : "untested");
        store_bind_text(q, TARGET_REASON, out->reasons[t]);
        sqlite3_bind_int64(q, TARGET_CONTEXTS, s->targets[t].n_sites);
        sqlite3_bind_int64(q, TARGET_TESTED, s->targets[t].n_tested);
        r = store_step_done(s->store, q);
        rows[t] = sqlite3_last_insert_rowid(s->store->db);
    }
    if (r == 0)
        r = put_members(s, rows);
    free(rows);
    return r;
}

static int store_targets(struct suite *s, const struct suite_outcome *out) {
    int r = store_begin(s->store);
    if (r == 0)
        r = put_targets(s, out);
    if (r == 0)
        r = store_commit(s->store);
    if (r < 0)
        store_rollback(s->store);
    return r;
}

/* --- summary --- */

#define REASONS_SHOWN 12

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_untested(const struct suite *s, const struct suite_outcome *out) {
    uint32_t n = 0, shown = 0;
    char **list = text_alloc((s->n_targets + 1) * sizeof *list);
    for (uint32_t t = 0; t < s->n_targets; t++)
        if (out->reasons[t])
            list[n++] = out->reasons[t];
    qsort(list, n, sizeof *list, by_text);
    for (uint32_t i = 0, k; i < n; i = k) {
        for (k = i; k < n && strcmp(list[k], list[i]) == 0; k++)
            ;
        if (shown++ < REASONS_SHOWN)
            printf("    %6u  %s\n", k - i, list[i]);
    }
    if (shown > REASONS_SHOWN)
        printf("            ... and %u more reasons: SELECT reason, count(*) FROM target "
               "GROUP BY reason\n",
               shown - REASONS_SHOWN);
    free(list);
}

static double percent(uint32_t part, uint32_t all) {
    return all ? 100.0 * part / all : 100.0;
}

static void print_totals(const struct suite *s, const struct suite_outcome *out) {
    uint32_t tested = 0, contexts = 0, failed = 0;
    char duration[24];
    for (uint32_t t = 0; t < s->n_targets; t++) {
        tested += s->targets[t].n_tested > 0;
        contexts += s->targets[t].n_sites;
        failed += s->targets[t].n_tested;
    }
    printf("Suite\n  %u programs were started, %u of them reach the project's own code\n",
           s->n_units, n_shown(s));
    printf(
        "  %u were run by themselves now, %u do something else there and were not used; "
        "%s\n",
        out->run, out->refused, text_duration(out->duration_ns, duration));
    printf("\nTargets: places of the project's own that ask for memory\n");
    printf("  %5.1f %%  %u of %u were failed\n", percent(tested, s->n_targets), tested,
           s->n_targets);
    if (tested < s->n_targets)
        printf("  %u were not\n", s->n_targets - tested);
    print_untested(s, out);
    printf("  they are reached in %u ways, of which %u were failed: other callers of the "
           "same place may handle it otherwise\n",
           contexts, failed);
}

#define FINDING_COLUMNS(X)                                                                 \
    X(FINDING_ID, "f.id")                                                                  \
    X(FINDING_VERDICT, "f.verdict")                                                        \
    X(FINDING_SEVERITY, "f.severity")                                                      \
    X(FINDING_LEAKED, "f.leaked")                                                          \
    X(FINDING_TO, "coalesce(f.attributed_to, '')")                                         \
    X(FINDING_LOCATION, "coalesce(l.name, 'an unknown place')")                            \
    X(FINDING_PLACE,                                                                       \
      "coalesce((WITH RECURSIVE k(id, parent_id, frame_id, n) AS (SELECT id, parent_id, "  \
      "frame_id, 0 FROM stack WHERE id = a.crash_stack_id UNION ALL SELECT s.id, "         \
      "s.parent_id, s.frame_id, n + 1 FROM stack s JOIN k ON s.id = k.parent_id) SELECT "  \
      "coalesce(y.function, m.path) || CASE WHEN y.file IS NULL THEN '' ELSE ' (' || "     \
      "y.file || ':' || y.line || ')' END FROM k JOIN frame x ON x.id = k.frame_id JOIN "  \
      "module m ON m.id = x.module_id LEFT JOIN symbol y ON y.frame_id = x.id AND "        \
      "y.inline_index = 0 WHERE m.path NOT GLOB '*/libc.so*' AND m.path NOT GLOB "         \
      "'*/libdearth_preload.so' AND m.path NOT GLOB '*/ld-linux*' ORDER BY k.n LIMIT 1), " \
      "'')")                                                                               \
    X(FINDING_BAD, "f.bad")                                                                \
    X(FINDING_TRIED, "f.tried")                                                            \
    X(FINDING_ARGV, "r.argv")                                                              \
    X(FINDING_AT, "f.severity || ' ' || coalesce(f.place, f.identity) AS at")
enum { FINDING_COLUMNS(STORE_COLUMN_ENUM) };

/* One place where it went wrong, first. */
static const char findings_sql[] = STORE_SELECT(
    FINDING_COLUMNS) "FROM finding f JOIN attempt a ON a.id = f.attempt_id JOIN replay p "
                     "ON p.id = a.replay_id JOIN recording r ON r.id = p.recording_id JOIN "
                     "unit_run n ON n.recording_id = r.id JOIN unit u ON u.id = n.unit_id "
                     "LEFT JOIN location l ON l.id = f.location_id WHERE u.recording_id = "
                     "?1 AND f.severity IN ('bug', 'warning', 'look') ORDER BY f.severity "
                     "<> 'bug', at, f.id";

static bool fails_gate(sqlite3_stmt *q) {
    const char *to = store_column_text(q, FINDING_TO);
    return strcmp(store_column_text(q, FINDING_SEVERITY), "bug") == 0 &&
           strcmp(to, "libc") != 0 && strcmp(to, "libstdc++") != 0 &&
           strcmp(to, "loader") != 0;
}

static void print_heading(sqlite3_stmt *q) {
    const char *place = store_column_text(q, FINDING_PLACE);
    printf("\n  %s: %s%s%s%s\n    after a failed allocation in\n",
           store_column_text(q, FINDING_SEVERITY), store_column_text(q, FINDING_VERDICT),
           sqlite3_column_int(q, FINDING_LEAKED) ? ", leaked" : "", *place ? " in " : "",
           place);
}

static void print_finding(sqlite3_stmt *q, const char *database) {
    AUTO_TEXT struct text file = {0}, argv = {0};
    text_add_shell_shown(&file, database);
    text_add_name(&argv, store_column_text(q, FINDING_ARGV));
    printf(
        "      %s\n        seen in %lld of %lld executions of %s; again: dearth repro %s "
        "%lld\n",
        store_column_text(q, FINDING_LOCATION),
        (long long)sqlite3_column_int64(q, FINDING_BAD),
        (long long)sqlite3_column_int64(q, FINDING_TRIED), argv.data, file.data,
        (long long)sqlite3_column_int64(q, FINDING_ID));
}

/* Findings that went wrong at one place share a heading, and are one of @places. */
static int print_findings(struct suite *s, const char *database,
                          struct suite_failing *out) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    AUTO_FREE char *last = NULL;
    bool failed = false; /* something at this place */
    int step, r = store_prepare(s->store, findings_sql, &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, s->recording);
    printf("\nFindings\n");
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        const char *at = store_column_text(q, FINDING_AT);
        if (!last || strcmp(last, at) != 0) {
            print_heading(q);
            failed = false;
        }
        if (fails_gate(q)) {
            out->places += !failed;
            out->findings++;
            failed = true;
        }
        print_finding(q, database);
        free(last);
        last = text_dup(at);
    }
    if (!last)
        printf("  none\n");
    return step == SQLITE_DONE ? 0 : store_error(s->store, "reading findings");
}

/* What running programs by themselves cannot show. */
static void print_limits(void) {
    printf(
        "\nNot seen: what the caller makes of a program that fails, what a program does "
        "with files of earlier ones that were gone,\nwith pipes between programs, and "
        "with servers that ran beside it.\n");
}

int suite_text_summary(struct suite *s, const char *database,
                       const struct suite_outcome *out, struct suite_failing *failing) {
    int r = store_targets(s, out);
    if (r < 0)
        return r;
    print_totals(s, out);
    r = print_findings(s, database, failing);
    print_limits();
    int flushed = output_flush();
    return r < 0 ? r : flushed;
}
