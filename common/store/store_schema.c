/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at a database's own schema before anything is read from it.
 *
 *   sqlite_schema of the file ─► definitions, normalised ─┐
 *                                                         ├─► equal?
 *   statements of schemas/store.sql ─► the same ──────────┘
 *
 * A database may come from anybody. A view or a generated column in the place of a table, an
 * expression in a CHECK, a DEFAULT or an index run code of its maker's with every read or write, and
 * can hang dearth or show what is not there; a table without its key answers wrongly. So the text of
 * each definition is compared, which is what SQLite itself parses: token by token, comments and blanks
 * left out. The columns of a table are compared as a set, since a migrated table has them in another
 * order. Comparing what PRAGMA table_xinfo says instead was tried: it is silent about CHECK, COLLATE
 * and ON CONFLICT. SQLite keeps the text of a CREATE as it was written, so store.sql is cut into its
 * statements; running it in a database in memory took as long as all else that a short command does.
 * Source: https://www.sqlite.org/security.html, https://www.sqlite.org/schematab.html
 */
#include "store_schema.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "schema_sql.h"
#include "store.h"
#include "text.h"

/* --- one definition --- */

/* End of the token at @s, which is no blank: a word or number, a quoted thing, or one character. */
static const char *token_end(const char *s) {
    const char *p = s + 1;
    if (*s == '"' || *s == '\'' || *s == '`') {
        while (*p && !(*p == *s && p[1] != *s))
            p += *p == *s ? 2 : 1;
        return *p ? p + 1 : p;
    }
    if (isalnum((unsigned char)*s) || *s == '_')
        while (isalnum((unsigned char)*p) || *p == '_')
            p++;
    return p;
}

