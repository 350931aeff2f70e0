/* SPDX-License-Identifier: Apache-2.0 */
/* Reading findings: see report_findings.h. */
#include "report_findings.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "report_group.h"
#include "report_rows.h"
#include "report_strings.h"
#include "store.h"

static const char from_finding[] =
    "FROM finding f JOIN attempt a ON a.id = f.attempt_id JOIN site s ON s.id = a.site_id "
    "JOIN replay r ON r.id = a.replay_id LEFT JOIN site d ON d.id = a.damage_site_id LEFT "
    "JOIN site s2 ON s2.id = a.second_site_id LEFT JOIN site sn ON sn.id = a.last_site_id WHERE (a.replay_id IN chosen_replay OR "
    "EXISTS (SELECT 1 FROM finding_attempt fa JOIN attempt o ON o.id = fa.attempt_id "
    "WHERE fa.finding_id = f.id AND o.replay_id IN chosen_replay)) AND (NOT %d OR "
    "a.site_id IN (SELECT site_id FROM chosen_target) OR EXISTS (SELECT 1 FROM "
    "finding_attempt fa JOIN attempt o ON o.id = fa.attempt_id JOIN chosen_target t ON "
    "t.site_id = o.site_id WHERE fa.finding_id = f.id)) ORDER BY f.id";

/* --- one finding --- */

static void add_difference(struct report_data *data, const cJSON *item,
                           struct report_finding *x) {
    struct report_difference *d =
        report_rows_append(&x->differences, &x->n_differences, sizeof *d);
    for (size_t i = 0; i < report_fields_difference.n; i++) {
        const struct report_field *f = &report_fields_difference.items[i];
        const cJSON *part = cJSON_GetObjectItemCaseSensitive(item, f->report);
        *(const char **)((char *)d + f->offset) =
            report_strings_keep(data, cJSON_GetStringValue(part));
    }
    if (!d->what || !d->how)
        x->n_differences--;
}

static void add_differences(struct report_data *data, const char *json,
                            struct report_finding *x) {
    cJSON *list = json ? cJSON_Parse(json) : NULL, *item;
    cJSON_ArrayForEach(item, list) add_difference(data, item, x);
    cJSON_Delete(list);
}

/* Only these carry an address: sigaction(2), si_addr. */
static bool has_address(int signal) {
    return signal && strchr("\x04\x05\x07\x08\x0b", signal);
}

static void add_finding(struct report_data *data, sqlite3_stmt *s, void *state) {
    (void)state;
    struct report_finding *x =
        report_rows_append(&data->findings, &data->n_findings, sizeof *x);
    int differs = report_fields_read(&report_fields_finding, data, s, x);
    add_differences(data, store_column_text(s, differs), x);
    if (x->verdict == VERDICT_NONE)
        x->verdict = VERDICT_FLAKY;
    enum isolation isolation = isolation_from_name(x->isolation);
    x->isolation = isolation_name(isolation ? isolation : ISOLATION_OVERLAY);
    x->crash.has_address &= has_address(x->crash.signal);
    data->silent += x->silent;
    data->n_apart += x->apart;
    data->severities[x->severity]++;
    data->runtime[x->severity] += x->runtime;
}

/* --- what belongs to findings --- */

static int compare_finding_id(const void *key, const void *item) {
    int64_t a = *(const int64_t *)key, b = ((const struct report_finding *)item)->id;
    return (a > b) - (a < b);
}

/* While findings are still in the order of their ids. */
static struct report_finding *find_finding(struct report_data *data, int64_t id) {
    return data->n_findings ? bsearch(&id, data->findings, data->n_findings,
                                      sizeof *data->findings, compare_finding_id)
                            : NULL;
}

#define FINDING_SITE_COLUMNS(X)                                                          \
    X(FINDING_SITE_ID, "fa.finding_id AS id")                                            \
    X(FINDING_SITE_KEY, "s.key AS key")
