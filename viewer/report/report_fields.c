/* SPDX-License-Identifier: Apache-2.0 */
/* The table of fields as descriptors, and reading and writing by them: see report_fields.h. */
#include "report_fields.h"

#include <string.h>

#include "damage.h"
#include "json.h"
#include "report_completeness.h"
#include "report_data.h"
#include "report_phrases.h"
#include "report_sites.h"
#include "report_strings.h"
#include "store.h"

/* --- the table --- */

#define OFFSET(member) offsetof(struct TABLE, member)
#define SOURCE_OF(name, kind_, column_, sql_)                                            \
    .member = #name, .kind = REPORT_##kind_, .column = column_, .sql = (sql_),           \
    .offset = OFFSET(name)
#define SOURCE_FIELD(member, kind, sql) SOURCE_OF(member, kind, REPORT_WITH_ROW, sql)
#define SOURCE_SUM(member, kind, sql)   SOURCE_OF(member, kind, REPORT_SUM, sql)
#define SOURCE_MOST(member, kind, sql)  SOURCE_OF(member, kind, REPORT_MOST, sql)
#define SOURCE_FIRST(member, kind, sql) SOURCE_OF(member, kind, REPORT_FIRST, sql)
#define SOURCE_AGAIN(member, kind)      SOURCE_OF(member, kind, REPORT_WITH_ROW, NULL)
#define SOURCE_WHOLE(kind_)             .kind = REPORT_##kind_
#define SOURCE_SAYS(phrase)             .kind = REPORT_SAYS, .say = report_phrases_##phrase
#define SOURCE_PART(name, part)                                                          \
    SOURCE_OF(name, PART, REPORT_WITH_ROW, NULL), .of = &report_fields_##part
