/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page: see page.h. Its values are one <script>, compressed, in base64 (page_columns.h): nothing from the
 * database can end the element, and the page's script puts all of it on the screen as text, never as
 * markup.
 *
 *   head (JSON)  words, recordings, tallies, findings, groups, locations, `strings`: [text, ...], 0 is null
 *   columns      frame.NAME  function, file, line, module, offset, inlined      texts by index
 *                node.NAME   back (its number less its parent's; 0 = none), frame
 *                site.NAME   SITE in report_fields.def, in the order of the keys; of very many, the small ones are
 *                            one for each location (page_fold.h); `stands`: for how many
 *                test.NAME   of a suite: page_suite.h
 *                N.NAME      of the N-th recording: page_memory.h
 *
 * A stack is a node; nodes count from 1, parents come first. What is in it and what it is called is in
 * report_fields.def; here is how each kind of field is written.
 *
 * 100,000 sites share most of their callers: the tree keeps the page at some 20 bytes a site.
 */
#include "page.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "idmap.h"
#include "json.h"
#include "page_columns.h"
#include "page_fold.h"
#include "page_memory.h"
#include "page_sources.h"
#include "page_suite.h"
#include "page_template.h" /* generated: static const char page_template[] */
#include "report_group.h"
#include "report_json.h"
#include "report_programs.h"
#include "report_words.h"
#include "store.h"

#define SHORT_KEY                                                                        \
    8 /* bytes of a site's key, where they tell all sites apart: commands take them */

/* A column of sites, by what its field is called: the name's own address in report_fields.def. */
struct site_column {
    const char *name;
    size_t index;
};

struct page {
    struct report_out out; /* first: a writer finds the page by it */
    const struct report_data *data;
    struct json json;
    report_write *writers[N_REPORT_KINDS], *column_writers[N_REPORT_KINDS];
    bool indexed;                       /* texts by their index */
    bool compared;                      /* with another: portable keys are needed */
    const struct report_source *source; /* NULL = lines are not shown */
    struct idmap strings_by_address, frames_by_id, nodes_by_step, nodes_by_stack;
    struct idmap locations_by_id, sites_by_id;
    struct text strings; /* members of the list, written at the end */
    struct page_columns columns;
    struct page_fold fold;
    int64_t small_node; /* 0 = not needed yet */
    struct site_column site_columns[24];
    size_t n_site_columns;
    size_t frame_function, frame_file, frame_line, frame_module, frame_offset,
        frame_inlined;
    size_t node_back, node_frame;
    size_t key_bytes;
    int64_t n_strings, n_frames, n_nodes;
};

static void page_deinit(struct page *page) {
    idmap_deinit(&page->strings_by_address);
    idmap_deinit(&page->frames_by_id);
    idmap_deinit(&page->nodes_by_step);
    idmap_deinit(&page->nodes_by_stack);
    idmap_deinit(&page->locations_by_id);
    idmap_deinit(&page->sites_by_id);
    text_deinit(&page->strings);
    page_columns_deinit(&page->columns);
    page_fold_deinit(&page->fold);
}

/* --- dictionaries --- */

/* The report and its reader intern their strings, so the address names the text. 0 =
 * null. */
static int64_t string_index(struct page *page, const char *s) {
    int64_t key = (int64_t)(uintptr_t)s, index;
    if (!s)
        return 0;
    if (idmap_get(&page->strings_by_address, key, &index))
        return index;
    index = ++page->n_strings;
    text_add(&page->strings, ",");
    text_add_json(&page->strings, s);
    idmap_put(&page->strings_by_address, key, index);
    return index;
}

static void new_dictionaries(struct page *page) {
    struct page_columns *c = &page->columns;
    page->frame_function = page_columns_new(c, "frame.function", PAGE_COLUMN_NATURAL);
    page->frame_file = page_columns_new(c, "frame.file", PAGE_COLUMN_NATURAL);
    page->frame_line = page_columns_new(c, "frame.line", PAGE_COLUMN_NATURAL);
    page->frame_module = page_columns_new(c, "frame.module", PAGE_COLUMN_NATURAL);
    page->frame_offset = page_columns_new(c, "frame.offset", PAGE_COLUMN_NATURAL);
    page->frame_inlined = page_columns_new(c, "frame.inlined", PAGE_COLUMN_NATURAL);
    page->node_back = page_columns_new(c, "node.back", PAGE_COLUMN_NATURAL);
    page->node_frame = page_columns_new(c, "node.frame", PAGE_COLUMN_NATURAL);
}

static int64_t frame_index(struct page *page, const struct frame *frame) {
    int64_t key =
        (int64_t)(((uint64_t)frame->frame_id << 12 | (frame->inline_index & 0xfff)) + 1);
    struct page_columns *c = &page->columns;
    int64_t index;
    if (idmap_get(&page->frames_by_id, key, &index))
        return index;
    index = page->n_frames++;
    page_columns_put(c, page->frame_function, string_index(page, frame->function));
    page_columns_put(c, page->frame_file, string_index(page, frame->file));
    page_columns_put(c, page->frame_line, frame->line);
    page_columns_put(c, page->frame_module, string_index(page, frame->module));
    page_columns_put(c, page->frame_offset, (int64_t)frame->offset);
    page_columns_put(c, page->frame_inlined, frame->inlined);
    idmap_put(&page->frames_by_id, key, index);
    return index;
}

static int64_t node_below(struct page *page, int64_t parent, const struct frame *frame) {
    int64_t frame_at = frame_index(page, frame), index;
    int64_t key = (int64_t)((uint64_t)parent << 32 | (uint64_t)(frame_at + 1));
    if (idmap_get(&page->nodes_by_step, key, &index))
        return index;
    index = ++page->n_nodes;
    page_columns_put(&page->columns, page->node_back, parent ? index - parent : 0);
    page_columns_put(&page->columns, page->node_frame, frame_at);
    idmap_put(&page->nodes_by_step, key, index);
    return index;
}

/* Node of a stack, 1-based; 0 when it is empty. Up to the first caller whose node is known, and back down. */
static int stack_node(struct page *page, int64_t stack_id, int64_t *node) {
    struct step {
        int64_t stack_id;
        const struct frame *frames;
        uint32_t n;
    } *steps = NULL;
    size_t n_steps = 0;
    int r = 0;
    *node = 0;
    while (r == 0 && stack_id && !idmap_get(&page->nodes_by_stack, stack_id, node)) {
        struct step step = {.stack_id = stack_id};
        r = report_data_step(page->data, stack_id, &stack_id, &step.frames, &step.n);
        steps = text_grow(steps, n_steps, sizeof *steps);
        steps[n_steps++] = step;
    }
    while (r == 0 && n_steps > 0) {
        const struct step *step = &steps[--n_steps];
        for (uint32_t i = step->n; i-- > 0;) /* outermost first */
            *node = node_below(page, *node, &step->frames[i]);
        idmap_put(&page->nodes_by_stack, step->stack_id, *node);
    }
    free(steps);
    return r;
}

static void add_strings(struct page *page) {
    struct json *j = &page->json;
    json_open(j, "strings", '[');
    json_null(j, NULL);
    if (page->strings.n)
        text_add_n(j->out, page->strings.data, page->strings.n);
    json_close(j, ']');
}

/* --- kinds, where they are not as in the report --- */

static struct page *page_of(struct report_out *out) {
    return (struct page *)out;
}

static int write_text(struct report_out *out, const char *name, const void *value) {
    const char *text = *(const char *const *)value;
    if (page_of(out)->indexed)
        json_int(out->json, name, string_index(page_of(out), text));
    else
        json_text(out->json, name, text);
    return 0;
}

static int write_int(struct report_out *out, const char *name, const void *value) {
    json_int(out->json, name, *(const int64_t *)value);
    return 0;
}

static int write_tristate(struct report_out *out, const char *name, const void *value) {
    json_int(out->json, name, *(const int *)value);
    return 0;
}

static int write_seconds(struct report_out *out, const char *name, const void *value) {
    json_int(out->json, name, *(const int64_t *)value / 1000000000);
    return 0;
}

static int write_offset(struct report_out *out, const char *name, const void *value) {
    char hex[24];
    snprintf(hex, sizeof hex, "%llx", (unsigned long long)*(const int64_t *)value);
    json_text(out->json, name, hex);
    return 0;
}

/* Index of a location = its place in the list, which has only those that a site or a finding uses. */
static int64_t location_index(struct page *page, const struct report_location *l) {
    int64_t index;
    return l && idmap_get(&page->locations_by_id, l->id, &index) ? index : -1;
}

static int write_location(struct report_out *out, const char *name, const void *value) {
    json_int(out->json, name,
             location_index(page_of(out), *(struct report_location *const *)value));
    return 0;
}

static int write_stack(struct report_out *out, const char *name, const void *value) {
    int64_t node;
    int r = stack_node(page_of(out), *(const int64_t *)value, &node);
    json_int(out->json, name, node);
    return r;
}

/* In the page's lists the worst comes first; -1 = none. */
static int verdict_index(enum verdict verdict) {
    return N_VERDICTS - 1 - (int)verdict - (verdict == VERDICT_NONE) * N_VERDICTS;
}

static int write_verdict(struct report_out *out, const char *name, const void *value) {
    json_int(out->json, name, verdict_index(*(const enum verdict *)value));
    return 0;
}

static int write_severity(struct report_out *out, const char *name, const void *value) {
    json_int(out->json, name, SEVERITY_BUG - (int)*(const enum severity *)value);
    return 0;
}

/* In words. */
static int write_differs(struct report_out *out, const char *name, const void *value) {
    const struct report_finding *f = value;
    json_open(out->json, name, '[');
    for (size_t i = 0; i < f->n_differences; i++) {
        AUTO_TEXT struct text said = {0};
        report_words_add_difference(&f->differences[i], true, &said);
        json_text(out->json, NULL, said.data);
    }
    json_close(out->json, ']');
    return 0;
}

static int by_key(const void *key, const void *item) {
    return key_compare(*(const struct dearth_key *)key,
                       ((const struct report_site *)item)->key);
}

/* A site by its place in the list of sites. */
static int write_site_key(struct report_out *out, const char *name, const void *value) {
    const struct report_data *data = out->data;
    const struct report_site *site =
        bsearch(value, data->sites, data->n_sites, sizeof *site, by_key);
    if (site)
        json_int(out->json, name, page_of(out)->fold.place[site - data->sites]);
    return 0;
}

/* --- kinds, in columns --- */

static size_t column_of(struct page *page, const char *name, enum page_column_kind kind) {
    for (size_t i = 0; i < page->n_site_columns; i++)
        if (page->site_columns[i].name == name)
            return page->site_columns[i].index;
    AUTO_FREE char *whole = text_format("site.%s", name);
    size_t index = page_columns_new(&page->columns, whole, kind);
    page->site_columns[page->n_site_columns++] = (struct site_column){name, index};
    return index;
}

static void put(struct report_out *out, const char *name, enum page_column_kind kind,
                int64_t value) {
    struct page *page = page_of(out);
    page_columns_put(&page->columns, column_of(page, name, kind), value);
}

static int put_text(struct report_out *out, const char *name, const void *value) {
    put(out, name, PAGE_COLUMN_NATURAL,
        string_index(page_of(out), *(const char *const *)value));
    return 0;
}

static int put_natural(struct report_out *out, const char *name, const void *value) {
    put(out, name, PAGE_COLUMN_NATURAL, *(const int64_t *)value);
    return 0;
}

static int put_how(struct report_out *out, const char *name, const void *value) {
    put(out, name, PAGE_COLUMN_NATURAL, *(const uint32_t *)value);
    return 0;
}

static int put_reason(struct report_out *out, const char *name, const void *value) {
    put(out, name, PAGE_COLUMN_NATURAL, *(const enum reason *)value);
    return 0;
}

static int put_verdict(struct report_out *out, const char *name, const void *value) {
    put(out, name, PAGE_COLUMN_SIGNED, verdict_index(*(const enum verdict *)value));
    return 0;
}

static int put_location(struct report_out *out, const char *name, const void *value) {
    put(out, name, PAGE_COLUMN_SIGNED,
        location_index(page_of(out), *(struct report_location *const *)value));
    return 0;
}

static int put_stack(struct report_out *out, const char *name, const void *value) {
    int64_t node;
    int r = stack_node(page_of(out), *(const int64_t *)value, &node);
    put(out, name, PAGE_COLUMN_NATURAL, node);
    return r;
}

static int put_key(struct report_out *out, const char *name, const void *value) {
    struct page *page = page_of(out);
    uint8_t blob[16];
    text_key_to_blob(*(const struct dearth_key *)value, blob);
    page_columns_put_bytes(&page->columns, column_of(page, name, PAGE_COLUMN_BYTES), blob,
                           page->key_bytes);
    return 0;
}

/* How many, then so often: verdict, attempts. */
static int put_attempts(struct report_out *out, const char *name, const void *value) {
    const uint32_t *attempts = value;
    int64_t n = 0;
    for (enum verdict i = N_VERDICTS - 1; i > VERDICT_NONE; i--)
        n += attempts[i] > 0;
    put(out, name, PAGE_COLUMN_NATURAL, n);
    for (enum verdict i = N_VERDICTS - 1; i > VERDICT_NONE; i--) {
        if (!attempts[i])
            continue;
        put(out, name, PAGE_COLUMN_NATURAL, verdict_index(i));
        put(out, name, PAGE_COLUMN_NATURAL, attempts[i]);
    }
    return 0;
}

static int put_flags(struct report_out *out, const char *name, const void *value) {
    const struct report_site *site = value;
    put(out, name, PAGE_COLUMN_NATURAL,
        site->error_path | site->truncated << 1 | site->incomplete << 2 |
            (site->never > 0) << 3 | (site->outside > 0) << 4);
    return 0;
}

/* Sites are in the order of their keys: neighbours are alike, if any are. */
static size_t key_bytes(const struct report_data *data) {
    for (size_t i = 1; i < data->n_sites; i++)
        if (data->sites[i - 1].key.hi == data->sites[i].key.hi)
            return sizeof(struct dearth_key);
    return SHORT_KEY;
}

static void page_init(struct page *page, const struct report_data *data,
                      struct text *values) {
    static report_write *const others[N_REPORT_KINDS] = {
        [REPORT_TEXT] = write_text,         [REPORT_TEXT_OR_NULL] = write_text,
        [REPORT_TEXT_IF] = write_text,      [REPORT_SIZE] = write_int,
        [REPORT_POSITIVE] = write_int,      [REPORT_TRISTATE] = write_tristate,
        [REPORT_TIME] = write_seconds,      [REPORT_OFFSET] = write_offset,
        [REPORT_LOCATION] = write_location, [REPORT_STACK] = write_stack,
        [REPORT_VERDICT] = write_verdict,   [REPORT_SEVERITY] = write_severity,
        [REPORT_DIFFERS] = write_differs,   [REPORT_SITE_KEY] = write_site_key,
    };
    static report_write *const in_columns[N_REPORT_KINDS] = {
        [REPORT_KEY] = put_key,           [REPORT_TEXT] = put_text,
        [REPORT_TEXT_IF] = put_text,      [REPORT_LOCATION] = put_location,
        [REPORT_STACK] = put_stack,       [REPORT_NATURAL] = put_natural,
        [REPORT_COUNT_IF] = put_natural,  [REPORT_VERDICT] = put_verdict,
        [REPORT_ATTEMPTS] = put_attempts, [REPORT_REASON] = put_reason,
        [REPORT_HOW] = put_how,           [REPORT_FLAGS] = put_flags,
    };
    *page = (struct page){.data = data, .json = {.out = values, .compact = true}};
    page->key_bytes = key_bytes(data);
    for (int i = 0; i < N_REPORT_KINDS; i++) {
        page->writers[i] = others[i] ? others[i] : report_json_writers[i];
        page->column_writers[i] = in_columns[i];
    }
    page->out = (struct report_out){.data = data,
                                    .json = &page->json,
                                    .writers = page->writers,
                                    .page = true,
                                    .several = report_programs_several(data)};
    new_dictionaries(page);
}

/* --- sections --- */

#define PORTABLE_COLUMNS(X)                                                              \
    X(PORTABLE_SITE, "id")                                                               \
    X(PORTABLE_KEY, "portable_key")
enum { PORTABLE_COLUMNS(STORE_COLUMN_ENUM) };

static void add_words(struct page *page) {
    struct json *j = &page->json;
    json_open(j, "verdicts", '[');
    for (enum verdict i = N_VERDICTS - 1; i > VERDICT_NONE; i--)
        json_text(j, NULL, verdict_name(i));
    json_close(j, ']');
    json_open(j, "meanings", '[');
    for (enum verdict i = N_VERDICTS - 1; i > VERDICT_NONE; i--)
        json_text(j, NULL, verdict_meaning(i));
    json_close(j, ']');
    json_open(j, "verdict_severities", '[');
    for (enum verdict i = N_VERDICTS - 1; i > VERDICT_NONE; i--)
        json_text(j, NULL, severity_name(verdict_severity(i)));
    json_close(j, ']');
    json_open(j, "severities", '[');
    for (enum severity i = SEVERITY_BUG; i >= SEVERITY_LOOK; i--)
        json_text(j, NULL, severity_name(i));
    json_close(j, ']');
    json_open(j, "reasons", '[');
    for (int i = 0; i < N_REASONS; i++)
        json_text(j, NULL, reason_name(i));
    json_close(j, ']');
    json_open(j, "reason_texts", '[');
    for (int i = 0; i < N_REASONS; i++)
        json_text(j, NULL, reason_meaning(i));
    json_close(j, ']');
}

static void add_summary(struct page *page) {
    struct json *j = &page->json;
    const struct report_data *data = page->data;
    report_fields_write(&page->out, &report_fields_tally, "site_tally",
                        &data->site_tally);
    if (data->suite)
        report_fields_write(&page->out, &report_fields_tally, "target_tally",
                            &data->target_tally);
    report_fields_write(&page->out, &report_fields_tally, "location_tally",
                        &data->location_tally);
    json_open(j, "verdict_counts", '[');
    for (enum verdict i = N_VERDICTS - 1; i > VERDICT_NONE; i--)
        json_int(j, NULL, (int64_t)data->verdicts[i]);
    json_close(j, ']');
    json_open(j, "severity_counts", '[');
    for (enum severity i = SEVERITY_BUG; i >= SEVERITY_LOOK; i--)
        json_int(j, NULL, (int64_t)data->severities[i]);
    json_close(j, ']');
    json_open(j, "severity_places", '[');
    for (enum severity i = SEVERITY_BUG; i >= SEVERITY_LOOK; i--)
        json_int(j, NULL, (int64_t)data->places[i]);
    json_close(j, ']');
    json_open(j, "reason_counts", '[');
    for (int i = 0; i < N_REASONS; i++)
        json_int(j, NULL, (int64_t)data->reasons[i]);
    json_close(j, ']');
    json_int(j, "attempts", (int64_t)data->n_attempts);
    AUTO_TEXT struct text quick = {0};
    if (data->quick)
        survivor_describe(&data->survivors, &quick);
    json_text(j, "quick", quick.data);
    json_bool(j, "exact", data->exact);
    json_open(j, "stops", '[');
    for (size_t i = 0; i < data->n_stops; i++)
        json_text(j, NULL, data->stops[i].module);
    json_close(j, ']');
    json_open(j, "modules_without_cfi", '[');
    for (size_t i = 0; i < data->n_modules_without_cfi; i++)
        json_text(j, NULL, data->modules_without_cfi[i]);
    json_close(j, ']');
    json_open(j, "notes", '[');
    for (size_t i = 0; i < data->n_notes; i++)
        report_fields_write_list(&page->out, &report_fields_note, &data->notes[i]);
    json_close(j, ']');
}

static void add_locations(struct page *page) {
    struct json *j = &page->json;
    int64_t n = 0;
    page->indexed = true;
    json_open(j, "locations", '[');
    for (size_t i = 0; i < page->data->n_locations; i++) {
        const struct report_location *l = &page->data->locations[i];
        bool used = l->sites > 0;
        for (size_t k = 0; !used && k < page->data->n_findings; k++)
            used = page->data->findings[k].fault.location == l ||
                   page->data->findings[k].second.location == l;
        if (!used)
            continue;
        idmap_put(&page->locations_by_id, l->id, n++);
        report_fields_write_list(&page->out, &report_fields_location, l);
    }
    json_close(j, ']');
    page->indexed = false;
}

/* Where sites that are folded hang: below nothing, in no module. */
static int64_t small_node(struct page *page) {
    static const struct frame frame = {
        .function = "(small sites)", .module = "(small sites)", .frame_id = -1};
    if (!page->small_node)
        page->small_node = node_below(page, 0, &frame);
    return page->small_node;
}

static int add_site(struct page *page, size_t place, size_t stands) {
    struct report_site site = page->data->sites[page->fold.first[place]];
    bool folded = place >= page->fold.n_kept;
    if (folded) {
        idmap_put(&page->nodes_by_stack, INT64_MIN, small_node(page));
        site.stack_id = INT64_MIN;
    }
    page_columns_put(&page->columns, stands, page->fold.stands[place]);
    return report_fields_write_members(&page->out, &report_fields_site, &site);
}

static int add_sites(struct page *page) {
    const struct report_data *data = page->data;
    size_t stands = page_columns_new(&page->columns, "stands", PAGE_COLUMN_NATURAL);
    int r = page_fold_init(&page->fold, data);
    page->out.writers = page->column_writers;
    for (size_t i = 0; r == 0 && i < page->fold.n; i++)
        r = add_site(page, i, stands);
    page->out.writers = page->writers;
    for (size_t i = 0; r == 0 && i < data->n_sites; i++)
        if (data->sites[i].id)
            idmap_put(&page->sites_by_id, data->sites[i].id, page->fold.place[i] + 1);
    json_int(&page->json, "sites", (int64_t)page->fold.n);
    json_int(&page->json, "folded", (int64_t)page->fold.n_folded);
    json_int(&page->json, "folded_below", page->fold.limit);
    json_int(&page->json, "key_bytes", (int64_t)page->key_bytes);
    return r;
}

static int add_list(struct page *page, const struct report_fields *fields,
                    const char *name, const void *items, size_t n) {
    int r = 0;
    json_open(&page->json, name, '[');
    for (size_t i = 0; r == 0 && i < n; i++)
        r = report_fields_write(&page->out, fields, NULL,
                                (const char *)items + i * fields->size);
    json_close(&page->json, ']');
    return r;
}

/* Lists of indexes into `findings`: report_group.h. */
static int add_groups(struct page *page) {
    struct json *j = &page->json;
    struct report_group *groups = NULL;
    int64_t n = report_groups_new(page->data, &groups);
    json_open(j, "groups", '[');
    for (int64_t i = 0; i < n; i++) {
        for (size_t k = 0; k < groups[i].n; k++) {
            bool first = k == 0 || !groups[i].place;
            if (first && k)
                json_close(j, ']');
            if (first)
                json_open(j, NULL, '[');
            json_int(j, NULL, groups[i].members[k] - page->data->findings);
        }
        json_close(j, ']');
    }
    json_close(j, ']');
    report_groups_free(groups, n);
    return n < 0 ? (int)n : 0;
}

/* Portable keys, by place; zero where there is none. */
static int add_portable_keys(struct page *page) {
    const struct report_data *data = page->data;
    AUTO_FREE uint8_t *keys = text_alloc((page->fold.n + 1) * sizeof(struct dearth_key));
    AUTO_STMT sqlite3_stmt *s = NULL;
    int64_t place;
    int step = SQLITE_DONE,
        r = store_prepare(
            data->store,
            STORE_SELECT(PORTABLE_COLUMNS) "FROM site WHERE portable_key IS "
                                           "NOT NULL",
            &s);
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        if (idmap_get(&page->sites_by_id, sqlite3_column_int64(s, PORTABLE_SITE), &place))
            text_key_to_blob(store_column_key(s, PORTABLE_KEY),
                             keys + (size_t)(place - 1) * sizeof(struct dearth_key));
    }
    if (r == 0 && step != SQLITE_DONE)
        r = store_error(data->store, "reading sites");
    size_t column = page_columns_new(&page->columns, "portable", PAGE_COLUMN_BYTES);
    page_columns_put_bytes(&page->columns, column, keys,
                           page->fold.n * sizeof(struct dearth_key));
    return r;
}

