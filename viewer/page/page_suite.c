/* SPDX-License-Identifier: Apache-2.0 */
/* A suite: see page_suite.h. */
#include "page_suite.h"

#include <stdlib.h>
#include <string.h>

#include "report_rows.h"
#include "report_suite.h"
#include "report_tests.h"
#include "store.h"
#include "text.h"

/* What it took to fail what a unit reaches. */
struct cost {
    int64_t unit;
    uint64_t attempts, ns;
};
struct costs {
    struct cost *items;
    size_t n;
};

#define COST_COLUMNS(X)                                                                  \
    X(COST_UNIT, "n.unit_id")                                                            \
    X(COST_ATTEMPTS, "count(*)")                                                         \
    X(COST_NS, "sum(a.duration_ns)")
enum { COST_COLUMNS(STORE_COLUMN_ENUM) };

static const char cost_sql[] = STORE_SELECT(
    COST_COLUMNS) "FROM unit_run n JOIN replay p ON p.recording_id = n.recording_id JOIN "
                  "attempt a ON a.replay_id = p.id WHERE n.reason IS NULL AND NOT "
                  "a.inferred GROUP BY n.unit_id";

static void add_cost(struct report_data *data, sqlite3_stmt *s, void *state) {
    struct costs *costs = state;
    (void)data;
    struct cost *cost = report_rows_append(&costs->items, &costs->n, sizeof *cost);
    cost->unit = sqlite3_column_int64(s, COST_UNIT);
    cost->attempts = (uint64_t)sqlite3_column_int64(s, COST_ATTEMPTS);
    cost->ns = (uint64_t)sqlite3_column_int64(s, COST_NS);
}

/* --- what tests come to --- */

struct tally {
    uint32_t targets, tested;
};

/* A target counts once, however many of its sites a test comes to. */
static struct tally *tally_new(const struct report_data *data) {
    const struct report_tests *tests = data->suite->tests;
    struct tally *list = text_alloc((tests->n + 1) * sizeof *list);
    struct idmap site_of = {0}, seen = {0};
    for (size_t i = 0; i < data->n_sites; i++)
        idmap_put(&site_of, data->sites[i].id, (int64_t)i + 1);
    for (size_t i = 0; i < tests->n_reach; i++) {
        const struct report_reach *r = &tests->reach[i];
        int64_t at = 0, known;
        if (!r->test || !idmap_get(&site_of, r->site, &at))
            continue;
        uint32_t target = data->sites[at - 1].target;
        int64_t key = (int64_t)((uint64_t)r->test << 32 | target);
        if (!target || idmap_get(&seen, key, &known))
            continue;
        idmap_put(&seen, key, 1);
        list[r->test].targets++;
        list[r->test].tested += data->suite->targets[target - 1].contexts_tested > 0;
    }
    idmap_deinit(&site_of);
    idmap_deinit(&seen);
    return list;
}

static int by_place(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    if (x[0] != y[0])
        return x[0] < y[0] ? -1 : 1;
    return (x[1] > y[1]) - (x[1] < y[1]);
}

static void add_reach(const struct report_data *data, const struct idmap *sites,
                      struct page_columns *columns) {
    const struct report_tests *tests = data->suite->tests;
    int64_t(*pairs)[2] = text_alloc((tests->n_reach + 1) * sizeof *pairs);
    size_t n = 0, site = page_columns_new(columns, "test.site", PAGE_COLUMN_NATURAL);
    size_t index = page_columns_new(columns, "test.index", PAGE_COLUMN_NATURAL);
    for (size_t i = 0; i < tests->n_reach; i++)
        if (tests->reach[i].test && idmap_get(sites, tests->reach[i].site, &pairs[n][0]))
            pairs[n++][1] = tests->reach[i].test - 1;
    if (n)
        qsort(pairs, n, sizeof *pairs, by_place);
    for (size_t i = 0; i < n; i++) {
        int64_t last = i ? pairs[i - 1][0] : 1;
        if (i && pairs[i][0] == last && pairs[i][1] == pairs[i - 1][1])
            continue;
        page_columns_put(columns, site, pairs[i][0] - last);
        page_columns_put(columns, index, pairs[i][1]);
    }
    free(pairs);
}

/* --- tests, units, targets --- */

static void add_findings(const struct report_data *data, const struct report_test *test,
                         struct json *j) {
    json_open(j, "findings", '[');
    for (size_t k = 0; k < data->n_findings; k++)
        if (report_tests_found(test, &data->findings[k]))
            json_int(j, NULL, data->findings[k].id);
    json_close(j, ']');
}