static const char *skip_blanks(const char *s) {
    for (;;) {
        s += strspn(s, " \t\r\n\f");
        if (s[0] == '-' && s[1] == '-') {
            s += strcspn(s, "\n");
        } else if (s[0] == '/' && s[1] == '*') {
            const char *end = strstr(s + 2, "*/");
            s = end ? end + 2 : s + strlen(s);
        } else {
            return s;
        }
    }
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct parts { /* what stands between the commas of the outer brackets */
    char **items;
    size_t n;
};

static void parts_add(struct parts *p, struct text *part) {
    p->items = text_grow(p->items, p->n, sizeof *p->items);
    p->items[p->n++] = text_take(part);
}

/* ALTER TABLE and people put quotes around names: those of the first word of a part are left out. */
static void add_token(struct text *t, const char *s, size_t n) {
    bool quoted = !t->n && n > 2 && *s == '"' && !memchr(s + 1, '"', n - 2);
    text_add(t, t->n ? " " : "");
    text_add_n(t, s + quoted, n - 2 * quoted);
}

/*
 * "CREATE TABLE t ( | a INTEGER | b TEXT NOT NULL | ) WITHOUT ROWID", the parts of the outermost
 * brackets sorted. An index keeps their order, which it has a meaning in.
 */
static char *normalise(const char *sql) {
    struct text out = {0};
    AUTO_TEXT struct text part = {0};
    struct parts parts = {0};
    int depth = 0;
    bool table = strncmp(sql, "CREATE TABLE", 12) == 0;
    for (const char *s = skip_blanks(sql), *end; *s; s = skip_blanks(end)) {
        end = token_end(s);
        bool closes = *s == ')' && depth == 1, opens = *s == '(' && depth == 0;
        depth += (*s == '(') - (*s == ')');
        if ((*s == ',' && depth == 1) || closes) {
            parts_add(&parts, &part);
            if (closes && table)
                qsort(parts.items, parts.n, sizeof *parts.items, by_text);
            for (size_t i = 0; closes && i < parts.n; i++)
                text_addf(&out, " | %s", parts.items[i]);
            text_add(&out, closes ? " | )" : "");
        } else if (opens || depth < 1) {
            text_add(&out, out.n ? " " : "");
            bool quoted = *s == '"' && end - s > 2;
            text_add_n(&out, s + quoted, (size_t)(end - s) - 2 * quoted);
        } else {
            add_token(&part, s, (size_t)(end - s));
        }
    }
    for (size_t i = 0; i < parts.n; i++)
        free(parts.items[i]);
    free(parts.items);
    return text_take(&out);
}

/* --- the comparison --- */

#define OBJECT_COLUMNS(X)                                                                \
    X(OBJECT_TYPE, "type")                                                               \
    X(OBJECT_NAME, "name")                                                               \
    X(OBJECT_TABLE, "tbl_name")                                                          \
    X(OBJECT_SQL, "sql")
enum { OBJECT_COLUMNS(STORE_COLUMN_ENUM) };

static const char list_sql[] =
    STORE_SELECT(OBJECT_COLUMNS) "FROM sqlite_schema ORDER BY type, name";

struct object {
    char *type, *name;
    char *sql; /* as it stands in sqlite_schema */
    bool seen;
};

struct schema {
    struct object *objects;
    size_t n;
    bool whole; /* all of store.sql's */
};

static const char *text_or_empty(sqlite3_stmt *s, int column) {
    const char *text = store_column_text(s, column);
    return text ? text : "";
}

/* Indexes behind PRIMARY KEY and UNIQUE have no text: they are part of their table's. */
static bool is_automatic(sqlite3_stmt *s) {
    return strcmp(text_or_empty(s, OBJECT_TYPE), "index") == 0 &&
           strncmp(text_or_empty(s, OBJECT_NAME), "sqlite_autoindex_", 17) == 0 &&
           sqlite3_column_type(s, OBJECT_SQL) == SQLITE_NULL;
}

static bool is_statistics(sqlite3_stmt *s) {
    const char *name = text_or_empty(s, OBJECT_NAME);
    const char *columns = strcmp(name, "sqlite_stat1") == 0 ? "tbl,idx,stat"
                          : strcmp(name, "sqlite_stat4") == 0
                              ? "tbl,idx,neq,nlt,ndlt,sample"
                              : "";
    AUTO_FREE char *wanted = text_format("CREATE TABLE %s(%s)", name, columns);
    return *columns && strcmp(text_or_empty(s, OBJECT_TYPE), "table") == 0 &&
           strcmp(text_or_empty(s, OBJECT_SQL), wanted) == 0;
}

/* The next token of @s: its start, and its end in @end. Return: @s at its end when there is none. */
static const char *next_token(const char *s, const char **end) {
    s = skip_blanks(s);
    *end = *s ? token_end(s) : s;
    return s;
}

static char *take_word(const char **s) {
    struct text word = {0};
    const char *end, *start = next_token(*s, &end);
    text_add_n(&word, start, (size_t)(end - start));
    *s = end;
    return text_take(&word);
}

/* "CREATE TABLE name (...)" or "CREATE INDEX name ON ...", @n bytes without what ends it. */
static struct object object_of(const char *statement, size_t n) {
    struct text sql = {0};
    const char *rest = statement;
    text_add_n(&sql, statement, n);
    free(take_word(&rest));
    struct object out = {.sql = text_take(&sql)};
    out.type = take_word(&rest);
    for (char *c = out.type; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    out.name = take_word(&rest);
    return out;
}

/*
 * "CREATE TABLE name AS SELECT * FROM source WHERE 0", as SQLite keeps it: the source's columns, each
 * with its affinity alone. Source: createTableStmt() in https://sqlite.org/src/file/src/build.c
 */
static char *copy_of(const struct object *source, const char *name) {
    static const char *const types[][2] = {
        {"INTEGER", " INT"}, {"TEXT", " TEXT"}, {"REAL", " REAL"}};
    struct text out = {0};
    const char *end, *s = source->sql;
    int depth = 0, words = 0;
    text_addf(&out, "CREATE TABLE %s(", name);
    for (s = next_token(s, &end); *s; s = next_token(end, &end)) {
        depth += (*s == '(') - (*s == ')');
        words = (*s == '(' && depth == 1) || (*s == ',' && depth == 1) ? 0 : words + 1;
        if (depth == 1 && words == 1)
            text_add(&out, out.data[out.n - 1] == '(' ? "\n  " : ",\n  ");
        if (depth == 1 && words == 1)
            text_add_n(&out, s, (size_t)(end - s));
        for (size_t i = 0; depth == 1 && words == 2 && i < sizeof types / sizeof *types;
             i++)
            if (strncmp(types[i][0], s, (size_t)(end - s)) == 0)
                text_add(&out, types[i][1]);
    }
    text_add(&out, "\n)");
    return text_take(&out);
}

static struct object *find(const struct schema *s, const char *type, const char *name) {
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->objects[i].type, type) == 0 &&
            strcmp(s->objects[i].name, name) == 0)
            return &s->objects[i];
    return NULL;
}

