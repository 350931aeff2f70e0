/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of the terminal view: see lists.h. */
#include "lists.h"

#include <stdlib.h>
#include <string.h>

#include "idmap.h"
#include "report_suite.h"
#include "report_text_findings.h"
#include "report_unseen.h"
#include "report_words.h"
#include "store.h"
#include "terminal.h"
#include "text.h"

static struct list_row *add_row(struct list *list) {
    list->rows = text_grow(list->rows, list->n_rows, sizeof *list->rows);
    struct list_row *row = &list->rows[list->n_rows++];
    *row = (struct list_row){.color = N_COLORS};
    return row;
}

/* --- findings --- */

static void add_group(struct lists *l, const struct report_group *g) {
    struct list *list = &l->tabs[LISTS_FINDINGS];
    struct text t = {0};
    const struct report_finding *f = g->members[0];
    uint32_t above = list->n_rows;
    struct list_row *row = add_row(list);
    row->group = g;
    row->finding = f;
    row->above = above;
    row->color = report_text_color(f->severity);
    text_say(&t, "%-8s", severity_name(f->severity));
    text_addf(&t, " %s ", g->n > 1 ? "+" : " ");
    if (g->n > 1)
        text_addf(&t, "%zu times ", g->n);
    else
        text_addf(&t, "#%lld ", (long long)f->id);
    text_say(&t, "%s", g->headline);
    row->text = text_take(&t);
    for (size_t i = 0; g->n > 1 && i < g->n; i++) {
        row = add_row(list);
        row->finding = g->members[i];
        row->above = above;
        text_addf(&t, "             #%-5lld ", (long long)g->members[i]->id);
        report_words_add_failed(g->members[i], &t);
        row->text = text_take(&t);
    }
}

static int load_findings(struct lists *l) {
    l->n_groups = report_groups_new(l->data, &l->groups);
    for (int64_t i = 0; i < l->n_groups; i++)
        add_group(l, &l->groups[i]);
    return l->n_groups < 0 ? (int)l->n_groups : 0;
}

/* --- sites --- */

static void add_place(const struct lists *l, const struct report_site *site,
                      struct text *t) {
    if (report_data_add_place(l->data, site->location, site->stack_id, t) < 0)
        text_add(t, "?");
}

static void load_untested(struct lists *l) {
    size_t n = report_text_untested(l->data, &l->places);
    char bytes[16];
    for (size_t i = 0; i < n; i++) {
        const struct report_text_place *p = &l->places[i];
        const struct report_site *site = l->data->untested[p->first];
        struct list_row *row = add_row(&l->tabs[LISTS_UNTESTED]);
        struct text t = {0};
        text_say(&t, "%10s %5zu %s  %-14s ", text_bytes(p->bytes, bytes), p->n,
                 p->n == 1 ? "site " : "sites", reason_name(site->reason));
        add_place(l, site, &t);
        row->text = text_take(&t);
        row->site = site;
        row->first = p->first;
        row->n = p->n;
    }
}

static const char *state_of(const struct report_site *site) {
    return site->verdict != VERDICT_NONE   ? verdict_name(site->verdict)
           : site->reason != REASON_TESTED ? reason_name(site->reason)
                                           : "-";
}

static void load_sites(struct lists *l) {
    char bytes[16], count[32];
    for (size_t i = 0; i < l->data->n_sites; i++) {
        const struct report_site *site = &l->data->sites[i];
        struct list_row *row = add_row(&l->tabs[LISTS_SITES]);
        struct text t = {0};
        text_say(&t, "%-14s %10s %9s  ", state_of(site), text_bytes(site->bytes, bytes),
                 text_count(site->count, count));
        add_place(l, site, &t);
        row->text = text_take(&t);
        row->site = site;
        row->color = site->verdict == VERDICT_NONE
                         ? COLOR_FAINT
                         : report_text_color(verdict_severity(site->verdict));
    }
}

/* Images that an exec replaced lose all they have: they are left out. */
#define KEPT_COLUMNS(X)                                                                  \
    X(KEPT_SITE, "x.site_id")                                                            \
    X(KEPT_FREES, "sum(x.frees)")                                                        \
    X(KEPT_BLOCKS, "sum(x.live_blocks)")                                                 \
    X(KEPT_BYTES, "sum(x.live_bytes)")                                                   \
    X(KEPT_LAST, "max(x.last_ns)")
