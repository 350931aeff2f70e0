/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings derived from a small database: grouping, rates, flaky ones, identities that
 * stay.
 *
 *   program   alpha:10 (site 1, 2)   alpha:20 (site 3)   beta (site 4)
 *   crashes   use() in the program, strlen() called by use()
 */
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "finding.h"
#include "store.h"
#include "text.h"

static const char schema_rows[] =
    "INSERT INTO module (id, build_id, path) VALUES (1, x'01', '/usr/bin/prog'),   (2, "
    "x'02', '/lib/libc.so.6');INSERT INTO frame (id, module_id, \"offset\", resolved) "
    "VALUES (1, 1, 100, 1),   (2, 1, 200, 1), (3, 1, 300, 1), (4, 1, 400, 1), (5, 2, "
    "500, 1);INSERT INTO symbol (frame_id, inline_index, function, line) VALUES (1, 0, "
    "'alpha(int)',   10), (2, 0, 'alpha(int)', 20), (3, 0, 'beta', 30), (4, 0, 'use', "
    "40),   (5, 0, 'strlen', NULL);INSERT INTO stack (id, parent_id, frame_id, depth, "
    "key) VALUES (1, NULL, 1, 1, x'11'),   (2, NULL, 2, 1, x'12'), (3, NULL, 3, 1, "
    "x'13'), (4, NULL, 4, 1, x'14'),   (5, 4, 5, 2, x'15');INSERT INTO location (id, "
    "module_id, \"offset\", function, line, name) VALUES   (1, 1, 100, 'alpha(int)', 10, "
    "'a:10'), (2, 1, 200, 'alpha(int)', 20, 'a:20'),   (3, 1, 300, 'beta', 30, "
    "'b:30');INSERT INTO site (id, key, op, stack_id, location_id) VALUES (1, x'01', "
    "'malloc', 1, 1),   (2, x'02', 'calloc', 1, 1), (3, x'03', 'malloc', 2, 2), (4, "
    "x'04', 'malloc', 3, 3);INSERT INTO recording (id, state, started_unix_ns, exe, cwd, "
    "clock, tool_version) VALUES   (1, 'complete', 0, '/usr/bin/prog', '/', 'tsc', "
    "'test');INSERT INTO replay (id, recording_id, state, started_unix_ns, options, "
    "isolation, traced,   jobs, tool_version) VALUES (1, 1, 'running', 0, '{}', 'copy', "
    "1, 1, 'test');";

static void add_attempt(struct store *store, int id, int site, const char *mode,
                        int repeat, const char *verdict, const char *severity,
                        int crash_stack) {
    AUTO_FREE char *stack =
        crash_stack ? text_format("%d", crash_stack) : text_dup("NULL");
    AUTO_FREE char *sql = text_format(
        "INSERT INTO attempt (id, replay_id, site_id, occurrence, mode, how, repeat, "
        "verdict, severity, fired, hits, duration_ns, stdout_bytes, started_unix_ns, "
        "crash_stack_id) VALUES (%d, 1, %d, 1, '%s', 'rerun', %d, '%s', '%s', %d, 1, 1, "
        "0, 0, %s)",
        id, site, mode, repeat, verdict, severity, strcmp(verdict, "unreached") != 0,
        stack);
    CHECK(verdict, store_exec(store, sql) == 0);
}

static const char *ask(struct store *store, const char *sql) {
    static char answer[512];
    AUTO_STMT sqlite3_stmt *s = NULL;
    answer[0] = '\0';
    if (store_prepare(store, sql, &s) == 0 && sqlite3_step(s) == SQLITE_ROW)
        snprintf(answer, sizeof answer, "%s",
                 store_column_text(s, 0) ? store_column_text(s, 0) : "");
    return answer;
}

