/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of fields (report_fields.def) at work: it makes the structs of report_data.h, the SQL that
 * they are read with, and what the JSON report and the page say of them.
 *
 *   database ─ report_fields_select() ─► rows ─ report_fields_read() ─► struct report_*
 *   struct report_* ─ report_fields_write() ─► report_json.c's or page.c's writer of each kind
 */
#ifndef DEARTH_REPORT_FIELDS_H
#define DEARTH_REPORT_FIELDS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "key.h"
#include "text.h"
#include "words.h"

struct report_data;
struct report_location;
struct report_site;
struct report_finding;
struct report_completeness;

/* KIND(name, type): what a member is. Strings belong to the report; NULL = null. */
#define REPORT_KINDS(KIND)                                                               \
    KIND(INT, int64_t)                                                                   \
    KIND(MAYBE, int64_t)    /* < 0 = unknown: null */                                    \
    KIND(SIZE, int64_t)     /* the same; as it is in the page */                         \
    KIND(POSITIVE, int64_t) /* 0 = none: null in the report */                           \
    KIND(NATURAL, uint64_t)                                                              \
    KIND(ADDRESS, uint64_t)                                                              \
    KIND(OFFSET, int64_t) /* in a module */                                              \
    KIND(TIME, int64_t)   /* nanoseconds since 1970, UTC */                              \
    KIND(BOOL, bool)                                                                     \
    KIND(NOT, bool)                                                                      \
    KIND(TRISTATE, int)      /* 1, 0, -1 = unknown */                                    \
    KIND(TEXT, const char *) /* never NULL */                                            \
    KIND(TEXT_OR_NULL, const char *)                                                     \
    KIND(TEXT_IF, const char *) /* written when there are several programs alone */      \
    KIND(COUNT_IF, uint64_t)    /* the same */                                           \
    KIND(ARGV, const char *)    /* JSON array; NULL = not recorded */                    \
    KIND(OPTIONS, const char *) /* JSON object */                                        \
    KIND(JSON_IF, const char *) /* as TEXT_IF */                                         \
    KIND(JSON, const char *)                                                             \
    KIND(KEY, struct dearth_key)                                                         \
    KIND(SIGNAL, int)                        /* 0 = none */                              \
    KIND(LOCATION, struct report_location *) /* NULL = unknown */                        \
    KIND(STACK, int64_t)                     /* row of `stack`; 0 = unknown */           \
    KIND(STACK_REF, int64_t)                 /* its index in the report, or null */      \
    KIND(STACK_REF_IF, int64_t)              /* written with --stacks alone */           \
    KIND(VERDICT, enum verdict)                                                          \
    KIND(SEVERITY, enum severity)                                                        \
    KIND(REASON, enum reason)                                                            \
    KIND(HOW, uint32_t) /* 1 << enum how, or-ed */                                       \
    KIND(ATTEMPTS, report_attempts)                                                      \
    KIND(DAMAGE_KIND, uint32_t)  /* enum shm_damage_kind */                              \
    KIND(DAMAGE_WHERE, uint32_t) /* enum shm_damage_where */                             \
    /* of the whole struct, not of a member */                                           \
    KIND(FLAGS, struct report_site)                                                      \
    KIND(LOOP, struct report_finding)                                                    \
    KIND(DIFFERS, struct report_finding)                                                 \
    KIND(STOPS, struct report_completeness)                                              \
    /* how the table is built */                                                         \
    KIND(SITE_KEY, struct dearth_key) /* an item of KEYS */                              \
    KIND(SAYS, char)                                                                     \
    KIND(PART, char)                                                                     \
    KIND(LIST, char)                                                                     \
    KIND(KEYS, char)                                                                     \
    KIND(OPEN, char)                                                                     \
    KIND(OPEN_IF, bool)                                                                  \
    KIND(CLOSE, char)

typedef uint32_t report_attempts[N_VERDICTS];

enum report_kind {
#define REPORT_KIND_ENUM(name, type) REPORT_##name,
    REPORT_KINDS(REPORT_KIND_ENUM) N_REPORT_KINDS
};
#define REPORT_KIND_TYPE(name, type) typedef type report_type_##name;
REPORT_KINDS(REPORT_KIND_TYPE)