enum { KEPT_COLUMNS(STORE_COLUMN_ENUM) };
enum { KEPT_RECORDING_ID = 1 };

static const char kept_sql[] = STORE_SELECT(
    KEPT_COLUMNS) "FROM site_stat x JOIN process p ON p.id = x.process_id WHERE "
                  "x.recording_id = ? AND coalesce(p.\"end\", '') <> 'exec' GROUP BY "
                  "x.site_id HAVING sum(x.live_blocks) > 0 ORDER BY 4 DESC, 1";

static uint64_t newest_ns(const struct lists *l) {
    const struct report_recording *r = &l->data->recordings[l->data->n_recordings - 1];
    return r->duration_ns > 0 ? (uint64_t)r->duration_ns : 0;
}

static void add_leak(struct lists *l, const struct report_site *site,
                     const struct kept *kept) {
    char bytes[16], count[32];
    struct list_row *row = add_row(&l->tabs[LISTS_LEAKS]);
    struct text t = {0};
    row->site = site;
    row->kept = *kept;
    text_say(&t, "%10s %9s %s  ", text_bytes(kept->live_bytes, bytes),
             text_count(kept->live_blocks, count),
             kept->live_blocks == 1 ? "block " : "blocks");
    add_place(l, site, &t);
    text_add(&t, "; ");
    kept_add_hint(&t, kept, newest_ns(l));
    row->text = text_take(&t);
}

/* Of the newest recording, as `dearth stats --leaks` has it: what one run kept is not what two have. */
static int load_leaks(struct lists *l) {
    const struct report_data *data = l->data;
    int64_t recording = data->recordings[data->n_recordings - 1].id;
    AUTO_FREE char *past = NULL;
    AUTO_STMT sqlite3_stmt *s = NULL;
    struct idmap sites = {0};
    int step = SQLITE_DONE, r = kept_unknown(data->store, recording, &past);
    if (past) {
        struct text t = {0};
        text_say(&t, "  what was never freed is not known: %s frees past dearth", past);
        l->tabs[LISTS_LEAKS].none = text_take(&t);
        return r;
    }
    l->tabs[LISTS_LEAKS].none =
        text_dup(report_unseen_sample(data) ? "  nothing that is in the sample"
                                            : "  nothing: every block was freed");
    for (size_t i = 0; i < data->n_sites; i++)
        idmap_put(&sites, data->sites[i].id, (int64_t)i + 1);
    if (r == 0)
        r = store_prepare(data->store, kept_sql, &s);
    if (r == 0)
        sqlite3_bind_int64(s, KEPT_RECORDING_ID, recording);
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        const struct kept kept = {(uint64_t)sqlite3_column_int64(s, KEPT_FREES),
                                  (uint64_t)sqlite3_column_int64(s, KEPT_BLOCKS),
                                  (uint64_t)sqlite3_column_int64(s, KEPT_BYTES),
                                  (uint64_t)sqlite3_column_int64(s, KEPT_LAST)};
        int64_t at;
        if (idmap_get(&sites, sqlite3_column_int64(s, KEPT_SITE), &at))
            add_leak(l, &data->sites[at - 1], &kept);
    }
    idmap_deinit(&sites);
    return r < 0 || step == SQLITE_DONE ? r
                                        : store_error(data->store, "reading site_stat");
}

/* --- orders --- */

enum order { ORDER_BYTES, ORDER_COUNT, ORDER_PEAK, ORDER_LIVE, ORDER_VERDICT, N_ORDERS };
static const char *const order_names[N_ORDERS] = {"bytes", "count", "own peak", "live",
                                                  "verdict"};

static uint64_t rank(const struct report_site *site, enum order order) {
    switch (order) {
    case ORDER_COUNT:
        return site->count;
    case ORDER_PEAK:
        return site->peak_bytes;
    case ORDER_LIVE:
        return site->live_bytes;
    case ORDER_VERDICT:
        return site->verdict;
    default:
        return site->bytes;
    }
}

static int by_order(const void *a, const void *b, void *order) {
    const struct list_row *x = a, *y = b;
    uint64_t rx = rank(x->site, *(enum order *)order),
             ry = rank(y->site, *(enum order *)order);
    if (rx != ry)
        return rx < ry ? 1 : -1;
    return (x->site > y->site) - (x->site < y->site);
}

