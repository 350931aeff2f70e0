/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page: see page.h. Values go into one <script type="application/json">, in which `<`
 * is written as \u003c: nothing from the database can end the element, and the page's
 * script puts all of it on the screen as text, never as markup.
 *
 *   strings  [text, ...]                    0 is null
 *   frames   [function, file, line, module, offset, inlined, ...]   strings by index
 *   nodes    [parent, frame, ...]           a stack is a node; parents come first, 0 = none
 *   sites    [[key, op, location, node, ...], ...]                  SITE in report_fields.def
 *
 * What is in it and what it is called is in report_fields.def; here is how each kind of field is written.
 *
 * 100,000 sites share most of their callers: the tree keeps the page at some 100 bytes a
 * site.
 */
#include "page.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "idmap.h"
#include "json.h"
#include "page_template.h" /* generated: static const char page_template[] */
#include "report_group.h"
#include "report_json.h"
#include "report_words.h"

struct page {
    struct report_out out; /* first: a writer finds the page by it */
    const struct report_data *data;
    struct json json;
    report_write *writers[N_REPORT_KINDS];
    bool indexed; /* texts by their index */
    struct idmap strings_by_address, frames_by_id, nodes_by_step, locations_by_id;
    struct text strings, frames, nodes; /* members of the lists, written at the end */
    int64_t n_strings, n_frames, n_nodes;
    int64_t last_stack_id, last_node; /* of stack_node() */
};

