/*
 * Failures by chance: see chance.h. The choice of sites is not stored by itself: it is what the
 * replay did not leave out, and its hash says whether that is still so.
 */
#include "chance.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "json.h"
#include "replay_private.h"
#include "schemas/shm.h"
#include "store.h"
#include "text.h"

/* Seeds are 64 bits, JSON's numbers are not: text. */
char *chance_text(const struct chance *c) {
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

bool chance_parse(const char *text, struct chance *out) {
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

char *chance_failed_text(const struct observation *seen) {
    struct text out = {0};
    struct json j = {.out = &out, .compact = true};
    json_open(&j, NULL, '[');
    for (uint32_t i = 0; i < seen->n_failed; i++) {
        const struct failed_call *f = &seen->failed[i];
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

static struct dearth_key hash_keys(const struct dearth_key *keys, uint32_t n) {
    return key_hash(keys, n * sizeof *keys);
}

int chance_prepare(struct replay *r) {
    const struct plan_options *o = &r->options->plan;
    bool chosen = o->n_in || o->n_not_in || o->n_sites || o->untested || o->min_size ||
                  o->n_shards || o->changed_since;
    uint32_t n = 0;
    r->chance = r->options->chance;
    if (!chosen)
        return 0;
    r->chance_sites = text_alloc((r->sites.input.n_sites + 1) * sizeof *r->chance_sites);
    for (uint32_t i = 0; i < r->sites.input.n_sites; i++)
        if (r->plan.passed[i])
            r->chance_sites[n++] = r->sites.list[i].key;
    if (!n)
        return error_print(-ENOENT, "--probability: no recorded site is chosen");
    if (n > SHM_MAX_ORDERS)
        return error_print(-E2BIG,
                           "--probability: %u sites are chosen; it takes at most %u, or "
                           "all without a filter",
                           n, SHM_MAX_ORDERS);
    r->chance.n_sites = n;
    r->chance.sites = hash_keys(r->chance_sites, n);
    return 0;
}

int chance_load_sites(struct store *store, int64_t replay_id, const struct chance *chance,
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
    if (n != chance->n_sites || !key_equal(hash_keys(*keys, n), chance->sites))
        return error_print(-ENODATA,
                           "%s: which sites could fail in replay %lld is not known any "
                           "more; replay again with the same seed",
                           store->path, (long long)replay_id);
    return 0;
}

int chance_is_done(const struct replay *r, const struct chance *chance) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_FREE char *text = chance_text(chance);
    if (r->options->plan.retest)
        return 0;
    int err =
        store_prepare(r->store,
                      "SELECT 1 FROM attempt a JOIN replay r ON r.id = a.replay_id "
                      "WHERE r.recording_id = ?1 AND a.chance = ?2 AND a.under = ?3 "
                      "LIMIT 1",
                      &s);
    if (err < 0)
        return err;
    sqlite3_bind_int64(s, 1, r->recording_id);
    sqlite3_bind_text(s, 2, text, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 3, under_name(r->under), -1, SQLITE_STATIC);
    return sqlite3_step(s) == SQLITE_ROW;
}