static void sort(struct list *list, enum order order) {
    if (list->n_rows)
        qsort_r(list->rows, list->n_rows, sizeof *list->rows, by_order, &order);
}

const char *lists_reorder(struct lists *l) {
    struct list *list = &l->tabs[LISTS_SITES];
    AUTO_FREE char *query = text_dup(list->query);
    list->order = (list->order + 1) % N_ORDERS;
    sort(list, (enum order)list->order);
    lists_search(l, LISTS_SITES, query);
    return order_names[list->order];
}

/* --- search --- */

static bool has(const struct list_row *row, const char *word) {
    char key[DEARTH_KEY_HEX + 1] = "";
    const struct report_location *at = row->site      ? row->site->location
                                       : row->finding ? row->finding->fault.location
                                                      : NULL;
    if (row->site)
        text_key(row->site->key, key);
    return strcasestr(row->text, word) || (at && strcasestr(at->module, word)) ||
           (at && at->file && strcasestr(at->file, word)) || strcasestr(key, word);
}

static bool matches(const struct list_row *row, const char *query) {
    AUTO_FREE char *words = text_dup(query);
    char *rest = words, *word;
    while ((word = strsep(&rest, " ")))
        if (*word && strcmp(word, "-") != 0 &&
            (word[0] == '-' ? has(row, word + 1) : !has(row, word)))
            return false;
    return true;
}

static bool is_below(const struct list_row *row) {
    return row->finding && !row->group;
}

void lists_search(struct lists *l, enum lists_tab tab, const char *query) {
    struct list *list = &l->tabs[tab];
    char *copy = query && *query ? text_dup(query) : NULL;
    free(list->query);
    list->query = copy;
    list->shown = text_realloc(list->shown, (list->n_rows + 1u) * sizeof *list->shown);
    list->n_shown = 0;
    for (uint32_t i = 0; i < list->n_rows; i++) {
        const struct list_row *row = &list->rows[i];
        bool folded = is_below(row) && !list->rows[row->above].open;
        if (copy ? matches(row, copy) : !folded)
            list->shown[list->n_shown++] = i;
    }
}

bool lists_fold(struct lists *l, enum lists_tab tab, uint32_t shown, bool open) {
    struct list *list = &l->tabs[tab];
    if (shown >= list->n_shown || tab != LISTS_FINDINGS || list->query)
        return false;
    struct list_row *head = &list->rows[list->rows[list->shown[shown]].above];
    if (!head->group || head->group->n < 2 || head->open == open)
        return false;
    head->open = open;
    char *sign = strpbrk(head->text, "+-");
    if (sign)
        *sign = open ? '-' : '+';
    lists_search(l, tab, NULL);
    return true;
}

/* --- details --- */

static int add_stack(const struct lists *l, int64_t stack_id, struct text *out) {
    AUTO_FRAMES struct frames frames = {0};
    int r = report_data_stack(l->data, stack_id, &frames);
    for (uint32_t i = 0; r == 0 && i < frames.n; i++) {
        text_add(out, i ? "      called by " : "      ");
        frame_add(&frames.items[i], out);
        text_add(out, frames.items[i].inlined ? " [inlined]\n" : "\n");
    }
    return r;
}

/* @kept: of the newest recording, where that is what is looked at; NULL = what all of them have */
static int add_site(const struct lists *l, const struct report_site *site,
                    const struct kept *kept, struct text *out) {
    char a[32], b[16], key[DEARTH_KEY_HEX + 1];
    const char *about = report_unseen_sample(l->data) ? "about " : "";
    text_key(site->key, key);
    text_add(out, "\n  ");
    terminal_begin(out, COLOR_TITLE);
    text_say(out, "%s in ", site->op);
    add_place(l, site, out);
    terminal_end(out);
    text_say(out, "\n    site        %s\n", key);
    text_say(out, "    asked       %s%s call%s, %s%s", about, text_count(site->count, a),
             site->count == 1 ? "" : "s", about, text_bytes(site->bytes, b));
    text_say(out, ", at most %s%s at once", about, text_bytes(site->peak_bytes, b));
    uint64_t bytes = kept ? kept->live_bytes : site->live_bytes;
    uint64_t blocks = kept ? kept->live_blocks : site->live_blocks;
    text_say(out, "\n    never freed %s%s in %s%s block%s", about, text_bytes(bytes, b),
             about, text_count(blocks, a), blocks == 1 ? "" : "s");
    if (kept) {
        text_add(out, ": ");
        kept_add_hint(out, kept, newest_ns(l));
    }
    text_add(out, "\n");
    text_add(out, "    verdict     ");
    if (site->verdict == VERDICT_NONE)
        text_say(out, "never tested: %s\n", reason_meaning(site->reason));
    else
        text_say(out, "%s: %s\n", verdict_name(site->verdict),
                 verdict_meaning(site->verdict));
    AUTO_TEXT struct text command = {0};
    report_words_add_command(l->data, site, &command);
    if (site->reason != REASON_TESTED && command.n)
        text_say(out, "    to test it  %s\n", command.data);
    return add_stack(l, site->stack_id, out);
}