static void copy_if_copied(const struct schema *all, struct object *object) {
    static const char from[] = " AS SELECT * FROM ";
    const char *at = strstr(object->sql, from);
    if (!at)
        return;
    at += sizeof from - 1;
    AUTO_FREE char *name = take_word(&at);
    const struct object *source = find(all, "table", name);
    char *sql = source ? copy_of(source, object->name) : NULL;
    if (!sql)
        return;
    free(object->sql);
    object->sql = sql;
}

/* What store.sql makes. */
static void schema_load(struct schema *out) {
    const char *end, *start = next_token(schema_sql, &end), *last = end;
    for (const char *s = start; *s; s = next_token(end, &end)) {
        if (*s != ';') {
            last = end;
            continue;
        }
        out->objects = text_grow(out->objects, out->n, sizeof *out->objects);
        out->objects[out->n] = object_of(start, (size_t)(last - start));
        copy_if_copied(out, &out->objects[out->n++]);
        start = skip_blanks(end);
    }
    out->whole = true;
}

/* Mostly to the letter; a migrated table, or one that sqlite3 wrote again, token by token. */
static bool is_equal(const char *a, const char *b) {
    if (strcmp(a, b) == 0)
        return true;
    AUTO_FREE char *x = normalise(a), *y = normalise(b);
    return strcmp(x, y) == 0;
}

/* One row of the file's schema. Return: 0 or -EINVAL after a message. */
static int check_object(const struct store *store, const struct schema *known,
                        sqlite3_stmt *s, bool whole) {
    const char *type = text_or_empty(s, OBJECT_TYPE),
               *name = text_or_empty(s, OBJECT_NAME);
    if (is_automatic(s) || is_statistics(s))
        return 0;
    struct object *o = find(known, type, name);
    if (!o)
        return error_print(
            -EINVAL,
            "%s: holds the %s '%s', which dearth did not make: nothing was "
            "read; if it is yours, drop it with sqlite3",
            store->path, type, name);
    if (whole && !is_equal(text_or_empty(s, OBJECT_SQL), o->sql))
        return error_print(-EINVAL,
                           "%s: its %s '%s' is not as dearth makes it: nothing was read; "
                           "the file was changed or is damaged",
                           store->path, type, name);
    o->seen = true;
    return 0;
}

int store_schema_check(struct store *store, bool whole) {
    /* made once: `dearth check` opens its database again and again */
    static struct schema known;
    AUTO_STMT sqlite3_stmt *s = NULL;
    int step = SQLITE_DONE, r = 0;
    if (!known.whole)
        schema_load(&known);
    for (size_t i = 0; i < known.n; i++)
        known.objects[i].seen = false;
    if (r == 0 && sqlite3_prepare_v2(store->db, list_sql, -1, &s, NULL) != SQLITE_OK)
        r = store_error(store, "opening");
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
        r = check_object(store, &known, s, whole);
    if (r == 0 && step != SQLITE_DONE)
        r = store_error(store, "opening");
    for (size_t i = 0; r == 0 && whole && i < known.n; i++)
        if (!known.objects[i].seen)
            r = error_print(-EINVAL,
                            "%s: has no %s '%s': the file was changed or is damaged",
                            store->path, known.objects[i].type, known.objects[i].name);
    return r;
}