/* What a row of the table adds to its struct. */
#define REPORT_MEMBER_FIELD(member, kind, sql) report_type_##kind member;
#define REPORT_MEMBER_SUM(member, kind, sql)   report_type_##kind member;
#define REPORT_MEMBER_MOST(member, kind, sql)  report_type_##kind member;
#define REPORT_MEMBER_FIRST(member, kind, sql) report_type_##kind member;
#define REPORT_MEMBER_PART(member, part)       struct report_##part member;
#define REPORT_MEMBER_LIST(member, part)                                                 \
    struct report_##part *member;                                                        \
    size_t n_##member;
#define REPORT_MEMBER_KEYS(member)                                                       \
    struct dearth_key *member;                                                           \
    size_t n_##member;
#define REPORT_MEMBER_AGAIN(member, kind)
#define REPORT_MEMBER_WHOLE(kind)
#define REPORT_MEMBER_SAYS(phrase)
#define REPORT_MEMBER_OPEN
#define REPORT_MEMBER_OPEN_IF(member)
#define REPORT_MEMBER_CLOSE

enum report_column {                  /* when it is read */
                     REPORT_WITH_ROW, /* with the thing itself */
                     REPORT_SUM, /* by the second query, which has many rows for one thing */
                     REPORT_MOST,
                     REPORT_FIRST, /* of these, the first that has something */
};

/** Append a phrase about @object, a struct of the table that has it; none at all = null. Return: 0 or
 * negative errno after a message. */
typedef int report_say(const struct report_data *data, const void *object,
                       struct text *out);

struct report_field {
    const char *member; /* NULL = of none */
    enum report_kind kind;
    enum report_column column;
    const char *sql;                /* NULL = not read */
    size_t offset, n_offset;        /* of the member, and of the length of a list */
    const char *report, *page;      /* names; NULL = not there */
    const struct report_fields *of; /* PART, LIST */
    report_say *say;                /* SAYS */
};

struct report_fields {
    const struct report_field *items;
    size_t n, size;                     /* size: of the struct */
    bool flat;                          /* the report writes it on one line */
    bool omitted;                       /* the page leaves it out when it is not there */
    bool (*is_there)(const void *part); /* of a PART; NULL = always */
};

extern const struct report_fields report_fields_recording, report_fields_replay,
    report_fields_location, report_fields_site, report_fields_untested,
    report_fields_finding, report_fields_fault, report_fields_second, report_fields_last,
    report_fields_crash, report_fields_damage, report_fields_leak,
    report_fields_difference, report_fields_tally, report_fields_completeness,
    report_fields_note, report_fields_stop, report_fields_refusal, report_fields_program;

/**
 * Append "SELECT " and the columns of a table, with a comma behind the last: what follows begins with
 * another column or with NULL.
 * @more: those of the second query
 */
void report_fields_select(const struct report_fields *fields, bool more,
                          struct text *sql);

/**
 * Read the row that a statement stands on into @object, which is zeroed.
 * Return: the number of columns read, which is the index of what follows them.
 */
int report_fields_read(const struct report_fields *fields, struct report_data *data,
                       sqlite3_stmt *s, void *object);

/** Add a row of the second query. @first: nothing was read into the FIRST ones yet. Return: as above. */
int report_fields_add(const struct report_fields *fields, struct report_data *data,
                      sqlite3_stmt *s, void *object, bool first);

/** Add to the members of @object those of @from (MAYBE or INT) with the same names; MOST: the larger. */
void report_fields_sum(const struct report_fields *fields, void *object,
                       const struct report_fields *from_fields, const void *from);

/* --- writing --- */

struct json;
struct report_out;
struct report_stacks;

/** Write one value of a kind. @value: the member, the item of a list, or for kinds without a member the
 * struct. @name: NULL in a list. Return: 0 or negative errno after a message. */
typedef int report_write(struct report_out *out, const char *name, const void *value);

struct report_out {
    const struct report_data *data;
    struct json *json;
    report_write *const *writers; /* by enum report_kind */
    bool page;                    /* the page's names, not the report's */
    bool stacks;                  /* STACK_REF_IF too */
    struct report_stacks *kept;   /* what STACK_REF refers to */
    bool several;                 /* TEXT_IF and COUNT_IF too */
};

/** Write an object of a table's fields. @name: NULL in a list. Return: as report_write. */
int report_fields_write(struct report_out *out, const struct report_fields *fields,
                        const char *name, const void *object);
/** The same as a list of values without names. */
int report_fields_write_list(struct report_out *out, const struct report_fields *fields,
                             const void *object);
/** Its fields alone, inside an object that is open already. */
int report_fields_write_members(struct report_out *out,
                                const struct report_fields *fields, const void *object);

#endif
