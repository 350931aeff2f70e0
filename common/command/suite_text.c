/* SPDX-License-Identifier: Apache-2.0 */
/* What `dearth suite` prints, and the rows of `target` that say the same. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "output.h"
#include "suite_private.h"
#include "suite_tests.h"
#include "suite_unit.h"
#include "terminal.h"
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
    text_add(&t, ",\"test\":");
    if (u->test)
        text_add_json(&t, u->test);
    else
        text_add(&t, "null");
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

static uint32_t n_reaching(const struct suite *s) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n_units; i++)
        n += is_shown(s, i) && !s->units[i].is_split;
    return n;
}

/* text_say() in a colour, where standard output is to have any. */
static void say(enum color color, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(enum color color, const char *format, ...) {
    char line[4096];
    va_list args;
    va_start(args, format);
    text_vsay(line, sizeof line, format, args);
    va_end(args);
    printf("%s%s%s", terminal_sequence(STDOUT_FILENO, color), line,
           terminal_sequence(STDOUT_FILENO, N_COLORS));
}

static void print_units(const struct suite *s) {
    char duration[24];
    say(COLOR_TITLE, "%6s  %7s  %9s  %s", "unit", "targets", "time", "command");
    puts("");
    for (uint32_t i = 0; i < s->n_units; i++) {
        const struct suite_unit *u = &s->units[i];
        if (!is_shown(s, i))
            continue;
        printf("%6lld  %7u  %9s  %s\n", (long long)u->row, s->cover[i].n_targets,
               text_duration(u->duration_ns, duration), u->command);
        if (u->test) {
            printf("%28stest ", "");
            say(COLOR_PLACE, "%s", u->test);
            puts("");
        }
        if (state_of(u)) {
            printf("%30s", "");
            say(COLOR_WARNING, "not run by itself: %s", state_of(u));
            puts("");
        }
    }
    printf(
        "\n%u targets (places of the project's own that ask for memory) are reached by "
        "%u of %u programs.\nEach is failed once, in the cheapest program that reaches "
        "it: dearth suite replay\n",
        s->n_targets, n_reaching(s), s->n_units - s->n_split);
    if (s->n_split)
        printf("%u are tests that a program runs inside, each by itself.\n", s->n_split);
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

/* @reasons: by target; NULL = it is tested */
static int put_targets(struct suite *s, char *const *reasons) {
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
        store_bind_text(q, TARGET_REASON, reasons[t]);
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

/* --- programs that could not be tried by themselves --- */

#define MOST_NAMED 4u

/* Does a unit say what none before it says? */
static bool is_first_of_reason(const struct suite *s, uint32_t unit) {
    for (uint32_t i = 0; i < unit; i++)
        if (s->units[i].why_not && s->units[i].n_own_sites &&
            strcmp(s->units[i].why_not, s->units[unit].why_not) == 0)
            return false;
    return true;
}

static char *not_alone_text(const struct suite *s, uint32_t first) {
    struct text t = {0}, names = {0};
    uint32_t n = 0;
    for (uint32_t i = first; i < s->n_units; i++) {
        const struct suite_unit *u = &s->units[i];
        if (!u->why_not || !u->n_own_sites ||
            strcmp(u->why_not, s->units[first].why_not) != 0)
            continue;
        if (n++ < MOST_NAMED)
            text_addf(&names, "%s%s", n > 1 ? ", " : "", u->command);
    }
    text_addf(&t,
              "%u program%s that reach%s the project's own code %s not to be run by "
              "%s: %s (%s%s)",
              n, n == 1 ? "" : "s", n == 1 ? "es" : "", n == 1 ? "was" : "were",
              n == 1 ? "itself" : "themselves", s->units[first].why_not, names.data,
              n > MOST_NAMED ? ", ..." : "");
    text_deinit(&names);
    return text_take(&t);
}

enum { ALONE_RECORDING = 1, ALONE_TEXT };

/* What was deleted, or is not known, since the suite ran; the program that started it stands for it where one can. */
static int put_not_alone(struct suite *s) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    AUTO_FREE char *clear = text_format("DELETE FROM note WHERE recording_id = %lld AND "
                                        "kind = 'not_alone'",
                                        (long long)s->recording);
    int r = store_exec(s->store, clear);
    if (r == 0)
        r = store_prepare(s->store,
                          "INSERT INTO note(recording_id, kind, text) VALUES (?, "
                          "'not_alone', ?)",
                          &q);
    for (uint32_t i = 0; r == 0 && i < s->n_units; i++) {
        const struct suite_unit *u = &s->units[i];
        if (!u->why_not || !u->n_own_sites || strcmp(u->why_not, SUITE_TWIN) == 0 ||
            !is_first_of_reason(s, i))
            continue;
        AUTO_FREE char *text = not_alone_text(s, i);
        sqlite3_bind_int64(q, ALONE_RECORDING, s->recording);
        store_bind_text(q, ALONE_TEXT, text);
        r = store_step_done(s->store, q);
    }
    return r;
}

/* By this the report tells the project's own from its tests'. Where --own said what is own, it is not known.
 * @tree: NULL = not known */
static int put_tree(struct store *store, const char *tree) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        store,
        tree ? "INSERT OR REPLACE INTO setting(name, value) VALUES ('suite_tree', ?)"
             : "DELETE FROM setting WHERE name = 'suite_tree' AND ? IS NULL",
        &s);
    if (r < 0)
        return r;
    store_bind_text(s, 1, tree);
    return store_step_done(store, s);
}

