/* SPDX-License-Identifier: Apache-2.0 */
/* The programs of a database: see store_programs.h. */
#include "store_programs.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "store.h"
#include "text.h"

#define NAME_BYTES 60 /* arguments that would make it longer are left out */

/* --- names --- */

/* Return: did all of them fit? */
static bool add_arguments(const cJSON *argv, struct text *out) {
    const cJSON *argument;
    bool first = true;
    cJSON_ArrayForEach(argument, argv) {
        AUTO_TEXT struct text shown = {0};
        if (!first && cJSON_IsString(argument)) {
            text_add_shell_shown(&shown, argument->valuestring);
            if (out->n + shown.n + 1 > NAME_BYTES)
                return false;
            text_say(out, " %s", shown.n ? shown.data : "''");
        }
        first = false;
    }
    return true;
}

char *store_programs_name(const char *argv, const char *exe, bool path) {
    struct text out = {0};
    cJSON *list = argv ? cJSON_Parse(argv) : NULL;
    const char *first = cJSON_GetStringValue(cJSON_GetArrayItem(list, 0));
    text_add_shell_shown(&out, path              ? exe
                               : first && *first ? text_basename(first)
                                                 : text_basename(exe));
    if (!add_arguments(list, &out))
        text_add(&out, " ...");
    cJSON_Delete(list);
    return text_take(&out);
}

/* The command line as it was given, for globs. */
static char *whole_command(const char *argv) {
    struct text out = {0};
    cJSON *list = argv ? cJSON_Parse(argv) : NULL, *argument;
    cJSON_ArrayForEach(argument, list) {
        if (cJSON_IsString(argument))
            text_addf(&out, "%s%s", out.n ? " " : "", argument->valuestring);
    }
    cJSON_Delete(list);
    return out.n ? text_take(&out) : text_dup("");
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(struct store_program *const *)a)->name,
                  (*(struct store_program *const *)b)->name);
}

/* Two programs of one name are told apart by their paths. */
static void tell_apart(struct store_programs *programs) {
    size_t n = programs->n;
    AUTO_FREE struct store_program **sorted = text_alloc((n + 1) * sizeof *sorted);
    for (size_t i = 0; i < n; i++)
        sorted[i] = &programs->items[i];
    if (n)
        qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 1; i < n; i++)
        if (by_name(&sorted[i - 1], &sorted[i]) == 0)
            sorted[i - 1]->same_name = sorted[i]->same_name = true;
}

/* --- reading --- */

#define PROGRAM_COLUMNS(X)                                                               \
    X(PROGRAM_RECORDING, "id")                                                           \
    X(PROGRAM_EXE, "exe")                                                                \
    X(PROGRAM_ARGV, "argv")
enum { PROGRAM_COLUMNS(STORE_COLUMN_ENUM) };

/* The newest of a program comes last; in a merged database that is not the one with the largest id. */
static const char program_sql[] =
    STORE_SELECT(PROGRAM_COLUMNS) "FROM recording ORDER BY exe, started_unix_ns, id";

static bool matches(const char *glob, const char *exe, const char *argv) {
    AUTO_FREE char *command = whole_command(argv);
    return fnmatch(glob, exe, 0) == 0 || fnmatch(glob, text_basename(exe), 0) == 0 ||
           fnmatch(glob, command, 0) == 0;
}

static bool is_number(const char *wanted) {
    return *wanted && !wanted[strspn(wanted, "0123456789")];
}

static bool is_wanted(const char *wanted, int64_t id, const char *exe, const char *argv) {
    if (!wanted)
        return true;
    return is_number(wanted) ? strtoll(wanted, NULL, 10) == id
                             : matches(wanted, exe, argv);
}

static struct store_program *append(struct store_programs *programs, const char *exe) {
    programs->items = text_grow(programs->items, programs->n, sizeof *programs->items);
    struct store_program *program = &programs->items[programs->n++];
    *program = (struct store_program){.exe = text_dup(exe)};
    return program;
}

static void add_row(sqlite3_stmt *s, const char *wanted,
                    struct store_programs *programs) {
    const char *exe = store_column_text(s, PROGRAM_EXE);
    const char *argv = store_column_text(s, PROGRAM_ARGV);
    struct store_program *p = programs->n ? &programs->items[programs->n - 1] : NULL;
    exe = exe ? exe : "";
    if (!p || strcmp(p->exe, exe) != 0)
        p = append(programs, exe);
    p->recording = sqlite3_column_int64(s, PROGRAM_RECORDING);
    p->recordings++;
    p->wanted |= is_wanted(wanted, p->recording, exe, argv);
    free(p->name);
    p->name = store_programs_name(argv, exe, false);
}

static int by_recording(const void *a, const void *b) {
    const struct store_program *x = a, *y = b;
    return (x->recording > y->recording) - (x->recording < y->recording);
}

/* A glob that matches nothing is a mistake: what there is helps to mend it. */
static int nothing(struct store *store, const char *wanted,
                   const struct store_programs *programs) {
    const size_t most = 5;
    AUTO_TEXT struct text names = {0};
    if (!programs->n)
        return (int)store_recording(store, 0); /* it says so */
    for (size_t i = 0; i < programs->n && i < most; i++)
        text_say(&names, "%s%s", i ? ", " : "", programs->items[i].name);
    if (programs->n > most)
        text_addf(&names, " and %zu more", programs->n - most);
    return error_print(-ENOENT, "%s: --program %s: no such program is in it; it has: %s",
                       store->path, wanted, names.data);
}

static void count_wanted(struct store_programs *programs) {
    for (size_t i = 0; i < programs->n; i++)
        programs->n_wanted += programs->items[i].wanted;
}

int store_programs_load(struct store *store, const char *wanted,
                        struct store_programs *out) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int step = SQLITE_DONE, r = store_prepare(store, program_sql, &s);
    *out = (struct store_programs){0};
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
        add_row(s, wanted, out);
    if (r == 0 && step != SQLITE_DONE)
        r = store_error(store, "reading recordings");
    if (r < 0)
        return r;
    if (out->n)
        qsort(out->items, out->n, sizeof *out->items, by_recording);
    tell_apart(out);
    count_wanted(out);
    return out->n_wanted ? 0 : nothing(store, wanted, out);
}

void store_programs_deinit(struct store_programs *programs) {
    for (size_t i = 0; i < programs->n; i++) {
        free(programs->items[i].exe);
        free(programs->items[i].name);
    }
    free(programs->items);
    *programs = (struct store_programs){0};
}
