/* SPDX-License-Identifier: Apache-2.0 */
/* Which sites a page has: all of few; of very many the largest and those with a finding, the others in groups. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "page_fold.h"
#include "store.h"

#define FEW  1000u
#define MANY 500010u

/* Site i asks for i bytes; a key is its number. */
static struct report_data *make(struct store *store, size_t n,
                                struct report_location locations[2]) {
    struct report_data *data = text_alloc(sizeof *data);
    data->store = store;
    data->n_sites = n;
    data->sites = text_alloc(n * sizeof *data->sites);
    data->n_recordings = 1;
    data->recordings = text_alloc(sizeof *data->recordings);
    data->recordings[0].id = 1;
    for (size_t i = 0; i < n; i++) {
        struct report_site *site = &data->sites[i];
        site->id = (int64_t)i + 1;
        site->key.lo = i + 1;
        site->location = &locations[i % 2];
        site->verdict = i % 3 ? VERDICT_HANDLED : VERDICT_NONE;
        site->reason = i % 3 ? REASON_TESTED : REASON_NEVER_SELECTED;
    }
    return data;
}

static void destroy(struct report_data *data) {
    free(data->sites);
    free(data->recordings);
    free(data);
}

static void test_few(struct store *store, struct report_location locations[2]) {
    struct report_data *data = make(store, FEW, locations);
    struct page_fold fold;
    MUST_CASE("few", page_fold_init(&fold, data) == 0);
    CHECK("few: all", fold.n == FEW && fold.n_kept == FEW && fold.n_folded == 0);
    for (uint32_t i = 0; i < FEW; i++)
        CHECK("few: as they are",
              fold.place[i] == i && fold.first[i] == i && fold.stands[i] == 1);
    page_fold_deinit(&fold);
    page_fold_deinit(&fold);
    destroy(data);
}

static void fill(struct store *store) {
    MUST_CASE(
        "rows",
        store_exec(
            store,
            "PRAGMA foreign_keys = OFF; INSERT INTO recording (id, state, "
            "started_unix_ns, exe, cwd, clock, tool_version, allocations, bytes, peak_bytes, live_bytes) VALUES "
            "(1, 'complete', 0, 'x', '/', 'tsc', 'x', 1000000000, 125000000000, 125000000000, 0); "
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500010) INSERT INTO site_stat "
            "(recording_id, process_id, site_id, count, failed, failable, bytes, min_size, max_size, frees, peak_bytes, "
            "peak_blocks, live_blocks, live_bytes, temporary, lifetime_ns, cross_thread_frees, first_ns, last_ns) "
            "SELECT 1, 1, i, 1, 0, 1, i, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0 FROM n") ==
            0);
}

static void test_many(struct store *store, struct report_location locations[2]) {
    struct report_data *data = make(store, MANY, locations);
    struct dearth_key found = {.lo = 7};
    struct report_finding finding = {.sites = &found, .n_sites = 1};
    struct page_fold fold;
    data->findings = &finding;
    data->n_findings = 1;
    MUST_CASE("many", page_fold_init(&fold, data) == 0);
    CHECK("many: some are kept", fold.n_kept > 150000 && fold.n_kept <= 200000);
    CHECK("many: the others are folded", fold.n_folded == MANY - fold.n_kept);
    CHECK("many: by location and verdict", fold.n == fold.n_kept + 4);
    CHECK("many: the largest", fold.place[MANY - 1] < fold.n_kept);
    CHECK("many: that of a finding", fold.place[6] < fold.n_kept);
    CHECK("many: not the smallest",
          fold.place[0] >= fold.n_kept && fold.place[7] >= fold.n_kept);
    CHECK("many: likes together",
          fold.place[0] == fold.place[12] && fold.place[0] != fold.place[1]);
    uint64_t stands = 0, wrong = 0, smallest = MANY;
    for (size_t i = 0; i < fold.n; i++)
        stands += fold.stands[i];
    for (size_t i = 0; i < MANY; i++) {
        if (fold.place[i] < fold.n_kept) {
            wrong += fold.first[fold.place[i]] != i || fold.stands[fold.place[i]] != 1;
            if (i != 6 && i < smallest)
                smallest = i;
        } else {
            wrong += i > smallest || data->sites[i].location !=
                                         data->sites[fold.first[fold.place[i]]].location;
        }
    }
    CHECK("many: all are somewhere", stands == MANY);
    CHECK("many: each at its place", wrong == 0);
    page_fold_deinit(&fold);
    data->findings = NULL;
    destroy(data);
}

int main(void) {
    char folder[] = "/tmp/page_fold_test.XXXXXX";
    struct report_location locations[2] = {{.id = 1}, {.id = 2}};
    struct store *store = NULL;
    MUST_CASE("a folder", mkdtemp(folder) != NULL && chdir(folder) == 0);
    MUST_CASE("a database", store_new("a.db", STORE_CREATE, &store) == 0);
    fill(store);
    test_few(store, locations);
    test_many(store, locations);
    store_free(store);
    unlink("a.db");
    rmdir(folder);
    return check_result();
}
