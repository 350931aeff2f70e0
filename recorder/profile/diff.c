/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth diff`: what changed between two recordings.
 *
 *   profile of A ─┐
 *                 ├─ matched by key, sites else by portable key ──► pairs ──► table | JSON
 *   profile of B ─┘
 *
 * An item of one side alone is paired with zeros: new, or gone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build_folder.h"
#include "cli.h"
#include "commands.h"
#include "error.h"
#include "heading.h"
#include "listing.h"
#include "profile.h"
#include "short_name.h"
#include "store.h"
#include "terminal.h"
#include "text.h"

enum format { FORMAT_TEXT, FORMAT_JSON };

struct side {
    struct store *store;
    struct heading heading;
    struct profile profile;
};

struct pair {
    const struct profile_item *a, *b; /* NULL = not there */
    bool portable;                    /* matched by the portable key alone */
};

struct diff {
    int by, sort, format;
    int64_t limit;
    struct side a, b;
    struct pair *pairs;
    uint32_t n_pairs;
};

static const struct profile_numbers nothing;

static const struct profile_numbers *numbers(const struct profile_item *item) {
    return item ? &item->n : &nothing;
}

static int64_t change(const struct pair *p, enum profile_cost cost) {
    return (int64_t)(profile_cost(numbers(p->b), cost) -
                     profile_cost(numbers(p->a), cost));
}

static const struct profile_item *item_of(const struct pair *p) {
    return p->b ? p->b : p->a;
}

/* --- pairing --- */

static void add_pair(struct diff *d, const struct profile_item *a,
                     const struct profile_item *b, bool portable) {
    d->pairs[d->n_pairs++] = (struct pair){a, b, portable};
}

/* Unmatched items of A by portable key; one that several have is no name and is left out. */
static void index_portable(const struct diff *d, const bool *a_used,
                           struct profile *index) {
    for (uint32_t i = 0; i < d->a.profile.n_items; i++) {
        const struct profile_item *a = &d->a.profile.items[i];
        if (a_used[i] || !a->portable)
            continue;
        struct profile_item *slot = profile_item(index, a->portable, "");
        slot->n_rows++;
        slot->n.count = i;
    }
}

static void pair_items(struct diff *d) {
    struct profile *a = &d->a.profile, *b = &d->b.profile;
    AUTO_PROFILE struct profile index = {0};
    AUTO_FREE bool *a_used = text_alloc(a->n_items * sizeof *a_used);
    AUTO_FREE bool *b_used = text_alloc(b->n_items * sizeof *b_used);
    d->pairs = text_alloc(((size_t)a->n_items + b->n_items) * sizeof *d->pairs);
    for (uint32_t i = 0; i < b->n_items; i++) {
        const struct profile_item *other = profile_find(a, b->items[i].key);
        if (!other)
            continue;
        a_used[other - a->items] = b_used[i] = true;
        add_pair(d, other, &b->items[i], false);
    }
    index_portable(d, a_used, &index);
    for (uint32_t i = 0; i < b->n_items; i++) {
        const struct profile_item *slot =
            b_used[i] || !b->items[i].portable
                ? NULL
                : profile_find(&index, b->items[i].portable);
        if (!slot || slot->n_rows != 1 || a_used[slot->n.count])
            continue;
        a_used[slot->n.count] = b_used[i] = true;
        add_pair(d, &a->items[slot->n.count], &b->items[i], true);
    }
    for (uint32_t i = 0; i < b->n_items; i++)
        if (!b_used[i])
            add_pair(d, NULL, &b->items[i], false);
    for (uint32_t i = 0; i < a->n_items; i++)
        if (!a_used[i])
            add_pair(d, &a->items[i], NULL, false);
}

/* Largest change first, whichever way. */
static int by_change(const void *x_pointer, const void *y_pointer, void *cost_pointer) {
    const struct pair *x = x_pointer, *y = y_pointer;
    enum profile_cost cost = *(enum profile_cost *)cost_pointer;
    int64_t cx = llabs(change(x, cost)), cy = llabs(change(y, cost));
    if (cx != cy)
        return cx < cy ? 1 : -1;
    return strcmp(item_of(x)->key, item_of(y)->key);
}

static bool unchanged(const struct pair *p) {
    return p->a && p->b && !change(p, PROFILE_COUNT) && !change(p, PROFILE_BYTES) &&
           !change(p, PROFILE_PEAK) && !change(p, PROFILE_LIVE) &&
           !change(p, PROFILE_TEMPORARY);
}

/* Put unchanged pairs out of the list. Return: how many there were. */
static uint32_t drop_unchanged(struct diff *d) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < d->n_pairs; i++)
        if (!unchanged(&d->pairs[i]))
            d->pairs[kept++] = d->pairs[i];
    uint32_t dropped = d->n_pairs - kept;
    d->n_pairs = kept;
    return dropped;
}

/* --- printing --- */

static const char *const by_names[] = {"site", "location", "function", "module",
                                       "process"};
static const enum profile_by by_values[] = {PROFILE_BY_SITE, PROFILE_BY_LOCATION,
                                            PROFILE_BY_FUNCTION, PROFILE_BY_MODULE,
                                            PROFILE_BY_PROCESS};
static const char *const sort_names[] = {"count", "bytes", "peak", "live", "temporary"};

static const char *signed_bytes(int64_t n, char buf[static 24]) {
    char plain[16];
    snprintf(buf, 24, "%s%s",
             n > 0   ? "+"
             : n < 0 ? "-"
                     : "",
             text_bytes((uint64_t)llabs(n), plain));
    return buf;
}

static const char *signed_count(int64_t n, char buf[static 40]) {
    char plain[32];
    snprintf(buf, 40, "%s%s",
             n > 0   ? "+"
             : n < 0 ? "-"
                     : "",
             text_count((uint64_t)llabs(n), plain));
    return buf;
}

static void add_total(struct text *t, const char *name, uint64_t a, uint64_t b,
                      bool bytes) {
    char x[32], y[32], z[40], percent[32] = "";
    if (bytes) {
        text_bytes(a, x);
        text_bytes(b, y);
        signed_bytes((int64_t)(b - a), z);
    } else {
        text_count(a, x);
        text_count(b, y);
        signed_count((int64_t)(b - a), z);
    }
    if (a && a != b)
        snprintf(percent, sizeof percent, "  %+.1f %%",
                 100.0 * ((double)b - (double)a) / (double)a);
    text_say(t, "  %-12s %14s %14s %15s%s\n", name, x, y, z, percent);
}

static void add_totals(struct text *t, const struct diff *d) {
    const struct heading *a = &d->a.heading, *b = &d->b.heading;
    text_say(t, "A: recording %lld of %s: %s\nB: recording %lld of %s: %s\n\n",
             (long long)a->recording_id, d->a.store->path, a->command,
             (long long)b->recording_id, d->b.store->path, b->command);
    text_say(t, "  %-12s %14s %14s %15s\n", "", "A", "B", "change");
    add_total(t, "allocations", a->allocations, b->allocations, false);
    add_total(t, "failed", a->failed, b->failed, false);
    add_total(t, "bytes", a->bytes, b->bytes, true);
    add_total(t, "peak", a->peak_bytes, b->peak_bytes, true);
    add_total(t, "live at end", a->live_bytes, b->live_bytes, true);
    add_total(t, "sites", a->sites, b->sites, false);
}

static uint32_t shown(const struct diff *d) {
    return d->limit > 0 && (uint64_t)d->limit < d->n_pairs ? (uint32_t)d->limit
                                                           : d->n_pairs;
}

/* More of it is worse than less, whatever it is. */
static enum color color_of(int64_t change) {
    return change > 0 ? COLOR_BUG : change < 0 ? COLOR_GOOD : N_COLORS;
}

static void add_pair_row(struct listing *c, const struct diff *d, const struct pair *p) {
    static const enum profile_cost costs[] = {PROFILE_BYTES, PROFILE_PEAK, PROFILE_LIVE};
    char count[40], buf[24];
    struct text name = {0}, rest = {0};
    int64_t n = change(p, PROFILE_COUNT);
    listing_row(c);
    listing_cell(c, 14, color_of(n), signed_count(n, count));
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
        n = change(p, costs[i]);
        listing_cell(c, 12, color_of(n), signed_bytes(n, buf));
    }
    profile_add_name(item_of(p), by_values[d->by], &name);
    if (item_of(p)->op)
        text_say(&rest, " [%s %.8s]", item_of(p)->op, item_of(p)->key);
    text_add(&rest, !p->a ? " (new)" : !p->b ? " (gone)" : "");
    text_add(&rest, p->portable ? " (matched by its functions)" : "");
    c->rows[c->n_rows - 1].name = text_take(&name);
    c->rows[c->n_rows - 1].rest = text_take(&rest);
}

static void add_pairs(const struct diff *d, struct text *t) {
    static const char *const titles[] = {"count", "bytes", "own peak", "live"};
    AUTO_LISTING struct listing c = {.width = terminal_width(STDOUT_FILENO)};
    listing_row(&c)->heading = true;
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        listing_cell(&c, i ? 12 : 14, N_COLORS, titles[i]);
    c.rows[0].name = text_dup("where");
    for (uint32_t i = 0; i < shown(d); i++)
        add_pair_row(&c, d, &d->pairs[i]);
    listing_add(&c, t);
}

static void print_text(const struct diff *d, uint32_t same) {
    AUTO_TEXT struct text t = {0};
    terminal_use(STDOUT_FILENO);
    add_totals(&t, d);
    const struct side *const sides[] = {&d->a, &d->b};
    for (size_t i = 0; i < 2; i++) {
        const struct heading *h = &sides[i]->heading;
        if (!h->sample_bytes)
            continue;
        text_say(&t, "recording %lld of %s is ", (long long)h->recording_id,
                 sides[i]->store->path);
        heading_add_exactness(&t, h);
        text_add(&t, "\n");
    }
    text_say(&t, "\n%sby %s, largest change of %s first:\n",
             d->a.heading.sample_bytes || d->b.heading.sample_bytes ? "estimates " : "",
             by_names[d->by], sort_names[d->sort]);
    add_pairs(d, &t);
    if (!d->n_pairs)
        text_add(&t, "  nothing changed\n");
    text_say(&t, "%u changed, %u not", d->n_pairs, same);
    if (shown(d) < d->n_pairs)
        text_say(&t, "; %u shown, --limit 0 shows all", shown(d));
    text_add(&t, "\n");
    fputs(t.data, stdout);
}

static void add_json_side(struct text *t, const char *name,
                          const struct profile_item *item) {
    text_addf(t, "\"%s\":", name);
    if (!item) {
        text_add(t, "null");
        return;
    }
    text_add(t, "{");
    profile_add_json(t, &item->n);
    if (item->op)
        text_addf(t, ",\"key\":\"%s\"", item->key);
    text_add(t, "}");
}

static void print_json(const struct diff *d, uint32_t same) {
    AUTO_TEXT struct text t = {0};
    text_add(&t, "{\"format\":\"dearth-diff\",\"version\":1,\n\"a\":");
    heading_add_json(&t, &d->a.heading);
    text_add(&t, ",\n\"b\":");
    heading_add_json(&t, &d->b.heading);
    text_addf(&t, ",\n\"by\":\"%s\",\"sort\":\"%s\",\"changed\":%u,\"unchanged\":%u,",
              by_names[d->by], sort_names[d->sort], d->n_pairs, same);
    text_add(&t, "\n\"items\":[");
    for (uint32_t i = 0; i < shown(d); i++) {
        const struct pair *p = &d->pairs[i];
        text_add(&t, i ? ",\n{" : "\n{");
        add_json_side(&t, "a", p->a);
        text_add(&t, ",");
        add_json_side(&t, "b", p->b);
        text_addf(&t, ",\"matched_by\":%s,\"name\":",
                  !p->a || !p->b ? "null"
                  : p->portable  ? "\"portable_key\""
                                 : "\"name\"");
        text_add_json(&t, item_of(p)->name);
        if (item_of(p)->op) {
            text_add(&t, ",\"op\":");
            text_add_json(&t, item_of(p)->op);
        }
        text_add(&t, "}");
    }
    text_add(&t, "\n]}\n");
    fputs(t.data, stdout);
}

/* --- the command --- */

static int load_side(struct diff *d, struct side *side, const char *path,
                     int64_t wanted) {
    int64_t id;
    int r = profile_open(path, wanted, &side->store, &id);
    if (r < 0)
        return r;
    struct profile_filter filter = {.recording_id = id, .by_cost = d->sort};
    r = heading_load(side->store, id, &side->heading);
    if (r == 0 && d->sort == PROFILE_TEMPORARY && side->heading.sample_bytes)
        r = error_print(-EINVAL,
                        "%s: recording %lld is a sample, of which no block is called "
                        "temporary",
                        path, (long long)id);
    return r < 0 ? r
                 : profile_load(side->store, &filter, by_values[d->by], &side->profile);
}

static int parse_recordings(const char *s, int64_t out[2]) {
    char *end;
    if (!s)
        return 0;
    out[0] = strtoll(s, &end, 10);
    if (end != s && *end == ',') {
        const char *second = end + 1;
        out[1] = strtoll(second, &end, 10);
        if (end != second && !*end && out[0] > 0 && out[1] > 0)
            return 0;
    }
    return error_print(0, "diff: --recordings takes two ids, as in 1,2; not '%s'", s);
}

static int run(struct diff *d, char **paths, int n, const char *recordings) {
    int64_t ids[2] = {0, 0};
    if (parse_recordings(recordings, ids) < 0)
        return -1;
    if (n > 2 || n < 1 || (n == 1 && !recordings))
        return error_print(0,
                           "diff: name two databases, or one and --recordings A,B (see "
                           "'dearth diff --help')");
    int r = load_side(d, &d->a, paths[0], ids[0]);
    if (r == 0)
        r = load_side(d, &d->b, paths[n - 1], ids[1]);
    if (r < 0)
        return r;
    pair_items(d);
    uint32_t same = drop_unchanged(d);
    qsort_r(d->pairs, d->n_pairs, sizeof *d->pairs, by_change, &d->sort);
    if (d->format == FORMAT_JSON) {
        print_json(d, same);
        return 0;
    }
    bool person = terminal_is(STDOUT_FILENO) && !short_name_whole;
    if (person && (r = build_folder_cut(d->b.store)) < 0)
        return r;
    print_text(d, same);
    return 0;
}

static void side_deinit(struct side *side) {
    profile_deinit(&side->profile);
    heading_deinit(&side->heading);
    store_free(side->store);
}

int command_diff(int argc, char **argv) {
    struct diff d = {.by = 1, .sort = PROFILE_BYTES, .limit = 20};
    const char *recordings = NULL;
    const struct cli_option options[] = {
        {0, "by", CLI_CHOICE, &d.by, NULL, "what a line stands for (location)",
         "site|location|function|module|process"},
        {'s', "sort", CLI_CHOICE, &d.sort, NULL, "whose change counts (bytes)",
         PROFILE_COST_CHOICES},
        {'n', "limit", CLI_INT, &d.limit, "N", "lines shown (20); 0 = all"},
        SHORT_NAME_OPTION,
        TERMINAL_COLOR_OPTION,
        {'r', "recordings", CLI_TEXT, &recordings, "A,B",
         "which recordings (the newest of each database)"},
        {'f', "format", CLI_CHOICE, &d.format, NULL, "for people or programs",
         "text|json"},
        {0}};
    const struct cli_command command = {
        "diff", "[options] A.db B.db | --recordings A,B FILE",
        "Show what changed from one recording to another.",
        "Locations and functions are matched by name, sites by key and, where the "
        "program was rebuilt in between, by the functions on their stacks. When lines "
        "have moved, --by function compares best.",
        options};
    int n, r = cli_parse(&command, argc, argv, false, &n);
    if (r != CLI_RUN)
        return r == CLI_DONE ? EXIT_OK : EXIT_CANNOT;
    r = run(&d, argv + 1, n, recordings);
    free(d.pairs);
    side_deinit(&d.a);
    side_deinit(&d.b);
    return r < 0 ? EXIT_CANNOT : EXIT_OK;
}