enum { FINDING_SITE_COLUMNS(STORE_COLUMN_ENUM) };

#define FROM_ATTEMPT                                                                     \
    "JOIN attempt a ON a.id = fa.attempt_id JOIN site s ON s.id = "                      \
    "coalesce(a.second_site_id, a.site_id) "
static const char finding_site_sql[] =
    STORE_SELECT(FINDING_SITE_COLUMNS) "FROM finding_attempt fa " FROM_ATTEMPT "UNION " STORE_SELECT(
        FINDING_SITE_COLUMNS) "FROM (SELECT id AS finding_id, attempt_id FROM finding) fa " FROM_ATTEMPT
                              "ORDER BY id, key";

static void add_site(struct report_data *data, sqlite3_stmt *s, void *state) {
    (void)state;
    struct report_finding *x =
        find_finding(data, sqlite3_column_int64(s, FINDING_SITE_ID));
    if (x)
        *(struct dearth_key *)report_rows_append(&x->sites, &x->n_sites,
                                                 sizeof *x->sites) =
            store_column_key(s, FINDING_SITE_KEY);
}

/* In the order in which a finding's identity takes the first: replayer/ledger/finding.c. */
static const char from_leak[] =
    "f.id FROM finding f JOIN leak k ON k.attempt_id = f.attempt_id JOIN site s ON s.id = "
    "k.site_id WHERE f.leaked = 1 ORDER BY f.id, k.direct > 0 DESC, k.bytes DESC, s.key";

static void add_leak(struct report_data *data, sqlite3_stmt *s, void *state) {
    (void)state;
    int last = sqlite3_column_count(s) - 1;
    struct report_finding *x = find_finding(data, sqlite3_column_int64(s, last));
    if (x)
        report_fields_read(&report_fields_leak, data, s,
                           report_rows_append(&x->leaks, &x->n_leaks, sizeof *x->leaks));
}

static int load_leaks(struct report_data *data) {
    AUTO_TEXT struct text sql = {0};
    report_fields_select(&report_fields_leak, false, &sql);
    text_add(&sql, from_leak);
    return report_rows_read(data, sql.data, "reading leaks", add_leak, NULL);
}

static int load_findings(struct report_data *data) {
    AUTO_TEXT struct text sql = {0};
    report_fields_select(&report_fields_finding, false, &sql);
    text_add(&sql, "a.differs ");
    text_addf(&sql, from_finding, data->suite != NULL);
    return report_rows_read(data, sql.data, "reading findings", add_finding, NULL);
}

/* --- all of them --- */

static int by_weight(const void *a, const void *b) {
    const struct report_finding *x = a, *y = b;
    if (x->severity != y->severity)
        return y->severity > x->severity ? 1 : -1;
    if (x->runtime != y->runtime)
        return x->runtime - y->runtime;
    if (x->silent != y->silent)
        return y->silent - x->silent;
    if (x->verdict != y->verdict)
        return y->verdict > x->verdict ? 1 : -1;
    return strcmp(x->identity, y->identity);
}

static void count_places(struct report_data *data) {
    AUTO_FREE const struct report_finding **all =
        text_alloc((data->n_findings + 1) * sizeof *all);
    for (size_t i = 0; i < data->n_findings; i++)
        all[i] = &data->findings[i];
    report_group_count_places(all, data->n_findings, data->places);
}

int report_findings_load(struct report_data *data) {
    int r = load_findings(data);
    if (r == 0)
        r = report_rows_read(data, finding_site_sql, "reading findings", add_site, NULL);
    if (r == 0)
        r = load_leaks(data);
    if (r == 0 && data->n_findings)
        qsort(data->findings, data->n_findings, sizeof *data->findings, by_weight);
    count_places(data);
    return r;
}

void report_findings_free(struct report_data *data) {
    for (size_t i = 0; i < data->n_findings; i++) {
        free(data->findings[i].sites);
        free(data->findings[i].leaks);
        free(data->findings[i].differences);
    }
    free(data->findings);
}