static void add_tests(const struct report_data *data, const struct costs *costs,
                      struct json *j) {
    const struct report_tests *tests = data->suite->tests;
    AUTO_FREE struct tally *tallies = tally_new(data);
    json_open(j, "tests", '[');
    for (size_t i = 0; i < tests->n; i++) {
        const struct report_test *t = &tests->items[i];
        json_open(j, NULL, '{');
        json_text(j, "name", t->name);
        json_text(j, "harness", t->harness);
        json_text(j, "of", t->of);
        json_text(j, "command", t->command);
        json_text(j, "filter", t->filter);
        json_int(j, "sites", (int64_t)t->n_sites);
        json_int(j, "targets", tallies[i + 1].targets);
        json_int(j, "tested", tallies[i + 1].tested);
        /* what a program's tests cost one by one is known where each was run by itself */
        json_bool(j, "shared", t->whole && t->whole == t->unit);
        for (size_t k = 0; k < costs->n; k++)
            if (costs->items[k].unit == t->unit) {
                json_int(j, "attempts", (int64_t)costs->items[k].attempts);
                json_int(j, "cost_ns", (int64_t)costs->items[k].ns);
            }
        add_findings(data, t, j);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void add_units(const struct report_suite *suite, struct json *j) {
    json_open(j, "units", '[');
    for (size_t i = 0; i < suite->n_units; i++) {
        json_open(j, NULL, '{');
        json_text(j, "command", suite->units[i].command);
        json_text(j, "refused", suite->units[i].refused);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void add_targets(const struct report_data *data, const struct idmap *sites,
                        struct json *j) {
    const struct report_suite *suite = data->suite;
    json_open(j, "targets", '[');
    for (size_t i = 0; i < suite->n_targets; i++) {
        const struct report_target *t = &suite->targets[i];
        int64_t place = 0;
        if (!t->contexts || t->contexts_tested || !idmap_get(sites, t->shown->id, &place))
            continue;
        json_open(j, NULL, '{');
        json_int(j, "site", place - 1);
        json_int(j, "contexts", t->contexts);
        json_text(j, "reason", t->reason);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void add_limits(const struct report_data *data, struct json *j) {
    AUTO_TEXT struct text lines = {0};
    report_suite_add_limits(data, "", "\n", &lines);
    json_open(j, "not_seen", '[');
    char *rest = lines.data, *line;
    while ((line = strsep(&rest, "\n")))
        json_text(j, NULL, line);
    json_close(j, ']');
}

int page_suite_add(const struct report_data *data, const struct idmap *sites,
                   struct page_columns *columns, struct json *json) {
    struct costs costs = {0};
    int r = report_rows_read((struct report_data *)data, cost_sql,
                             "reading what tests cost", add_cost, &costs);
    json_open(json, "suite", '{');
    json_int(json, "programs", (int64_t)data->suite->n_programs);
    json_int(json, "strangers", (int64_t)data->suite->n_strangers);
    add_tests(data, &costs, json);
    add_units(data->suite, json);
    add_targets(data, sites, json);
    add_limits(data, json);
    json_close(json, '}');
    add_reach(data, sites, columns);
    free(costs.items);
    return r;
}

/* --- rows of memory --- */

int64_t page_suite_row(int64_t process_id, int64_t site_id) {
    return (int64_t)((uint64_t)process_id << 32 | (uint64_t)site_id);
}

/* Of a program that runs tests inside: where one of them alone comes to the site it was that one. */
static void put_only(const struct report_data *data, const struct report_reach *reach,
                     const struct idmap *site_of, const struct idmap *unit_of,
                     struct idmap *out) {
    int64_t at = 0, unit = 0;
    if (!idmap_get(site_of, reach->site, &at) ||
        !idmap_get(unit_of, reach->process, &unit))
        return;
    uint32_t test = data->sites[at - 1].only_test;
    if (test && data->suite->tests->items[test - 1].whole == unit)
        idmap_put(out, page_suite_row(reach->process, reach->site), test);
}

void page_suite_rows(const struct report_data *data, struct idmap *out) {
    const struct report_tests *tests = data->suite->tests;
    struct idmap site_of = {0}, unit_of = {0};
    for (size_t i = 0; i < data->n_sites; i++)
        idmap_put(&site_of, data->sites[i].id, (int64_t)i + 1);
    for (size_t i = 0; i < tests->n_runs; i++)
        idmap_put(&unit_of, tests->runs[i].process, tests->runs[i].unit);
    for (size_t i = 0; i < tests->n_runs; i++)
        if (tests->runs[i].test)
            idmap_put(out, page_suite_row(tests->runs[i].process, 0),
                      tests->runs[i].test);
    for (size_t i = 0; i < tests->n_reach; i++)
        if (tests->reach[i].test)
            idmap_put(out, page_suite_row(tests->reach[i].process, tests->reach[i].site),
                      tests->reach[i].test);
        else
            put_only(data, &tests->reach[i], &site_of, &unit_of, out);
    idmap_deinit(&site_of);
    idmap_deinit(&unit_of);
}
