/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures by chance: see chance_row.h. The choice of sites is not stored by itself: it is what the
 * replay did not leave out, and its hash says whether that is still so.
 */
#include "chance_row.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "json.h"
#include "store.h"
#include "text.h"

/* Seeds are 64 bits, JSON's numbers are not: text. */
char *chance_row_text(const struct chance *c) {
    char key[DEARTH_KEY_HEX + 1] = "", probability[40], seed[24];
    struct text out = {0};
    struct json j = {.out = &out, .compact = true};
    if (c->n_sites)
        text_key(c->sites, key);
    for (int digits = 6; digits <= 17; digits++) { /* the shortest that reads the same */
        snprintf(probability, sizeof probability, "%.*g", digits, c->probability);
        if (strtod(probability, NULL) >= c->probability &&
            strtod(probability, NULL) <= c->probability)
            break;
    }
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)c->seed);
    json_open(&j, NULL, '{');
    json_raw(&j, "probability", probability);
    json_text(&j, "seed", seed);
    json_int(&j, "interval", (int64_t)c->interval);
    json_int(&j, "times", (int64_t)c->times);
    json_int(&j, "space", (int64_t)c->space);
    json_int(&j, "sites", c->n_sites);
    json_text(&j, "choice", c->n_sites ? key : NULL);
    json_close(&j, '}');
    return text_take(&out);
}

static struct dearth_key parse_key(const char *hex) {
    struct dearth_key key = {0};
    unsigned long long hi, lo;
    if (sscanf(hex, "%16llx%16llx", &hi, &lo) == 2)
        key = (struct dearth_key){.hi = hi, .lo = lo};
    return key;
}

bool chance_row_parse(const char *text, struct chance *out) {
    cJSON *object = text ? cJSON_Parse(text) : NULL;
    *out = (struct chance){
        .probability = json_number_of(object, "probability"),
        .seed = strtoull(json_text_of(object, "seed"), NULL, 10),
        .interval = (uint64_t)json_number_of(object, "interval"),
        .times = (uint64_t)json_number_of(object, "times"),
        .space = (uint64_t)json_number_of(object, "space"),
        .n_sites = (uint32_t)json_number_of(object, "sites"),
        .sites = parse_key(json_text_of(object, "choice")),
    };
    cJSON_Delete(object);
    return out->probability > 0;
}

char *chance_row_failed(const struct observation *seen) {
    struct text out = {0};
    struct json j = {.out = &out, .compact = true};
    json_open(&j, NULL, '[');
    for (uint32_t i = 0; i < seen->proof.n_failed; i++) {
        const struct failed_call *f = &seen->proof.failed[i];
        char key[DEARTH_KEY_HEX + 1];
        text_key(f->site, key);
        json_open(&j, NULL, '{');
        json_text(&j, "site", key);
        json_int(&j, "call", (int64_t)f->call);
        json_int(&j, "occurrence", (int64_t)f->occurrence);
        json_int(&j, "size", (int64_t)f->size);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    return text_take(&out);
}

/* --- the choice of sites --- */

struct dearth_key chance_row_hash(const struct dearth_key *keys, uint32_t n) {
    return key_hash(keys, n * sizeof *keys);
}

int chance_row_sites(struct store *store, int64_t replay_id, const struct chance *chance,
                     struct dearth_key **keys) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    uint32_t n = 0;
    int step, r = store_prepare(
                  store,
                  "SELECT s.key FROM site s WHERE s.id IN (SELECT t.site_id FROM "
                  "site_stat t JOIN replay r ON r.recording_id = t.recording_id WHERE "
                  "r.id = ?1) AND s.id NOT IN (SELECT site_id FROM skipped WHERE "
                  "replay_id = ?1) ORDER BY s.key",
                  &s);
    *keys = NULL;
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, replay_id);
    *keys = text_alloc((chance->n_sites + 1ull) * sizeof **keys);
    while ((step = sqlite3_step(s)) == SQLITE_ROW && n <= chance->n_sites) {
        if (n < chance->n_sites)
            (*keys)[n] = store_column_key(s, 0);
        n++;
    }
    if (step != SQLITE_DONE && step != SQLITE_ROW)
        return store_error(store, "reading sites");
    if (n != chance->n_sites || !key_equal(chance_row_hash(*keys, n), chance->sites))
        return error_print(-ENODATA,
                           "%s: which sites could fail in replay %lld is not known any "
                           "more; replay again with the same seed",
                           store->path, (long long)replay_id);
    return 0;
}