static void page_deinit(struct page *page) {
    idmap_deinit(&page->strings_by_address);
    idmap_deinit(&page->frames_by_id);
    idmap_deinit(&page->nodes_by_step);
    idmap_deinit(&page->locations_by_id);
    text_deinit(&page->strings);
    text_deinit(&page->frames);
    text_deinit(&page->nodes);
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

static int64_t frame_index(struct page *page, const struct frame *frame) {
    int64_t key =
        (int64_t)(((uint64_t)frame->frame_id << 12 | (frame->inline_index & 0xfff)) + 1);
    int64_t index;
    if (idmap_get(&page->frames_by_id, key, &index))
        return index;
    index = page->n_frames++;
    int64_t function = string_index(page, frame->function);
    int64_t file = string_index(page, frame->file);
    int64_t module = string_index(page, frame->module);
    text_addf(&page->frames, "%s%lld,%lld,%u,%lld,\"%llx\",%d", index ? "," : "",
              (long long)function, (long long)file, frame->line, (long long)module,
              (unsigned long long)frame->offset, frame->inlined);
    idmap_put(&page->frames_by_id, key, index);
    return index;
}

/* Node of a stack, 1-based; 0 when it is empty. */
static int stack_node(struct page *page, int64_t stack_id, int64_t *node) {
    AUTO_FRAMES struct frames frames = {0};
    *node = stack_id == page->last_stack_id ? page->last_node : 0;
    if (*node)
        return 0;
    int r = stack_id ? report_data_stack(page->data, stack_id, &frames) : 0;
    for (uint32_t i = r == 0 ? frames.n : 0; i-- > 0;) { /* outermost first */
        int64_t frame = frame_index(page, &frames.items[i]), index;
        int64_t key = (int64_t)((uint64_t)*node << 32 | (uint64_t)(frame + 1));
        if (!idmap_get(&page->nodes_by_step, key, &index)) {
            index = ++page->n_nodes;
            text_addf(&page->nodes, "%s%lld,%lld", index > 1 ? "," : "", (long long)*node,
                      (long long)frame);
            idmap_put(&page->nodes_by_step, key, index);
        }
        *node = index;
    }
    page->last_stack_id = stack_id;
    page->last_node = *node;
    return r;
}

static void add_dictionaries(struct page *page) {
    struct json *j = &page->json;
    json_open(j, "strings", '[');
    json_null(j, NULL);
    if (page->strings.n)
        text_add_n(j->out, page->strings.data, page->strings.n);
    json_close(j, ']');
    json_open(j, "frames", '[');
    if (page->frames.n)
        json_raw(j, NULL, page->frames.data);
    json_close(j, ']');
    json_open(j, "nodes", '[');
    if (page->nodes.n)
        json_raw(j, NULL, page->nodes.data);
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

static int write_reason(struct report_out *out, const char *name, const void *value) {
    json_int(out->json, name, *(const enum reason *)value);
    return 0;
}

static int write_how(struct report_out *out, const char *name, const void *value) {
    json_int(out->json, name, *(const uint32_t *)value);
    return 0;
}

/* [verdict, attempts, verdict, attempts, ...] */
static int write_attempts(struct report_out *out, const char *name, const void *value) {
    const uint32_t *attempts = value;
    json_open(out->json, name, '[');
    for (enum verdict i = N_VERDICTS - 1; i > VERDICT_NONE; i--) {
        if (!attempts[i])
            continue;
        json_int(out->json, NULL, verdict_index(i));
        json_int(out->json, NULL, attempts[i]);
    }
    json_close(out->json, ']');
    return 0;
}

static int write_flags(struct report_out *out, const char *name, const void *value) {
    const struct report_site *site = value;
    json_int(out->json, name,
             site->error_path | site->truncated << 1 | site->incomplete << 2 |
                 (site->never > 0) << 3 | (site->outside > 0) << 4);
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
        json_int(out->json, name, site - data->sites);
    return 0;
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
        [REPORT_REASON] = write_reason,     [REPORT_HOW] = write_how,
        [REPORT_ATTEMPTS] = write_attempts, [REPORT_FLAGS] = write_flags,
        [REPORT_DIFFERS] = write_differs,   [REPORT_SITE_KEY] = write_site_key,
    };
    *page = (struct page){.data = data, .json = {.out = values, .compact = true}};
    for (int i = 0; i < N_REPORT_KINDS; i++)
        page->writers[i] = others[i] ? others[i] : report_json_writers[i];
    page->out = (struct report_out){.data = data,
                                    .json = &page->json,
                                    .writers = page->writers,
                                    .page = true,
                                    .several = data->n_programs > 1};
}

/* --- sections --- */

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

/* Its stack comes first among the dictionaries' users: frames of one site lie together. */
static int add_site(struct page *page, const struct report_site *site) {
    int64_t node;
    int r = stack_node(page, site->stack_id, &node);
    return r ? r : report_fields_write_list(&page->out, &report_fields_site, site);
}

static int add_sites(struct page *page) {
    int r = 0;
    json_open(&page->json, "sites", '[');
    page->indexed = true;
    for (size_t i = 0; r == 0 && i < page->data->n_sites; i++)
        r = add_site(page, &page->data->sites[i]);
    page->indexed = false;
    json_close(&page->json, ']');
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

static int add_values(struct page *page) {
    struct json *j = &page->json;
    AUTO_TEXT struct text replay = {0};
    struct report_site any = {.reason = REASON_NEVER_SELECTED}; /* of no recording */
    report_words_add_command(page->data, &any, &replay);
    replay.data[replay.n -= DEARTH_KEY_HEX] = 0; /* the page appends a site's own key */
    json_open(j, NULL, '{');
    json_text(j, "version", DEARTH_VERSION);
    json_text(j, "path", page->data->path);
    json_text(j, "replay_site", replay.data);
    add_words(page);
    const struct report_data *data = page->data;
    int r = page->out.several ? add_list(page, &report_fields_program, "programs",
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
        r = add_list(page, &report_fields_finding, "findings", data->findings,
                     data->n_findings);
    if (r == 0)
        r = add_groups(page);
    if (r == 0)
        r = add_sites(page);
    add_dictionaries(page);
    json_close(j, '}');
    return r;
}

/* JSON has no `<` outside strings. */
static void add_escaped(struct text *out, const struct text *json) {
    const char *p = json->data, *end = json->data + json->n;
    while (p < end) {
        const char *mark = memchr(p, '<', (size_t)(end - p));
        size_t n = mark ? (size_t)(mark - p) : (size_t)(end - p);
        text_add_n(out, p, n);
        if (mark)
            text_add(out, "\\u003c");
        p += n + (mark != NULL);
    }
}

int page_write(const struct report_data *data, struct text *out) {
    static const char mark[] = "@DATA@";
    const char *at = strstr(page_template, mark);
    AUTO_TEXT struct text values = {0};
    struct page page;
    if (!at)
        return -EINVAL; /* cannot be: viewer/page/assemble.sh checks it */
    page_init(&page, data, &values);
    int r = add_values(&page);
    page_deinit(&page);
    if (r < 0)
        return r;
    text_add_n(out, page_template, (size_t)(at - page_template));
    add_escaped(out, &values);
    text_add(out, at + sizeof mark - 1);
    return 0;
}
