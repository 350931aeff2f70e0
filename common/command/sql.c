/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth sql`: questions to the database in SQL, with the tables `allocation` and
 * `event`.
 *
 *   query, or lines of stdin ──► statements ──► rows ──► table | csv | json on stdout
 *
 * Read-only unless --write is given. A table is printed in batches: the widths of its
 * columns are those of the first batch and grow with later ones.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "allocation_table.h"
#include "cli.h"
#include "commands.h"
#include "error.h"
#include "output.h"
#include "store.h"
#include "text.h"

#define BATCH_ROWS 1000

enum format { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON };

/* --- one result as a table --- */

struct cell {
    char *text;
    int width; /* characters */
    bool number;
};

struct batch {
    struct cell *cells; /* BATCH_ROWS rows of n_columns */
    int *widths;
    int n_columns, n_rows;
    bool heading_done;
};

/* Characters of UTF-8: bytes that do not continue one. */
static int characters(const char *s) {
    int n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static char *blob_hex(const uint8_t *bytes, int n) {
    struct text t = {0};
    for (int i = 0; i < n; i++)
        text_addf(&t, "%02x", bytes[i]);
    return text_take(&t);
}

/* A value as plain text; NULL is empty. */
static char *value_text(sqlite3_stmt *q, int column) {
    switch (sqlite3_column_type(q, column)) {
    case SQLITE_NULL:
        return text_dup("");
    case SQLITE_BLOB: {
        const uint8_t *bytes = sqlite3_column_blob(q, column);
        return blob_hex(bytes, sqlite3_column_bytes(q, column));
    }
    default: {
        const char *s = store_column_text(q, column);
        return text_dup(s ? s : "");
    }
    }
}

static void print_padded(const char *s, int width, int to, bool right, bool last) {
    int pad = to > width ? to - width : 0;
    printf("%*s%s", right ? pad : 0, "", s);
    if (!last)
        printf("%*s", right ? 2 : pad + 2, "");
}

static void print_heading(sqlite3_stmt *q, struct batch *b) {
    for (int i = 0; i < b->n_columns; i++) {
        AUTO_TEXT struct text shown = {0};
        text_add_name(&shown, sqlite3_column_name(q, i));
        const char *name = shown.data;
        bool number = b->n_rows && b->cells[i].number;
        print_padded(name, characters(name), b->widths[i], number, i + 1 == b->n_columns);
    }
    putchar('\n');
    for (int i = 0; i < b->n_columns; i++) {
        for (int k = 0; k < b->widths[i]; k++)
            putchar('-');
        fputs(i + 1 == b->n_columns ? "\n" : "  ", stdout);
    }
    b->heading_done = true;
}

static void flush_batch(sqlite3_stmt *q, struct batch *b) {
    int n = b->n_columns;
    for (int i = 0; i < n; i++) {
        AUTO_TEXT struct text name = {0};
        text_add_name(&name, sqlite3_column_name(q, i));
        int width = b->heading_done ? b->widths[i] : characters(name.data);
        for (int row = 0; row < b->n_rows; row++)
            if (b->cells[row * n + i].width > width)
                width = b->cells[row * n + i].width;
        b->widths[i] = width;
    }
    if (!b->heading_done)
        print_heading(q, b);
    for (int row = 0; row < b->n_rows; row++) {
        for (int i = 0; i < n; i++) {
            struct cell *c = &b->cells[row * n + i];
            print_padded(c->text, c->width, b->widths[i], c->number, i + 1 == n);
            free(c->text);
        }
        putchar('\n');
    }
    b->n_rows = 0;
}

static void add_row(sqlite3_stmt *q, struct batch *b) {
    struct cell *row = b->cells + (size_t)b->n_rows++ * (size_t)b->n_columns;
    for (int i = 0; i < b->n_columns; i++) {
        int type = sqlite3_column_type(q, i);
        AUTO_FREE char *text = value_text(q, i);
        struct text shown = {0};
        text_add_name(&shown, text);
        row[i].text = text_take(&shown);
        row[i].width = characters(row[i].text);
        row[i].number = type == SQLITE_INTEGER || type == SQLITE_FLOAT;
    }
    if (b->n_rows == BATCH_ROWS)
        flush_batch(q, b);
}

static int print_table(sqlite3_stmt *q) {
    struct batch b = {.n_columns = sqlite3_column_count(q)};
    b.cells = text_alloc(BATCH_ROWS * (size_t)b.n_columns * sizeof *b.cells);
    b.widths = text_alloc((size_t)b.n_columns * sizeof *b.widths);
    int rc = SQLITE_ROW;
    while (!ferror(stdout) && (rc = sqlite3_step(q)) == SQLITE_ROW)
        add_row(q, &b);
    if (b.n_rows || !b.heading_done)
        flush_batch(q, &b);
    free(b.cells);
    free(b.widths);
    return rc;
}

/* --- csv (RFC 4180, with \n at the end of lines) and JSON --- */

/* CSV has no escapes: a file gets what there is, a terminal what may be shown there. */
static void print_csv_field(const char *raw, bool more) {
    AUTO_TEXT struct text shown = {0};
    if (isatty(STDOUT_FILENO))
        text_add_name(&shown, raw);
    const char *s = shown.data ? shown.data : raw;
    if (s[strcspn(s, ",\"\r\n")]) {
        putchar('"');
        for (; *s; s++) {
            if (*s == '"')
                putchar('"');
            putchar(*s);
        }
        putchar('"');
    } else {
        fputs(s, stdout);
    }
    putchar(more ? ',' : '\n');
}

static int print_csv(sqlite3_stmt *q) {
    int rc = SQLITE_ROW, n = sqlite3_column_count(q);
    for (int i = 0; i < n; i++)
        print_csv_field(sqlite3_column_name(q, i), i + 1 < n);
    while (!ferror(stdout) && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        for (int i = 0; i < n; i++) {
            AUTO_FREE char *s = value_text(q, i);
            print_csv_field(s, i + 1 < n);
        }
    }
    return rc;
}

static void add_json_value(struct text *t, sqlite3_stmt *q, int column) {
    switch (sqlite3_column_type(q, column)) {
    case SQLITE_NULL:
        text_add(t, "null");
        return;
    case SQLITE_INTEGER:
        text_addf(t, "%lld", (long long)sqlite3_column_int64(q, column));
        return;
    case SQLITE_FLOAT:
        if (isfinite(sqlite3_column_double(q, column)))
            text_addf(t, "%.17g", sqlite3_column_double(q, column));
        else
            text_add(t, "null");
        return;
    default: {
        AUTO_FREE char *s = value_text(q, column);
        text_add_json(t, s);
    }
    }
}

static int print_json(sqlite3_stmt *q) {
    int rc = SQLITE_ROW, n = sqlite3_column_count(q);
    const char *comma = "\n";
    putchar('[');
    while (!ferror(stdout) && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        AUTO_TEXT struct text t = {0};
        for (int i = 0; i < n; i++) {
            text_add(&t, i ? "," : "{");
            text_add_json(&t, sqlite3_column_name(q, i));
            text_add(&t, ":");
            add_json_value(&t, q, i);
        }
        printf("%s%s}", comma, t.data);
        comma = ",\n";
    }
    puts("\n]");
    return rc;
}

/* --- statements --- */

static int run_statement(struct store *store, sqlite3_stmt *q, enum format format) {
    int rc;
    if (sqlite3_column_count(q) == 0)
        while ((rc = sqlite3_step(q)) == SQLITE_ROW)
            ;
    else
        rc = format == FORMAT_CSV    ? print_csv(q)
             : format == FORMAT_JSON ? print_json(q)
                                     : print_table(q);
    int r = output_flush();
    if (r < 0)
        return r;
    if (rc == SQLITE_DONE)
        return 0;
    if (rc == SQLITE_READONLY)
        return error_print(-EROFS, "%s is opened for reading; --write allows changes",
                           store->path);
    return error_print(-EIO, "%s", sqlite3_errmsg(store->db));
}

/* A database with objects that the schema does not know is refused when it is opened: nobody shall
 * make one by the way. */
static int authorize(void *unused, int action, const char *name, const char *table,
                     const char *database, const char *by) {
    static const int changes[] = {SQLITE_CREATE_INDEX,   SQLITE_CREATE_TABLE,
                                  SQLITE_CREATE_TRIGGER, SQLITE_CREATE_VIEW,
                                  SQLITE_DROP_INDEX,     SQLITE_DROP_TABLE,
                                  SQLITE_DROP_TRIGGER,   SQLITE_DROP_VIEW,
                                  SQLITE_CREATE_VTABLE,  SQLITE_DROP_VTABLE};
    (void)unused, (void)table, (void)by;
    if (action == SQLITE_ALTER_TABLE) /* (database, table) */
        return name && strcmp(name, "main") == 0 ? SQLITE_DENY : SQLITE_OK;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (action == changes[i] && database && strcmp(database, "main") == 0 &&
            strncmp(name ? name : "", "sqlite_stat", 11) != 0) /* ANALYZE */
            return SQLITE_DENY;
    return SQLITE_OK;
}

/* Run every statement of @sql. Return: 0, or the first negative errno after a message. */
static int run_sql(struct store *store, const char *sql, enum format format) {
    while (*sql) {
        AUTO_STMT sqlite3_stmt *q = NULL;
        const char *rest;
        int rc = sqlite3_prepare_v2(store->db, sql, -1, &q, &rest);
        if (rc == SQLITE_AUTH)
            return error_print(
                -EPERM,
                "%s: its tables are dearth's, which reads no file that has "
                "others: CREATE TEMP TABLE, or ATTACH a file for yours",
                store->path);
        if (rc != SQLITE_OK)
            return error_print(-EINVAL, "%s", sqlite3_errmsg(store->db));
        int r = q ? run_statement(store, q, format) : 0;
        if (r < 0)
            return r;
        sql = rest;
    }
    return 0;
}

/* --- lines --- */

static sqlite3 *interruptible;

static void on_interrupt(int number) {
    (void)number;
    if (interruptible)
        sqlite3_interrupt(interruptible);
}

static const char dot_help[] = ".tables           names of tables\n"
                               ".schema [TABLE]   columns, with what they mean\n"
                               ".quit             end\n"
                               "Everything else is SQL, up to a semicolon.\n";

static int print_schema(struct store *store, const char *name) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int r = store_prepare(store,
                          "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND "
                          "(?1 = '' OR tbl_name = ?1) ORDER BY rowid",
                          &q);
    if (r < 0)
        return r;
    sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
    while (sqlite3_step(q) == SQLITE_ROW)
        printf("%s;\n", store_column_text(q, 0));
    for (int i = 0; i < 2; i++) {
        const char *table = i ? "event" : "allocation";
        if (*name && strcmp(name, table) != 0)
            continue;
        AUTO_FREE char *sql = text_format(
            "SELECT group_concat(name || ' ' || type, ', ') FROM pragma_table_info('%s')",
            table);
        AUTO_STMT sqlite3_stmt *columns = NULL;
        if (store_prepare(store, sql, &columns) == 0 &&
            sqlite3_step(columns) == SQLITE_ROW)
            printf("-- over the compressed events:\n-- %s(%s)\n", table,
                   store_column_text(columns, 0));
    }
    return 0;
}

/* Return: 1 = end, else 0. */
static int run_dot(struct store *store, char *line) {
    char *word = strtok(line, " \t\n");
    char *argument = strtok(NULL, " \t\n");
    if (strcmp(word, ".quit") == 0 || strcmp(word, ".exit") == 0)
        return 1;
    if (strcmp(word, ".tables") == 0)
        run_sql(store,
                "SELECT name FROM sqlite_schema WHERE type = 'table' UNION "
                "SELECT 'allocation' UNION SELECT 'event' ORDER BY 1",
                FORMAT_TABLE);
    else if (strcmp(word, ".schema") == 0)
        print_schema(store, argument ? argument : "");
    else
        fputs(dot_help, stdout);
    return output_flush() < 0;
}

/* Read statements from stdin. On a terminal errors do not end it. */
static int run_lines(struct store *store, enum format format) {
    bool person = isatty(STDIN_FILENO);
    AUTO_TEXT struct text sql = {0};
    AUTO_FREE char *line = NULL;
    size_t capacity = 0;
    int result = 0;
    if (person) {
        AUTO_TEXT struct text path = {0};
        text_add_name(&path, store->path);
        printf("%s: SQL up to a semicolon; .help\n", path.data);
        interruptible = store->db;
        signal(SIGINT, on_interrupt);
    }
    for (;;) {
        if (person) {
            fputs(sql.n ? "   ...> " : "dearth> ", stdout);
            fflush(stdout);
        }
        if (getline(&line, &capacity, stdin) < 0)
            break;
        if (!sql.n && line[0] == '.') {
            if (run_dot(store, line))
                return result;
            continue;
        }
        text_add(&sql, line);
        if (!sqlite3_complete(sql.data))
            continue;
        int r = run_sql(store, sql.data, format);
        text_deinit(&sql);
        if (r < 0 && (!person || ferror(stdout)))
            return r;
    }
    if (person)
        putchar('\n');
    return sql.n ? run_sql(store, sql.data, format) : result;
}

/* One operand: a database, or a query on the default one? */
static bool looks_like_file(const char *s) {
    size_t n = strlen(s);
    return access(s, F_OK) == 0 || (n > 3 && strcmp(s + n - 3, ".db") == 0) ||
           !strpbrk(s, " \t\n;");
}

int command_sql(int argc, char **argv) {
    int format = FORMAT_TABLE, n;
    bool write = false;
    const struct cli_option options[] = {
        {'f', "format", CLI_CHOICE, &format, NULL, "how rows are printed",
         "table|csv|json"},
        {0, "write", CLI_FLAG, &write, NULL, "allow changes to the database"},
        {0}};
    const struct cli_command command = {
        "sql", "[options] [FILE] [QUERY]",
        "Ask the database in SQL. Without QUERY, statements are read from stdin.",
        "FILE is dearth.db by default. Besides the tables of the schema (.schema shows "
        "them) there are two over the compressed events: 'allocation', a row for each "
        "call that asked for memory, and 'event', a row for each call.\n\n"
        "  dearth sql 'SELECT op, count(*), sum(size) FROM allocation GROUP BY op'\n"
        "  dearth sql run.db 'SELECT l.name, sum(a.size) AS bytes FROM allocation a JOIN "
        "site s ON s.id = a.site_id JOIN location l ON l.id = s.location_id WHERE "
        "a.freed_ns IS NULL GROUP BY l.id ORDER BY bytes DESC LIMIT 10'\n\n"
        "The stock sqlite3 shell reads the same tables after '.load' of "
        "dearth_sqlite.so.",
        options};
    int r = cli_parse(&command, argc, argv, false, &n);
    if (r != CLI_RUN)
        return r == CLI_DONE ? EXIT_OK : EXIT_CANNOT;
    const char *path = STORE_DEFAULT_PATH, *query = NULL;
    if (n > 2) {
        error_print(
            0, "sql: at most FILE and QUERY; quote the query (see 'dearth sql --help')");
        return EXIT_CANNOT;
    }
    if (n == 2 || (n == 1 && looks_like_file(argv[1])))
        path = argv[1];
    if (n == 2 || (n == 1 && path != argv[1]))
        query = argv[n];
    AUTO_STORE struct store *store = NULL;
    if (store_new(path, write ? STORE_WRITE : STORE_READ, &store) < 0)
        return EXIT_CANNOT;
    if (allocation_table_register(store->db) != SQLITE_OK) {
        store_error(store, "preparing the event tables");
        return EXIT_CANNOT;
    }
    sqlite3_set_authorizer(store->db, authorize, NULL);
    store_unbound(store);
    r = query ? run_sql(store, query, format) : run_lines(store, format);
    return r < 0 ? EXIT_CANNOT : EXIT_OK;
}
