/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does the suite make of a program of it that goes wrong? Each finding's failure once more, in a run of all of it:
 *
 *   findings ─► a copy of the database ─► dearth replay of the suite's own recording, --how rerun, their sites
 *                                            └─► how it ended ─► notes 'in_suite', each of a finding
 *
 * In a copy, since those attempts are no evidence about the programs: a suite that notices a crash ends in order.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command_line.h"
#include "commands.h"
#include "error.h"
#include "interrupt.h"
#include "options.h"
#include "store_id.h"
#include "suite_private.h"
#include "text.h"

struct confirm {
    const struct suite_options *options;
    const struct suite *suite;
    struct store *store;
    int64_t recording; /* the suite's */
    char *folder, *copy;
};

/* --- which --- */

#define CONFIRM_COLUMNS(X)                                                               \
    X(CONFIRM_IDENTITY, "f.identity")                                                    \
    X(CONFIRM_SITE, "hex(s.key)")                                                        \
    X(CONFIRM_MODE, "a.mode")
enum { CONFIRM_COLUMNS(STORE_COLUMN_ENUM) };

/* One failure of a program's first call, or that lasts from there on; not of a finding that was asked about before. */
static const char findings_sql[] = STORE_SELECT(
    CONFIRM_COLUMNS) "FROM finding f JOIN attempt a ON a.id = f.attempt_id JOIN site s ON "
                     "s.id = a.site_id JOIN replay r ON r.id = a.replay_id WHERE "
                     "r.recording_id IN (SELECT n.recording_id FROM unit_run n JOIN unit u "
                     "ON u.id = n.unit_id WHERE u.recording_id = ?1) AND f.severity IN "
                     "('bug', 'warning') AND a.mode IN ('once', 'sticky') AND a.occurrence "
                     "= 1 AND a.second_site_id IS NULL AND a.thread = 'any' AND NOT EXISTS "
                     "(SELECT 1 FROM note o WHERE o.recording_id = ?1 AND o.kind = "
                     "'in_suite' AND o.subject = f.identity) ORDER BY f.id";

/* Return: how many of @mode, each once; or negative errno after a message. */
static int add_sites(const struct confirm *c, const char *mode,
                     struct command_line *line) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    AUTO_TEXT struct text seen = {0};
    int n = 0, r = store_prepare(c->store, findings_sql, &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, c->recording);
    text_add(&seen, " ");
    while (sqlite3_step(q) == SQLITE_ROW) {
        const char *site = store_column_text(q, CONFIRM_SITE);
        if (strcmp(store_column_text(q, CONFIRM_MODE), mode) != 0 ||
            strstr(seen.data, site))
            continue;
        text_addf(&seen, "%s ", site);
        command_line_add(line, text_format("--site=%s", site));
        n++;
    }
    return n;
}

/* --- runs --- */

static bool is_of_a_run(const char *option) {
    static const char *const names[] = {"isolation", "share", "jobs", "timeout", "trust"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], option) == 0)
            return true;
    return false;
}

/* Return: an exit status. */
static int run_mode(const struct confirm *c, const char *mode) {
    struct command_line line = {0};
    command_line_add(&line, text_dup("replay"));
    command_line_add(&line, text_dup("--no-summary"));
    command_line_add(&line, text_dup("--how=rerun"));
    command_line_add(&line, text_dup("--leaks=off"));
    command_line_add(&line, text_dup("--guard=off"));
    command_line_add(&line, text_dup("--repeat=0"));
    command_line_add(&line, text_format("--mode=%s", mode));
    command_line_add(&line, text_format("--recording=%lld", (long long)c->recording));
    for (size_t i = 0; i < c->options->given.n; i++)
        if (is_of_a_run(c->options->given.items[i].option->name))
            command_line_add(&line, cli_given_text(&c->options->given.items[i]));
    int n = add_sites(c, mode, &line), status = n < 0 ? EXIT_CANNOT : EXIT_OK;
    command_line_add(&line, text_dup("--"));
    command_line_add(&line, text_dup(c->copy));
    if (n > 0) {
        int quiet = error_quiet();
        error_info("%d finding%s once more, each in a run of the whole suite", n,
                   n == 1 ? "" : "s");
        error_set_quiet(1);
        const struct suite_scope scope = suite_replay_scope(c->options);
        const struct scope_rule lasting = suite_load_lasting(c->suite, &scope);
        const struct replay_unit unit = {.lasting = &lasting};
        status = command_replay_unit(line.argc, line.argv, &unit);
        error_set_quiet(quiet);
    }
    command_line_deinit(&line);
    return status;
}

/* --- what was seen --- */

#define END_COLUMNS(X)                                                                   \
    X(END_FIRED, "a.fired")                                                              \
    X(END_TIMED_OUT, "a.timed_out")                                                      \
    X(END_CODE, "coalesce(a.exit_code, -1)")                                             \
    X(END_SIGNAL, "coalesce(a.exit_signal, 0)")                                          \
    X(END_USUAL_CODE, "coalesce(c.exit_code, -1)")                                       \
    X(END_USUAL_SIGNAL, "coalesce(c.exit_signal, 0)")
enum { END_COLUMNS(STORE_COLUMN_ENUM) };
enum { ASK_RECORDING = 1, ASK_SITE, ASK_MODE };

