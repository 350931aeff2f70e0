/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page: see page.h. Values go into one <script type="application/json">, in which `<`
 * is written as \u003c: nothing from the database can end the element, and the page's
 * script puts all of it on the screen as text, never as markup.
 *
 *   strings  [text, ...]                    0 is null
 *   frames   [function, file, line, module, offset, inlined, ...]   strings by index
 *   nodes    [parent, frame, ...]           a stack is a node; parents come first, 0 = none
 *   sites    [[key, op, location, node, ...], ...]                  see add_site()
 *
 * 100,000 sites share most of their callers: the tree keeps the page at some 100 bytes a
 * site.
 */
#include "page.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "idmap.h"
#include "json.h"
#include "page_template.h" /* generated: static const char page_template[] */
#include "report_group.h"
#include "report_text.h"
#include "report_unseen.h"

struct page {
    const struct report_data *data;
    struct json json;
    struct idmap strings_by_address, frames_by_id, nodes_by_step, locations_by_id;
    struct text strings, frames, nodes; /* members of the lists, written at the end */
    int64_t n_strings, n_frames, n_nodes;
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
    *node = 0;
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

/* --- sections --- */

/* In the page's lists the worst comes first; -1 = none. */
static int verdict_index(enum verdict verdict) {
    return N_VERDICTS - 1 - (int)verdict - (verdict == VERDICT_NONE) * N_VERDICTS;
}

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

static void add_recordings(struct page *page) {
    struct json *j = &page->json;
    char name[24];
    json_open(j, "recordings", '[');
    for (size_t i = 0; i < page->data->n_recordings; i++) {
        const struct report_recording *r = &page->data->recordings[i];
        AUTO_TEXT struct text argv = {0};
        report_add_argv(r, &argv);
        json_open(j, NULL, '{');
        json_int(j, "id", r->id);
        json_text(j, "state", r->state);
        json_int(j, "started_s", r->started_unix_ns / 1000000000);
        json_int_or_null(j, "duration_ns", r->duration_ns);
        json_text(j, "command", argv.data);
        json_text(j, "exe", r->exe);
        json_text(j, "cwd", r->cwd);
        json_int_or_null(j, "exit_code", r->has_code ? r->exit_code : -1);
        json_text(j, "exit_signal",
                  r->exit_signal ? signal_name(r->exit_signal, name) : NULL);
        json_bool(j, "exact", r->exact);
        json_int_or_null(j, "events", r->events);
        json_int_or_null(j, "allocations", r->allocations);
        json_int_or_null(j, "bytes", r->bytes);
        json_int_or_null(j, "peak_bytes", r->peak_bytes);
        json_int_or_null(j, "live_bytes", r->live_bytes);
        json_int_or_null(j, "events_lost", r->events_lost);
        json_int_or_null(j, "stacks_lost", r->stacks_lost);
        json_int_or_null(j, "stacks_truncated", r->stacks_truncated);
        json_int_or_null(j, "stacks_incomplete", r->stacks_incomplete);
        json_int_or_null(j, "unwind_fallbacks", r->unwind_fallbacks);
        json_int_or_null(j, "waited_ns", r->waited_ns);
        json_int_or_null(j, "own_bytes", r->own_bytes);
        json_int_or_null(j, "processes_lost", r->processes_lost);
        json_int_or_null(j, "rings_damaged", r->rings_damaged);
        json_int(j, "processes", r->processes);
        json_int(j, "threads", r->threads);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void add_replays(struct page *page) {
    struct json *j = &page->json;
    json_open(j, "replays", '[');
    for (size_t i = 0; i < page->data->n_replays; i++) {
        const struct report_replay *r = &page->data->replays[i];
        json_open(j, NULL, '{');
        json_int(j, "id", r->id);
        json_int(j, "recording", r->recording);
        json_text(j, "state", r->state);
        json_text(j, "isolation", r->isolation);
        json_text(j, "options", r->options);
        json_int_or_null(j, "duration_ns", r->duration_ns);
        json_int_or_null(j, "time_limit_ns", r->time_limit_ns);
        json_int(j, "jobs", r->jobs);
        json_int(j, "attempts", r->attempts);
        json_int(j, "deterministic_output", r->deterministic_output);
        json_int(j, "deterministic_sites", r->deterministic_sites);
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* -1 millionths: void. */
static void add_tally(struct json *j, const char *name, const struct report_data *data,
                      const struct report_tally *t) {
    json_open(j, name, '{');
    json_int(j, "total", (int64_t)t->total);
    json_int(j, "testable", (int64_t)t->testable);
    json_int(j, "tested", (int64_t)t->tested);
    json_int(j, "excluded", (int64_t)t->excluded);
    json_int(j, "millionths",
             report_unseen_open(data) ? -1 : (int64_t)report_coverage(t));
    json_close(j, '}');
}

static void add_summary(struct page *page) {
    struct json *j = &page->json;
    const struct report_data *data = page->data;
    add_tally(j, "site_tally", data, &data->site_tally);
    add_tally(j, "location_tally", data, &data->location_tally);
    json_open(j, "verdict_counts", '[');
    for (enum verdict i = N_VERDICTS - 1; i > VERDICT_NONE; i--)
        json_int(j, NULL, (int64_t)data->verdicts[i]);
    json_close(j, ']');
    json_open(j, "severity_counts", '[');
    for (enum severity i = SEVERITY_BUG; i >= SEVERITY_LOOK; i--)
        json_int(j, NULL, (int64_t)data->severities[i]);
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
    for (size_t i = 0; i < data->n_notes; i++) {
        json_open(j, NULL, '[');
        AUTO_FREE char *text = text_format(
            "%s%s", data->notes[i].accepted ? "accepted: " : "", data->notes[i].text);
        json_text(j, NULL, text);
        json_text(j, NULL, data->notes[i].subject);
        json_close(j, ']');
    }
    json_close(j, ']');
}

/* [function, file, line, module, offset], strings by index; index of a location = its
 * place in the list. Only those that a site or a finding uses. */
static int64_t location_index(struct page *page, const struct report_location *l) {
    int64_t index;
    return l && idmap_get(&page->locations_by_id, l->id, &index) ? index : -1;
}

static void add_locations(struct page *page) {
    struct json *j = &page->json;
    int64_t n = 0;
    json_open(j, "locations", '[');
    for (size_t i = 0; i < page->data->n_locations; i++) {
        const struct report_location *l = &page->data->locations[i];
        bool used = l->sites > 0;
        for (size_t k = 0; !used && k < page->data->n_findings; k++)
            used = page->data->findings[k].fault.location == l ||
                   page->data->findings[k].second.location == l;
        if (!used)
            continue;
        char offset[24];
        snprintf(offset, sizeof offset, "%llx", (unsigned long long)l->offset);
        idmap_put(&page->locations_by_id, l->id, n++);
        json_open(j, NULL, '[');
        json_int(j, NULL, string_index(page, l->function));
        json_int(j, NULL, string_index(page, l->file));
        json_int(j, NULL, l->line);
        json_int(j, NULL, string_index(page, l->module));
        json_text(j, NULL, offset);
        json_close(j, ']');
    }
    json_close(j, ']');
}

/* [key, op, location, node, count, bytes, peak, live, occurrences, verdict, reason, how,
 * program, first thread, flags, [verdict, attempts, ...]] */
static int add_site(struct page *page, const struct report_site *site) {
    struct json *j = &page->json;
    char key[DEARTH_KEY_HEX + 1];
    int64_t node;
    int r = stack_node(page, site->stack_id, &node);
    text_key(site->key, key);
    const int64_t numbers[] = {string_index(page, site->op),
                               location_index(page, site->location),
                               node,
                               (int64_t)site->count,
                               (int64_t)site->bytes,
                               (int64_t)site->peak_bytes,
                               (int64_t)site->live_bytes,
                               site->occurrences_tested,
                               verdict_index(site->verdict),
                               site->reason,
                               site->how,
                               string_index(page, site->program),
                               site->first_thread,
                               site->error_path | site->truncated << 1 |
                                   site->incomplete << 2 | (site->never > 0) << 3 |
                                   (site->outside > 0) << 4};
    json_open(j, NULL, '[');
    json_text(j, NULL, key);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        json_int(j, NULL, numbers[i]);
    json_open(j, NULL, '[');
    for (enum verdict i = N_VERDICTS - 1; i > VERDICT_NONE; i--) {
        if (!site->attempts[i])
            continue;
        json_int(j, NULL, verdict_index(i));
        json_int(j, NULL, site->attempts[i]);
    }
    json_close(j, ']');
    json_close(j, ']');
    return r;
}

static int by_key(const void *key, const void *item) {
    return key_compare(*(const struct dearth_key *)key,
                       ((const struct report_site *)item)->key);
}

static void add_finding_sites(struct page *page, const struct report_finding *f) {
    struct json *j = &page->json;
    json_open(j, "sites", '[');
    for (size_t i = 0; i < f->n_sites; i++) {
        const struct report_site *site = bsearch(
            &f->sites[i], page->data->sites, page->data->n_sites, sizeof *site, by_key);
        if (site)
            json_int(j, NULL, site - page->data->sites);
    }
    json_close(j, ']');
}

static int add_crash(struct page *page, const struct report_finding *f) {
    struct json *j = &page->json;
    char buffer[24];
    int64_t node;
    if (!f->crash.seen) {
        json_null(j, "crash");
        return 0;
    }
    int r = stack_node(page, f->crash.stack_id, &node);
    json_open(j, "crash", '{');
    json_text(j, "signal", f->crash.signal ? signal_name(f->crash.signal, buffer) : NULL);
    snprintf(buffer, sizeof buffer, "0x%llx", (unsigned long long)f->crash.address);
    json_text(j, "address", f->crash.has_address ? buffer : NULL);
    json_int(j, "node", node);
    json_text(j, "program", f->crash.program);
    json_close(j, '}');
    return r;
}

static int add_leaks(struct page *page, const struct report_finding *f) {
    struct json *j = &page->json;
    int r = 0;
    json_open(j, "leaks", '[');
    for (size_t i = 0; i < f->n_leaks && r == 0; i++) {
        int64_t node;
        r = stack_node(page, f->leaks[i].stack_id, &node);
        json_open_flat(j, NULL, '{');
        json_text(j, "op", f->leaks[i].op);
        json_int(j, "location", location_index(page, f->leaks[i].location));
        json_int(j, "node", node);
        json_int(j, "blocks", f->leaks[i].blocks);
        json_int(j, "bytes", f->leaks[i].bytes);
        json_int(j, "direct", f->leaks[i].direct);
        json_close(j, '}');
    }
    json_close(j, ']');
    return r;
}

static int add_loop(struct page *page, const struct report_finding *f) {
    AUTO_FRAMES struct frames frames = {0};
    AUTO_TEXT struct text said = {0};
    const struct frame *loop = NULL;
    int r = f->timed_out ? report_data_loop(page->data, f, &frames, &loop) : 0;
    if (loop)
        frame_add(loop, &said);
    json_text(&page->json, "loop", said.data);
    return r < 0 ? r : 0;
}

/* Words; null in other modes. */
static void add_chance(struct json *j, const struct report_finding *f) {
    AUTO_TEXT struct text said = {0};
    if (f->fault.chance)
        report_add_chance(f, &said);
    json_text(j, "chance", f->fault.chance ? said.data : NULL);
}

static int add_finding(struct page *page, const struct report_finding *f) {
    struct json *j = &page->json;
    AUTO_TEXT struct text headline = {0}, repro = {0};
    char name[24], damage[160];
    int64_t node;
    int r = stack_node(page, f->fault.stack_id, &node);
    if (r < 0 || (r = report_add_headline(page->data, f, &headline)) < 0)
        return r;
    report_add_repro(page->data, f, &repro);
    json_open(j, NULL, '{');
    json_int(j, "id", f->id);
    json_int(j, "verdict", verdict_index(f->verdict));
    json_int(j, "severity", SEVERITY_BUG - f->severity);
    json_bool(j, "leaked", f->leaked);
    json_text(j, "headline", headline.data);
    json_text(j, "module", f->module);
    json_text(j, "kind", f->kind);
    json_bool(j, "runtime", f->runtime);
    json_text(j, "policy", f->policy);
    json_text(j, "op", f->fault.op);
    json_text(j, "mode", f->fault.mode);
    json_int(j, "occurrence", f->fault.occurrence);
    json_int(j, "burst", f->fault.burst);
    json_int(j, "size", f->fault.size);
    json_text(j, "program", f->fault.program);
    json_text(j, "thread", thread_role_phrase(thread_role_from_name(f->fault.thread)));
    json_int(j, "call", f->fault.call);
    add_chance(j, f);
    json_int(j, "location", location_index(page, f->fault.location));
    json_int(j, "node", node);
    if (f->second.op && r == 0) {
        r = stack_node(page, f->second.stack_id, &node);
        json_open(j, "second", '{');
        json_text(j, "op", f->second.op);
        json_int(j, "occurrence", f->second.occurrence);
        json_int(j, "location", location_index(page, f->second.location));
        json_int(j, "node", node);
        json_close(j, '}');
    }
    if (r == 0)
        r = add_crash(page, f);
    if (r == 0)
        r = add_leaks(page, f);
    json_int_or_null(j, "exit_code", f->has_code && !f->exit_signal ? f->exit_code : -1);
    json_text(j, "exit_signal",
              f->exit_signal ? signal_name(f->exit_signal, name) : NULL);
    json_bool(j, "timed_out", f->timed_out);
    json_text(j, "facility", f->facility);
    json_text(j, "effect", f->effect);
    json_int(j, "unreached", f->unreached);
    json_text(j, "hang", f->timed_out && f->hang ? hang_meaning(f->hang) : NULL);
    json_text(j, "hang_call", f->timed_out ? f->hang_call : NULL);
    if (r == 0)
        r = add_loop(page, f);
    json_text(j, "stderr", f->stderr_tail);
    json_text(j, "under", f->under);
    json_text(j, "isolation", f->isolation);
    if (f->damage.kind)
        damage_describe(&f->damage, damage, sizeof damage);
    json_text(j, "damage", f->damage.kind ? damage : NULL);
    json_int(j, "damage_location", location_index(page, f->damage_location));
    json_bool(j, "silent", f->silent);
    json_open(j, "differs", '[');
    for (size_t i = 0; i < f->n_differences; i++) {
        AUTO_TEXT struct text said = {0};
        report_add_difference(&f->differences[i], true, &said);
        json_text(j, NULL, said.data);
    }
    json_close(j, ']');
    json_int(j, "bad", f->bad);
    json_int(j, "tried", f->tried);
    json_bool(j, "unconfirmed", f->unconfirmed);
    add_finding_sites(page, f);
    json_text(j, "repro", repro.data);
    json_close(j, '}');
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
    struct report_site any = {.reason = REASON_NEVER_SELECTED};
    report_add_command(page->data, &any, &replay);
    replay.data[replay.n -= DEARTH_KEY_HEX] = 0; /* the page appends a site's own key */
    json_open(j, NULL, '{');
    json_text(j, "version", DEARTH_VERSION);
    json_text(j, "path", page->data->path);
    json_text(j, "replay_site", replay.data);
    add_words(page);
    add_recordings(page);
    add_replays(page);
    add_summary(page);
    add_locations(page);
    int r = 0;
    json_open(j, "findings", '[');
    for (size_t i = 0; r == 0 && i < page->data->n_findings; i++)
        r = add_finding(page, &page->data->findings[i]);
    json_close(j, ']');
    if (r == 0)
        r = add_groups(page);
    json_open(j, "sites", '[');
    for (size_t i = 0; r == 0 && i < page->data->n_sites; i++)
        r = add_site(page, &page->data->sites[i]);
    json_close(j, ']');
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
    struct page page = {.data = data, .json = {.out = &values, .compact = true}};
    if (!at)
        return -EINVAL; /* cannot be: viewer/page/assemble.sh checks it */
    int r = add_values(&page);
    page_deinit(&page);
    if (r < 0)
        return r;
    text_add_n(out, page_template, (size_t)(at - page_template));
    add_escaped(out, &values);
    text_add(out, at + sizeof mark - 1);
    return 0;
}