static int store_targets(struct suite *s, char *const *reasons) {
    int r = store_begin(s->store);
    if (r == 0)
        r = put_targets(s, reasons);
    if (r == 0)
        r = put_not_alone(s);
    if (r == 0)
        r = put_tree(s->store, s->is_own_by_tree ? s->tree : NULL);
    if (r == 0)
        r = suite_functions_store(s);
    if (r == 0)
        r = store_commit(s->store);
    if (r < 0)
        store_rollback(s->store);
    return r;
}

/* --- a replay of a part --- */

#define OUTSIDE "not in the scope of --in when the suite was replayed last"

enum { BEFORE_KEY = 0, BEFORE_REASON };

static int by_key(const void *key, const void *target) {
    return key_compare(*(const struct dearth_key *)key,
                       ((const struct suite_target *)target)->key);
}

/* Return: index + 1; 0 = there is none. */
static uint32_t target_with(const struct suite *s, struct dearth_key key) {
    const struct suite_target *found =
        s->n_targets ? bsearch(&key, s->targets, s->n_targets, sizeof *found, by_key)
                     : NULL;
    return found ? (uint32_t)(found - s->targets) + 1 : 0;
}

/* What a replay before this one has said of them. */
static int add_reasons_before(struct suite *all, char **reasons) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    AUTO_FREE char *sql =
        text_format("SELECT key, reason FROM target WHERE recording_id = "
                    "%lld AND reason IS NOT NULL",
                    (long long)all->recording);
    int step = SQLITE_DONE, r = store_prepare(all->store, sql, &q);
    while (r == 0 && (step = sqlite3_step(q)) == SQLITE_ROW) {
        uint32_t t = target_with(all, store_column_key(q, BEFORE_KEY));
        if (t && !reasons[t - 1] && !all->targets[t - 1].n_tested)
            reasons[t - 1] = text_dup(store_column_text(q, BEFORE_REASON));
    }
    return r < 0 || step == SQLITE_DONE ? r : store_error(all->store, "reading targets");
}

/* The table is of the project, whatever part of it was replayed last: a report is narrowed by its own --in. */
static int store_whole(const struct suite *part, const struct suite_outcome *out,
                       const struct suite_scope *scope) {
    struct suite all = {0};
    int r = suite_load(part->store, scope, &all);
    char **reasons = text_alloc((all.n_targets + 1) * sizeof *reasons);
    for (uint32_t t = 0; r == 0 && t < part->n_targets; t++) {
        uint32_t of = target_with(&all, part->targets[t].key);
        if (of && out->reasons[t] && !all.targets[of - 1].n_tested)
            reasons[of - 1] = text_dup(out->reasons[t]);
    }
    if (r == 0)
        r = add_reasons_before(&all, reasons);
    for (uint32_t t = 0; r == 0 && t < all.n_targets; t++)
        if (!reasons[t] && !all.targets[t].n_tested)
            reasons[t] = text_dup(OUTSIDE);
    if (r == 0)
        r = store_targets(&all, reasons);
    for (uint32_t t = 0; t < all.n_targets; t++)
        free(reasons[t]);
    free(reasons);
    suite_load_deinit(&all);
    return r;
}

/* --- summary --- */

enum { NOTE_RECORDING = 1, NOTE_TEXT };

/* Said by the report, too; once for a suite, whatever of it is done later. */
static int note_reused(struct suite *s, const struct suite_outcome *out) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    AUTO_FREE char *clear =
        text_format("DELETE FROM note WHERE kind = 'reused' AND recording_id = %lld",
                    (long long)s->recording);
    int r = store_exec(s->store, clear);
    if (r < 0 || !out->reused)
        return r;
    AUTO_FREE char *text = text_format(
        "%u of %u targets were not failed again: verdicts of recording %lld stand, of the "
        "same programs, arguments, environments and builds; --fresh fails all",
        out->reused, s->n_targets, (long long)out->reused_from);
    error_info("%s", text);
    r = store_prepare(
        s->store, "INSERT INTO note(recording_id, kind, text) VALUES (?, 'reused', ?)",
        &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, NOTE_RECORDING, s->recording);
    store_bind_text(q, NOTE_TEXT, text);
    return store_step_done(s->store, q);
}

int suite_text_summary(struct suite *s, const struct suite_outcome *out,
                       const struct suite_scope *scope) {
    char duration[24];
    struct suite_scope whole = *scope;
    whole.in = NULL;
    whole.n_in = 0;
    whole.fresh = false;
    int r = scope->n_in ? store_whole(s, out, &whole) : store_targets(s, out->reasons);
    if (r == 0)
        r = suite_load_mark_gone(s);
    if (r == 0)
        r = note_reused(s, out);
    if (r < 0)
        return r;
    printf("%u program%s run by themselves now, %u do something else there and were not "
           "used; %s\n",
           out->run, out->run == 1 ? " was" : "s were", out->refused,
           text_duration(out->duration_ns, duration));
    return output_flush();
}