static int add_values(struct page *page) {
    struct json *j = &page->json;
    const struct report_data *data = page->data;
    AUTO_TEXT struct text replay = {0};
    struct report_site any = {.reason = REASON_NEVER_SELECTED}; /* of no recording */
    report_words_add_command(data, &any, &replay);
    /* the page appends a site's own key; of a suite, places are failed, whoever calls them; samples are not replayed */
    if (!data->suite && replay.n)
        replay.data[replay.n -= DEARTH_KEY_HEX] = 0;
    json_open(j, NULL, '{');
    json_text(j, "version", DEARTH_VERSION);
    json_text(j, "path", page->data->path);
    json_text(j, "replay_site", replay.n ? replay.data : "");
    add_words(page);
    int r = data->n_programs > 1 ? add_list(page, &report_fields_program, "programs",
                                            data->programs, data->n_programs)
                                 : 0;
    if (r == 0)
        r = add_list(page, &report_fields_recording, "recordings", data->recordings,
                     data->n_recordings);
    if (r == 0)
        r = add_list(page, &report_fields_replay, "replays", data->replays,
                     data->n_replays);
    add_summary(page);
    add_locations(page);
    if (r == 0)
        r = add_sites(page);
    if (r == 0)
        r = add_list(page, &report_fields_finding, "findings", data->findings,
                     data->n_findings);
    if (r == 0)
        r = add_groups(page);
    if (r == 0 && page->source)
        r = page_sources_add(page->source, j);
    if (r == 0 && data->suite)
        r = page_suite_add(data, &page->sites_by_id, &page->columns, j);
    if (r == 0)
        r = page_memory_add(data, &page->sites_by_id, page->fold.n, &page->columns, j);
    if (r == 0 && page->compared)
        r = add_portable_keys(page);
    add_strings(page);
    page_columns_head(&page->columns, j);
    json_close(j, '}');
    return r;
}

static int add_packed(const struct report_data *data, bool compared,
                      const struct report_source *source, struct text *out) {
    AUTO_TEXT struct text head = {0};
    struct page page;
    page_init(&page, data, &head);
    page.compared = compared;
    page.source = source;
    int r = add_values(&page);
    if (r == 0)
        r = page_columns_pack(&page.columns, &head, out);
    page_deinit(&page);
    return r;
}

int page_write(const struct report_data *data, const struct report_data *before,
               const struct report_source *source, struct text *out) {
    static const char data_mark[] = "@DATA@", before_mark[] = "@BEFORE@";
    const char *at = strstr(page_template, data_mark);
    const char *then = strstr(page_template, before_mark);
    if (!at || !then || then < at)
        return -EINVAL; /* cannot be: viewer/page/assemble.sh checks it */
    text_add_n(out, page_template, (size_t)(at - page_template));
    int r = add_packed(data, before != NULL, source, out);
    at += sizeof data_mark - 1;
    text_add_n(out, at, (size_t)(then - at));
    if (r == 0 && before)
        r = add_packed(before, true, NULL, out);
    text_add(out, then + sizeof before_mark - 1);
    return r;
}