static int add_finding(const struct lists *l, const struct list_row *row, unsigned width,
                       struct text *out) {
    const struct report_text_options options = {
        .max_frames = 64,
        .width = width,
        .sources = l->source != NULL,
        .source_folders = l->source ? l->source->folders : NULL};
    int r = report_text_finding(l->data, row->finding, &options, out);
    if (!row->group || row->group->n < 2)
        return r;
    text_add(out, "      the same    at the end of all of these, after a failed\n");
    for (size_t i = 0; i < row->group->n; i++) {
        text_addf(out, "          #%-5lld ", (long long)row->group->members[i]->id);
        report_words_add_failed(row->group->members[i], out);
        text_add(out, "\n");
    }
    return r;
}

int lists_details(const struct lists *l, enum lists_tab tab, uint32_t shown,
                  unsigned width, struct text *out) {
    const size_t most = 100; /* sites of one location */
    const struct list *list = &l->tabs[tab];
    size_t start = out->n;
    int r = 0;
    text_add(out, "");
    if (shown >= list->n_shown)
        return 0;
    const struct list_row *row = &list->rows[list->shown[shown]];
    if (row->finding)
        r = add_finding(l, row, width, out);
    else if (!row->n)
        r = add_site(l, row->site, tab == LISTS_LEAKS ? &row->kept : NULL, out);
    for (size_t i = 0; r == 0 && i < row->n && i < most; i++)
        r = add_site(l, l->data->untested[row->first + i], NULL, out);
    if (row->n > most)
        text_addf(out, "\n  ... and %zu more sites\n", row->n - most);
    terminal_disarm(out, start);
    terminal_wrap(out, start, width);
    return r;
}

void lists_add_summary(const struct lists *l, struct text *out) {
    const struct report_tally *t = &l->data->site_tally;
    char a[32], b[32];
    if (!l->data->n_attempts)
        text_add(out, "not tested yet");
    else
        text_say(out, "%s of %s sites tested", text_count(t->tested, a),
                 text_count(t->testable, b));
    if (!l->data->n_attempts)
        return;
    text_add(out, "; ");
    report_words_add_severities(l->data, out);
}

/* --- */

int lists_new(const struct report_data *data, const struct report_source *source,
              struct lists **out) {
    static const char *const titles[N_LISTS] = {"Findings", "Untested", "Sites", "Leaks"};
    struct lists *l = text_alloc(sizeof *l);
    l->data = data;
    l->source = source;
    for (int i = 0; i < N_LISTS; i++)
        l->tabs[i].title = titles[i];
    int r = load_findings(l);
    if (r < 0) {
        lists_free(l);
        return r;
    }
    load_untested(l);
    load_sites(l);
    sort(&l->tabs[LISTS_SITES], ORDER_BYTES);
    r = load_leaks(l);
    if (r < 0) {
        lists_free(l);
        return r;
    }
    for (int i = 0; i < N_LISTS; i++)
        lists_search(l, (enum lists_tab)i, NULL);
    *out = l;
    return 0;
}

struct lists *lists_free(struct lists *l) {
    if (!l)
        return NULL;
    for (int i = 0; i < N_LISTS; i++) {
        for (uint32_t k = 0; k < l->tabs[i].n_rows; k++)
            free(l->tabs[i].rows[k].text);
        free(l->tabs[i].rows);
        free(l->tabs[i].shown);
        free(l->tabs[i].query);
        free(l->tabs[i].none);
    }
    report_groups_free(l->groups, l->n_groups > 0 ? l->n_groups : 0);
    free(l->places);
    free(l);
    return NULL;
}
