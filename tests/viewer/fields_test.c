/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of a report are said once, in report_fields.def; what cannot be made from it is held against it
 * here, both ways: the properties that the report's schema describes and requires, the members that the page's
 * script uses, and the kinds, which all have a writer.
 * Usage: fields_test REPORT_SCHEMA PAGE_TEMPLATE
 */
#include <cjson/cJSON.h>
#include <ctype.h>

#include "check.h"
#include "report_fields.h"
#include "report_json.h"
#include "text.h"

static char *read_all(const char *path) {
    struct text out = {0};
    char part[4096];
    size_t n;
    FILE *f = fopen(path, "r");
    MUST_CASE(path, f != NULL);
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        text_add_n(&out, part, n);
    fclose(f);
    return text_take(&out);
}

/* --- the schema --- */

/* Names that were said, one after the other; by hand are those that no table has. */
struct names {
    const char *items[64];
    int n;
};

static bool names_have(const struct names *names, const char *name) {
    for (int i = 0; i < names->n; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

static const cJSON *member(const cJSON *object, const char *name) {
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* Each name is a property, each property a name; all but the @optional last are required. */
static void check_object(const char *what, const cJSON *object, const struct names *names,
                         int optional) {
    const cJSON *item, *properties = member(object, "properties");
    MUST_CASE(what, properties != NULL);
    for (int i = 0; i < names->n; i++)
        CHECK(names->items[i], member(properties, names->items[i]) != NULL);
    cJSON_ArrayForEach(item, properties)
        CHECK(item->string, names_have(names, item->string));
    cJSON_ArrayForEach(item, member(object, "required"))
        CHECK(item->valuestring, names_have(names, item->valuestring));
    CHECK(what, cJSON_GetArraySize(member(object, "required")) == names->n - optional);
    CHECK(what, cJSON_IsFalse(member(object, "additionalProperties")));
}

static void check_table(const char *what, const struct report_fields *fields,
                        const cJSON *object, const char *const *by_hand);

static const cJSON *property(const cJSON *object, const char *name) {
    const cJSON *found = member(member(object, "properties"), name);
    MUST_CASE(name, found != NULL);
    return found;
}

static void check_nested(const struct report_field *f, const cJSON *object) {
    const cJSON *there = property(object, f->report);
    if (f->kind == REPORT_LIST)
        there = member(there, "items");
    if (member(there, "$ref")) /* a table that is checked by itself */
        return;
    check_table(f->report, f->of, there, NULL);
}

/* From the row behind an OPEN to its CLOSE. Return: the latter's index. */
static size_t check_opened(const struct report_fields *fields, size_t i,
                           const cJSON *object) {
    const char *name = fields->items[i].report;
    struct names names = {0};
    for (i++; i < fields->n && fields->items[i].kind != REPORT_CLOSE; i++)
        if (fields->items[i].report)
            names.items[names.n++] = fields->items[i].report;
    MUST_CASE(name, i < fields->n);
    CHECK(name, strcmp(fields->items[i].report, name) == 0);
    check_object(name, property(object, name), &names, 0);
    return i;
}

/* @by_hand: what is in the object besides, up to NULL. */
static void check_table(const char *what, const struct report_fields *fields,
                        const cJSON *object, const char *const *by_hand) {
    struct names names = {0};
    int optional = 0;
    for (size_t i = 0; i < fields->n; i++) {
        const struct report_field *f = &fields->items[i];
        if (!f->report)
            continue;
        CHECK(f->report, !names_have(&names, f->report));
        names.items[names.n++] = f->report;
        optional += f->kind == REPORT_STACK_REF_IF || f->kind == REPORT_TEXT_IF ||
                    f->kind == REPORT_COUNT_IF || f->kind == REPORT_JSON_IF;
        if (f->kind == REPORT_PART || f->kind == REPORT_LIST)
            check_nested(f, object);
        else if (f->kind == REPORT_OPEN || f->kind == REPORT_OPEN_IF)
            i = check_opened(fields, i, object);
        else
            CHECK(f->report, f->kind == REPORT_SAYS || f->kind == REPORT_KEYS ||
                                 report_json_writers[f->kind]);
    }
    for (; by_hand && *by_hand; by_hand++)
        names.items[names.n++] = *by_hand;
    check_object(what, object, &names, optional);
}

static void check_schema(const cJSON *schema) {
    static const char *const beside_losses[] = {
        "exact", "modules_without_cfi", "snapshot_refused", "unseen", "notes", NULL};
    const cJSON *defs = member(schema, "$defs"),
                *completeness = property(schema, "completeness");
    check_table("recording", &report_fields_recording, member(defs, "recording"), NULL);
    check_table("program", &report_fields_program, member(defs, "program"), NULL);
    check_table("replay", &report_fields_replay, member(defs, "replay"), NULL);
    check_table("location", &report_fields_location, member(defs, "location"), NULL);
    check_table("tally", &report_fields_tally, member(defs, "tally"), NULL);
    check_table("site", &report_fields_site, member(defs, "site"), NULL);
    check_table("finding", &report_fields_finding, member(defs, "finding"), NULL);
    check_table("untested", &report_fields_untested,
                member(property(schema, "untested"), "items"), NULL);
    check_table("completeness", &report_fields_completeness, completeness, beside_losses);
    check_table("note", &report_fields_note,
                member(property(completeness, "notes"), "items"), NULL);
}

/* --- the page --- */

static bool is_word(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '$';
}

/* Does the script read a member of that name, x.name or ["name", ...]? */
static bool is_used(const char *script, const char *name) {
    size_t n = strlen(name);
    for (const char *p = script; (p = strstr(p, name)); p += n)
        if ((p[-1] == '.' || p[-1] == '"') && !is_word(p[n]))
            return true;
    return false;
}

/* Written for whoever reads a page's values with another script. */
static const struct names spare = {{"live_bytes", "total"}, 2};

static void check_used(const char *script, const struct report_fields *fields) {
    for (size_t i = 0; i < fields->n; i++) {
        const struct report_field *f = &fields->items[i];
        if (f->page && *f->page)
            CHECK(f->page, is_used(script, f->page) || names_have(&spare, f->page));
        if (f->page && f->of)
            check_used(script, f->of);
    }
}

static bool is_written(const struct report_fields *fields, const char *name, size_t n) {
    for (size_t i = 0; i < fields->n; i++) {
        const struct report_field *f = &fields->items[i];
        if (f->page && strlen(f->page) == n && strncmp(f->page, name, n) == 0)
            return true;
        if (f->page && !*f->page && is_written(f->of, name, n))
            return true;
    }
    return false;
}

/* Every NAME in @variable.NAME is written by one of the tables. */
static void check_variable(const char *script, const char *variable,
                           const struct report_fields *a, const struct report_fields *b) {
    size_t length = strlen(variable);
    int seen = 0;
    for (const char *p = script; (p = strstr(p, variable)); p += length) {
        const char *name = p + length + 1;
        if (is_word(p[-1]) || p[-1] == '.' || p[length] != '.')
            continue;
        size_t n = 0;
        while (is_word(name[n]))
            n++;
        AUTO_FREE char *used = text_format("%s.%.*s", variable, (int)n, name);
        CHECK(used, is_written(a, name, n) || (b && is_written(b, name, n)));
        seen++;
    }
    CHECK(variable, seen > 0);
}

static void check_page(const char *script) {
    check_used(script, &report_fields_recording);
    check_used(script, &report_fields_replay);
    check_used(script, &report_fields_finding);
    check_used(script, &report_fields_tally);
    check_used(script, &report_fields_program);
    check_variable(script, "f", &report_fields_finding, NULL);
    check_variable(script, "leak", &report_fields_leak, NULL);
    check_variable(script, "r", &report_fields_recording, &report_fields_replay);
    check_variable(script, "tally", &report_fields_tally, NULL);
    check_used(script, &report_fields_site);
    check_variable(script, "S", &report_fields_site, NULL);
}

/* --- sums --- */

/* What is added up over recordings is a number of a recording. */
static void check_sums(void) {
    for (size_t i = 0; i < report_fields_completeness.n; i++) {
        const struct report_field *sum = &report_fields_completeness.items[i];
        bool found = sum->column == REPORT_WITH_ROW;
        for (size_t k = 0; !found && k < report_fields_recording.n; k++) {
            const struct report_field *f = &report_fields_recording.items[k];
            found = f->member && strcmp(f->member, sum->member) == 0 &&
                    (f->kind == REPORT_MAYBE || f->kind == REPORT_INT);
        }
        CHECK(sum->report, found);
    }
}

int main(int argc, char **argv) {
    MUST_CASE("usage: fields_test REPORT_SCHEMA PAGE_TEMPLATE", argc == 3);
    AUTO_FREE char *schema_text = read_all(argv[1]), *script = read_all(argv[2]);
    cJSON *schema = cJSON_Parse(schema_text);
    MUST_CASE(argv[1], schema != NULL);
    check_schema(schema);
    check_page(script);
    check_sums();
    cJSON_Delete(schema);
    return check_result();
}