#define ALL                                                                              \
    "SELECT group_concat(id || ' ' || identity || ' ' || verdict || ' ' || severity || " \
    "' ' ||"                                                                             \
    " bad || '/' || tried || ' ' || attributed_to, '; ') FROM (SELECT * FROM finding "   \
    "ORDER BY id)"

static void check_findings(struct store *store) {
    /* two sites of one location crash at one place: one finding, with all their
     * executions */
    add_attempt(store, 1, 1, "once", 0, "crashed", "bug", 5);
    add_attempt(store, 2, 1, "once", 1, "crashed", "bug", 5);
    add_attempt(store, 3, 2, "sticky", 0, "crashed", "bug", 4);
    add_attempt(store, 4, 2, "once", 0, "reported", "ok", 0);
    /* another line of the same function is another finding */
    add_attempt(store, 5, 3, "once", 0, "aborted", "policy", 4);
    /* disagreeing repeats are flaky; a repeat that was not reached says nothing */
    add_attempt(store, 6, 4, "once", 0, "crashed", "bug", 4);
    add_attempt(store, 7, 4, "once", 1, "handled", "ok", 0);
    add_attempt(store, 8, 4, "once", 2, "unreached", "none", 0);
    /* a wrong answer has no place */
    add_attempt(store, 9, 4, "sticky", 0, "degraded", "warning", 0);
    CHECK("derive", finding_derive(store, 1) == 0);
    static const char wanted[] =
        "1 crashed|prog!alpha|prog!use crashed bug 3/3 program; "
        "2 crashed|prog!beta|prog!use flaky look 1/2 program; "
        "3 degraded|prog!beta degraded warning 1/1 program; "
        "4 aborted|prog!alpha#2|prog!use aborted policy 1/1 program";
    CHECK_TEXT("findings", wanted, ask(store, ALL));
    CHECK_TEXT("where, and whose",
               "1 crashed|prog!use|libc!strlen; 2 crashed|prog!use; "
               "3 degraded|prog!beta; 4 aborted|prog!use",
               ask(store, "SELECT group_concat(id || ' ' || place, '; ') FROM (SELECT * "
                          "FROM finding ORDER BY id)"));
    CHECK("derive again", finding_derive(store, 1) == 0);
    CHECK_TEXT("the same again", wanted, ask(store, ALL));
    CHECK_TEXT("links", "1 1,1 2,1 3,2 6,3 9,4 5",
               ask(store,
                   "SELECT group_concat(finding_id || ' ' || attempt_id) FROM (SELECT * "
                   "FROM finding_attempt ORDER BY 1, 2)"));
}

/* What no attempt stands for goes; what stays keeps its id. */
static void check_change(struct store *store) {
    CHECK("delete",
          store_exec(store, "DELETE FROM finding_attempt; DELETE FROM finding "
                            "WHERE id = 2; DELETE FROM attempt WHERE id IN (6, 7)") == 0);
    add_attempt(store, 10, 2, "once", 0, "crashed", "bug", 4);
    /* an untraced crash at that location is taken for the known one */
    add_attempt(store, 11, 2, "sticky", 1, "crashed", "bug", 0);
    CHECK("derive", finding_derive(store, 1) == 0);
    CHECK_TEXT("ids stay",
               "1 crashed|prog!alpha|prog!use crashed bug 5/6 program; "
               "3 degraded|prog!beta degraded warning 1/1 program; "
               "4 aborted|prog!alpha#2|prog!use aborted policy 1/1 program",
               ask(store, ALL));
}

int main(void) {
    char folder[] = "/tmp/dearth-finding-XXXXXX";
    if (!mkdtemp(folder))
        return 1;
    AUTO_FREE char *path = text_format("%s/test.db", folder);
    struct store *store = NULL;
    if (store_new(path, STORE_CREATE, &store) == 0 &&
        store_exec(store, schema_rows) == 0) {
        check_findings(store);
        check_change(store);
    } else {
        check_failures++;
    }
    store_free(store);
    unlink(path);
    rmdir(folder);
    return check_result();
}