static const char end_sql[] = STORE_SELECT(
    END_COLUMNS) "FROM attempt a JOIN replay r ON r.id = a.replay_id JOIN recording c ON "
                 "c.id = r.recording_id JOIN site s ON s.id = a.site_id WHERE c.id = ? "
                 "AND hex(s.key) = ? AND a.mode = ? ORDER BY a.fired DESC, a.id LIMIT 1";

static void add_end(struct text *t, int code, int signal) {
    if (signal)
        text_addf(t, "by signal %d", signal);
    else
        text_addf(t, "with status %d", code);
}

static char *end_text(sqlite3_stmt *q) {
    struct text t = {0};
    int code = sqlite3_column_int(q, END_CODE),
        signal = sqlite3_column_int(q, END_SIGNAL);
    bool same = code == sqlite3_column_int(q, END_USUAL_CODE) &&
                signal == sqlite3_column_int(q, END_USUAL_SIGNAL);
    if (!sqlite3_column_int(q, END_FIRED)) {
        text_add(&t, "the call did not come up in it");
    } else if (sqlite3_column_int(q, END_TIMED_OUT)) {
        text_add(&t, "it does not end");
    } else {
        text_add(&t, same ? "nobody notices: it ends " : "it is noticed: it ends ");
        add_end(&t, code, signal);
        text_add(&t, same ? ", as without the failure" : "; without the failure ");
        if (!same)
            add_end(&t, sqlite3_column_int(q, END_USUAL_CODE),
                    sqlite3_column_int(q, END_USUAL_SIGNAL));
    }
    return text_take(&t);
}

enum { NOTE_RECORDING = 1, NOTE_TEXT, NOTE_SUBJECT };

static int put_note(const struct confirm *c, const char *identity, const char *text) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int r =
        store_prepare(c->store,
                      "INSERT INTO note(recording_id, kind, text, subject) VALUES (?, "
                      "'in_suite', ?, ?)",
                      &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, NOTE_RECORDING, c->recording);
    store_bind_text(q, NOTE_TEXT, text);
    store_bind_text(q, NOTE_SUBJECT, identity);
    return store_step_done(c->store, q);
}

static int take_ends(const struct confirm *c) {
    AUTO_STORE struct store *copy = NULL;
    AUTO_STMT sqlite3_stmt *findings = NULL;
    AUTO_STMT sqlite3_stmt *ends = NULL;
    int r = store_new(c->copy, STORE_READ, &copy);
    if (r == 0)
        r = store_prepare(copy, findings_sql, &findings);
    if (r == 0)
        r = store_prepare(copy, end_sql, &ends);
    if (r == 0)
        sqlite3_bind_int64(findings, 1, c->recording);
    while (r == 0 && sqlite3_step(findings) == SQLITE_ROW) {
        sqlite3_bind_int64(ends, ASK_RECORDING, c->recording);
        store_bind_text(ends, ASK_SITE, store_column_text(findings, CONFIRM_SITE));
        store_bind_text(ends, ASK_MODE, store_column_text(findings, CONFIRM_MODE));
        if (sqlite3_step(ends) == SQLITE_ROW) {
            AUTO_FREE char *text = end_text(ends);
            r = put_note(c, store_column_text(findings, CONFIRM_IDENTITY), text);
        }
        sqlite3_reset(ends);
    }
    return r;
}

/* --- the copy --- */

static int make_copy(struct confirm *c) {
    const char *where = getenv("TMPDIR");
    c->folder = text_format("%s/dearth-suite.XXXXXX", where && *where ? where : "/tmp");
    if (!mkdtemp(c->folder)) {
        int r = error_print_errno(-errno,
                                  "%s: cannot make a folder for a copy of the "
                                  "database; TMPDIR names another place",
                                  c->folder);
        free(c->folder);
        c->folder = NULL;
        return r;
    }
    c->copy = text_format("%s/suite.db", c->folder);
    char *sql = sqlite3_mprintf("VACUUM INTO %Q", c->copy);
    int r = sql ? store_exec(c->store, sql) : -ENOMEM;
    sqlite3_free(sql);
    return r;
}

static void remove_copy(struct confirm *c) {
    static const char *const endings[] = {"", STORE_COMPANIONS};
    for (size_t i = 0; c->copy && i < sizeof endings / sizeof *endings; i++) {
        AUTO_FREE char *file = text_format("%s%s", c->copy, endings[i]);
        unlink(file);
    }
    if (c->folder)
        rmdir(c->folder);
    free(c->copy);
    free(c->folder);
}

int suite_confirm_run(const struct suite_options *options, struct suite *suite) {
    struct confirm c = {.options = options,
                        .suite = suite,
                        .store = suite->store,
                        .recording = suite->recording};
    AUTO_FREE char *again = text_format("DELETE FROM note WHERE recording_id = %lld AND "
                                        "kind = 'in_suite'",
                                        (long long)c.recording);
    int r = options->fresh ? store_exec(c.store, again) : 0;
    if (r == 0)
        r = make_copy(&c);
    int status = r < 0 ? EXIT_CANNOT : run_mode(&c, "once");
    if (status == EXIT_OK)
        status = run_mode(&c, "sticky");
    if (r == 0 && (status == EXIT_OK || status == EXIT_INTERRUPTED) && take_ends(&c) < 0)
        status = EXIT_CANNOT;
    remove_copy(&c);
    return interrupt_wanted() ? EXIT_INTERRUPTED : status;
}