#define SOURCE_LIST(name, part)                                                          \
    SOURCE_OF(name, LIST, REPORT_WITH_ROW, NULL), .of = &report_fields_##part,           \
                                                  .n_offset = OFFSET(n_##name)
#define SOURCE_KEYS(name)                                                                \
    SOURCE_OF(name, KEYS, REPORT_WITH_ROW, NULL), .n_offset = OFFSET(n_##name)
#define SOURCE_OPEN          .kind = REPORT_OPEN
#define SOURCE_OPEN_IF(name) SOURCE_OF(name, OPEN_IF, REPORT_WITH_ROW, NULL)
#define SOURCE_CLOSE         .kind = REPORT_CLOSE

#define ROW(source, report_name, page_name)                                              \
    {SOURCE_##source, .report = (report_name), .page = (page_name)},
#define FIELDS(rows)                                                                     \
    .items = (rows), .n = sizeof(rows) / sizeof *(rows), .size = sizeof(struct TABLE)

static bool is_second(const void *part) {
    return ((const struct report_second *)part)->op != NULL;
}

static bool is_last(const void *part) {
    return ((const struct report_last *)part)->op != NULL;
}

static bool is_crash(const void *part) {
    const struct report_crash *crash = part;
    return crash->signal || crash->stack_id;
}

static bool is_damage(const void *part) {
    return ((const struct report_damage *)part)->kind != 0;
}

#define TABLE report_recording
static const struct report_field recording[] = {
#define RECORDING ROW
#include "report_fields.def"
};
const struct report_fields report_fields_recording = {FIELDS(recording)};
#undef TABLE

#define TABLE report_replay
static const struct report_field replay[] = {
#define REPLAY ROW
#include "report_fields.def"
};
const struct report_fields report_fields_replay = {FIELDS(replay)};
#undef TABLE

#define TABLE report_location
static const struct report_field location[] = {
#define PLACE ROW
#include "report_fields.def"
};
const struct report_fields report_fields_location = {FIELDS(location), .flat = true};
#undef TABLE

#define TABLE report_site
static const struct report_field site[] = {
#define SITE ROW
#include "report_fields.def"
};
const struct report_fields report_fields_site = {FIELDS(site)};

static const struct report_field untested[] = {
#define UNTESTED ROW
#include "report_fields.def"
};
const struct report_fields report_fields_untested = {FIELDS(untested), .flat = true};
#undef TABLE

#define TABLE report_fault
static const struct report_field fault[] = {
#define FAULT ROW
#include "report_fields.def"
};
const struct report_fields report_fields_fault = {FIELDS(fault)};
#undef TABLE

#define TABLE report_second
static const struct report_field second[] = {
#define SECOND ROW
#include "report_fields.def"
};
const struct report_fields report_fields_second = {FIELDS(second), .omitted = true,
                                                   .is_there = is_second};
#undef TABLE

#define TABLE report_last
static const struct report_field last[] = {
#define LAST ROW
#include "report_fields.def"
};
const struct report_fields report_fields_last = {FIELDS(last), .omitted = true,
                                                 .is_there = is_last};
#undef TABLE

#define TABLE report_crash
static const struct report_field crash[] = {
#define CRASH ROW
#include "report_fields.def"
};
const struct report_fields report_fields_crash = {FIELDS(crash), .is_there = is_crash};
#undef TABLE

#define TABLE report_damage
static const struct report_field damage[] = {
#define DAMAGE ROW
#include "report_fields.def"
};
const struct report_fields report_fields_damage = {FIELDS(damage), .is_there = is_damage};
#undef TABLE

#define TABLE report_leak
static const struct report_field leak[] = {
#define LEAK ROW
#include "report_fields.def"
};
const struct report_fields report_fields_leak = {FIELDS(leak)};
#undef TABLE

#define TABLE report_difference
static const struct report_field difference[] = {
#define DIFFERENCE_SEEN ROW
#include "report_fields.def"
};
const struct report_fields report_fields_difference = {FIELDS(difference), .flat = true};
#undef TABLE

#define TABLE report_finding
static const struct report_field finding[] = {
#define FINDING ROW
#include "report_fields.def"
};
const struct report_fields report_fields_finding = {FIELDS(finding)};
#undef TABLE

#define TABLE report_tally
static const struct report_field tally[] = {
#define TALLY ROW
#include "report_fields.def"
};
const struct report_fields report_fields_tally = {FIELDS(tally), .flat = true};
#undef TABLE

#define TABLE report_program
static const struct report_field program[] = {
#define PROGRAM ROW
#include "report_fields.def"
};
const struct report_fields report_fields_program = {FIELDS(program)};
#undef TABLE

#define TABLE report_completeness
static const struct report_field completeness[] = {
#define COMPLETENESS ROW
#include "report_fields.def"
};
const struct report_fields report_fields_completeness = {FIELDS(completeness)};
#undef TABLE

#define TABLE report_note
static const struct report_field note[] = {
#define NOTE ROW
#include "report_fields.def"
};
const struct report_fields report_fields_note = {FIELDS(note), .flat = true};
#undef TABLE

#define TABLE report_stop
static const struct report_field stop[] = {
#define STOP ROW
#include "report_fields.def"
};
const struct report_fields report_fields_stop = {FIELDS(stop)};
#undef TABLE

#define TABLE report_refusal
static const struct report_field refusal[] = {
#define REFUSED ROW
#include "report_fields.def"
};
const struct report_fields report_fields_refusal = {FIELDS(refusal)};
#undef TABLE

/* --- reading --- */

void report_fields_select(const struct report_fields *fields, bool more,
                          struct text *sql) {
    if (!sql->n)
        text_add(sql, "SELECT ");
    for (size_t i = 0; i < fields->n; i++) {
        const struct report_field *f = &fields->items[i];
        if (f->kind == REPORT_PART)
            report_fields_select(f->of, more, sql);
        else if (f->sql && more == (f->column != REPORT_WITH_ROW))
            text_addf(sql, "%s, ", f->sql);
    }
}

static int64_t int_or(sqlite3_stmt *s, int column, int64_t fallback) {
    return sqlite3_column_type(s, column) == SQLITE_NULL
               ? fallback
               : sqlite3_column_int64(s, column);
}

static int64_t natural(sqlite3_stmt *s, int column) {
    int64_t v = sqlite3_column_int64(s, column);
    return v < 0 ? 0 : v;
}

static void read_value(struct report_data *data, enum report_kind kind, sqlite3_stmt *s,
                       int column, void *member) {
    const char *text;
    switch (kind) {
    case REPORT_INT:
    case REPORT_OFFSET:
    case REPORT_TIME:
    case REPORT_STACK:
    case REPORT_STACK_REF:
    case REPORT_STACK_REF_IF:
        *(int64_t *)member = sqlite3_column_int64(s, column);
        break;
    case REPORT_MAYBE:
    case REPORT_SIZE:
        *(int64_t *)member = int_or(s, column, -1);
        break;
    case REPORT_POSITIVE:
        *(int64_t *)member = natural(s, column);
        break;
    case REPORT_NATURAL:
        *(uint64_t *)member = (uint64_t)natural(s, column);
        break;
    case REPORT_ADDRESS:
        *(uint64_t *)member = (uint64_t)sqlite3_column_int64(s, column);
        break;
    case REPORT_BOOL:
        *(bool *)member = sqlite3_column_int(s, column) != 0;
        break;
    case REPORT_TRISTATE:
        *(int *)member = (int)int_or(s, column, -1);
        break;
    case REPORT_SIGNAL:
        *(int *)member = sqlite3_column_int(s, column);
        break;
    case REPORT_TEXT: /* NOT NULL, which a damaged file need not keep to */
    case REPORT_OPTIONS:
        text = store_column_text(s, column);
        *(const char **)member = report_strings_keep(data, text ? text : "");
        break;
    case REPORT_TEXT_OR_NULL:
    case REPORT_ARGV:
    case REPORT_JSON:
    case REPORT_JSON_IF:
        *(const char **)member = report_strings_keep(data, store_column_text(s, column));
        break;
    case REPORT_KEY:
        *(struct dearth_key *)member = store_column_key(s, column);
        break;
    case REPORT_LOCATION:
        *(struct report_location **)member =
            report_sites_location(data, sqlite3_column_int64(s, column));
        break;
    case REPORT_VERDICT:
        *(enum verdict *)member = verdict_from_name(store_column_text(s, column));
        break;
    case REPORT_SEVERITY:
        *(enum severity *)member = severity_from_name(store_column_text(s, column));
        break;
    case REPORT_DAMAGE_KIND:
        *(uint32_t *)member = damage_from_name(store_column_text(s, column));
        break;
    case REPORT_DAMAGE_WHERE:
        *(uint32_t *)member = damage_where_from_name(store_column_text(s, column));
        break;
    default: /* cannot be: tests/viewer/fields_test.c */
        break;
    }
}

static void *member_of(const struct report_field *f, void *object) {
    return (char *)object + f->offset;
}

static int read_row(const struct report_fields *fields, struct report_data *data,
                    sqlite3_stmt *s, int column, void *object) {
    for (size_t i = 0; i < fields->n; i++) {
        const struct report_field *f = &fields->items[i];
        if (f->kind == REPORT_PART)
            column = read_row(f->of, data, s, column, member_of(f, object));
        else if (f->sql && f->column == REPORT_WITH_ROW)
            read_value(data, f->kind, s, column++, member_of(f, object));
    }
    return column;
}

int report_fields_read(const struct report_fields *fields, struct report_data *data,
                       sqlite3_stmt *s, void *object) {
    return read_row(fields, data, s, 0, object);
}

static void add_up(enum report_column how, uint64_t value, uint64_t *sum) {
    if (how == REPORT_SUM)
        *sum += value;
    else if (value > *sum)
        *sum = value;
}

int report_fields_add(const struct report_fields *fields, struct report_data *data,
                      sqlite3_stmt *s, void *object, bool first) {
    int column = 0;
    for (size_t i = 0; i < fields->n; i++) {
        const struct report_field *f = &fields->items[i];
        if (!f->sql || f->column == REPORT_WITH_ROW)
            continue;
        if (f->column != REPORT_FIRST)
            add_up(f->column, (uint64_t)natural(s, column), member_of(f, object));
        else if (first)
            read_value(data, f->kind, s, column, member_of(f, object));
        column++;
    }
    return column;
}

static const struct report_field *find_member(const struct report_fields *fields,
                                              const char *name) {
    for (size_t i = 0; i < fields->n; i++)
        if (fields->items[i].member && strcmp(fields->items[i].member, name) == 0)
            return &fields->items[i];
    return NULL;
}

void report_fields_sum(const struct report_fields *fields, void *object,
                       const struct report_fields *from_fields, const void *from) {
    for (size_t i = 0; i < fields->n; i++) {
        const struct report_field *f = &fields->items[i];
        const struct report_field *source =
            f->column != REPORT_WITH_ROW ? find_member(from_fields, f->member) : NULL;
        if (!source)
            continue;
        int64_t n = *(const int64_t *)((const char *)from + source->offset);
        add_up(f->column, n > 0 ? (uint64_t)n : 0, member_of(f, object));
    }
}

/* --- writing --- */

static const void *value_of(const struct report_field *f, const void *object) {
    return (const char *)object + f->offset;
}

static int write_phrase(struct report_out *out, const struct report_field *f,
                        const char *name, const void *object) {
    AUTO_TEXT struct text phrase = {0};
    int r = f->say(out->data, object, &phrase);
    json_text(out->json, name, phrase.data);
    return r;
}

static int write_list(struct report_out *out, const struct report_field *f,
                      const char *name, const void *object) {
    const char *items = *(const char *const *)value_of(f, object);
    size_t n = *(const size_t *)((const char *)object + f->n_offset);
    int r = 0;
    json_open(out->json, name, '[');
    for (size_t i = 0; r == 0 && i < n; i++)
        r = f->kind == REPORT_KEYS
                ? out->writers[REPORT_SITE_KEY](out, NULL,
                                                items + i * sizeof(struct dearth_key))
                : report_fields_write(out, f->of, NULL, items + i * f->of->size);
    json_close(out->json, ']');
    return r;
}

static int write_part(struct report_out *out, const struct report_field *f,
                      const char *name, const void *object) {
    const void *part = value_of(f, object);
    if (!*name)
        return report_fields_write_members(out, f->of, part);
    if (!f->of->is_there || f->of->is_there(part))
        return report_fields_write(out, f->of, name, part);
    if (!out->page || !f->of->omitted)
        json_null(out->json, name);
    return 0;
}

/* @i: of the row, which has a name. Return: 0 or negative errno; @i is the last row that was dealt with. */
static int write_row(struct report_out *out, const struct report_fields *fields,
                     const char *name, const void *object, size_t *i) {
    const struct report_field *f = &fields->items[*i];
    switch (f->kind) {
    case REPORT_OPEN:
        json_open_flat(out->json, name, '{');
        return 0;
    case REPORT_OPEN_IF:
        if (*(const bool *)value_of(f, object)) {
            json_open(out->json, name, '{');
            return 0;
        }
        json_null(out->json, name);
        while (fields->items[*i].kind != REPORT_CLOSE)
            ++*i;
        return 0;
    case REPORT_CLOSE:
        json_close(out->json, '}');
        return 0;
    case REPORT_SAYS:
        return write_phrase(out, f, name, object);
    case REPORT_PART:
        return write_part(out, f, name, object);
    case REPORT_LIST:
    case REPORT_KEYS:
        return write_list(out, f, name, object);
    default:
        if (f->kind == REPORT_STACK_REF_IF && !out->stacks)
            return 0;
        if ((f->kind == REPORT_TEXT_IF || f->kind == REPORT_COUNT_IF ||
             f->kind == REPORT_JSON_IF) &&
            !out->several)
            return 0;
        return out->writers[f->kind](out, name, value_of(f, object));
    }
}

int report_fields_write_members(struct report_out *out,
                                const struct report_fields *fields, const void *object) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < fields->n; i++) {
        const struct report_field *f = &fields->items[i];
        const char *name = out->page ? f->page : f->report;
        if (name)
            r = write_row(out, fields, name, object, &i);
    }
    return r;
}

int report_fields_write(struct report_out *out, const struct report_fields *fields,
                        const char *name, const void *object) {
    if (fields->flat)
        json_open_flat(out->json, name, '{');
    else
        json_open(out->json, name, '{');
    int r = report_fields_write_members(out, fields, object);
    json_close(out->json, '}');
    return r;
}

int report_fields_write_list(struct report_out *out, const struct report_fields *fields,
                             const void *object) {
    int r = 0;
    json_open(out->json, NULL, '[');
    for (size_t i = 0; r == 0 && i < fields->n; i++)
        if (fields->items[i].page)
            r = write_row(out, fields, NULL, object, &i);
    json_close(out->json, ']');
    return r;
}
