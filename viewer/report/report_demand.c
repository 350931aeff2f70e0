/* SPDX-License-Identifier: Apache-2.0 */
/* Production asks, CI answers: see report_demand.h. */
#include "report_demand.h"

#include <stdlib.h>
#include <string.h>

#include "demand.h"
#include "json.h"
#include "short_name.h"
#include "store.h"

enum answer { NEVER_RECORDED, NEVER_FAILED, FAILED };

struct asked {
    const struct demand_site *site; /* of production */
    enum demand_match match;        /* how it was found in CI */
    enum answer answer;
};

struct comparison {
    const char *production, *ci; /* paths */
    struct demand wanted, had;
    struct asked *list; /* what CI never failed first, by how often, then how large */
    uint32_t n;
    uint64_t calls, failed_calls;
    uint32_t failed[3]; /* by enum demand_match */
};

/* How sure a match by names is: in percent, frames of the stack whose function is known. */
static uint32_t confidence(const struct asked *a) {
    const struct demand_site *s = a->site;
    if (a->match == DEMAND_EXACT)
        return 100;
    return a->match == DEMAND_PORTABLE && s->frames ? 100 * s->named / s->frames : 0;
}

static int by_demand(const void *a, const void *b) {
    const struct asked *x = a, *y = b;
    if ((x->answer == FAILED) != (y->answer == FAILED))
        return x->answer == FAILED ? 1 : -1;
    if (x->site->calls != y->site->calls)
        return x->site->calls > y->site->calls ? -1 : 1;
    if (x->site->largest != y->site->largest)
        return x->site->largest > y->site->largest ? -1 : 1;
    return key_compare(x->site->key, y->site->key);
}

static void ask(struct comparison *c, const struct demand_site *site) {
    const struct demand_site *there;
    struct asked *a = &c->list[c->n++];
    *a = (struct asked){.site = site};
    a->match = demand_find(&c->had, &c->wanted, site, &there);
    a->answer = !there ? NEVER_RECORDED : there->tested ? FAILED : NEVER_FAILED;
    c->calls += site->calls;
    c->failed_calls += a->answer == FAILED ? site->calls : 0;
    c->failed[a->match] += a->answer == FAILED;
}

static uint32_t n_failed(const struct comparison *c) {
    return c->failed[DEMAND_EXACT] + c->failed[DEMAND_PORTABLE];
}

/* --- text --- */

static void add_answer(const struct asked *a, struct text *out) {
    if (a->answer == NEVER_RECORDED)
        text_add(out, "not met in CI");
    else if (a->match == DEMAND_EXACT)
        text_add(out, "met in CI, never failed");
    else
        text_addf(out,
                  "met in CI in another build, never failed (%u %% of its names known)",
                  confidence(a));
}

static void add_head(const struct comparison *c, struct text *out) {
    char a[32], b[32];
    double calls = c->calls ? 100.0 * (double)c->failed_calls / (double)c->calls : 0;
    text_say(out, "%s asks, %s answers\n", c->production, c->ci);
    text_addf(out, "  sites  %s, of which %s were failed: %u by key, %u by names\n",
              text_count(c->n, a), text_count(n_failed(c), b), c->failed[DEMAND_EXACT],
              c->failed[DEMAND_PORTABLE]);
    text_addf(out, "  calls  %s%s, of which %.1f %% at sites that were failed\n",
              c->wanted.estimated ? "about " : "", text_count(c->calls, a), calls);
    if (c->wanted.estimated)
        text_say(out, "  a sample asks: numbers are estimates, and production may have "
                      "sites that are not in it\n");
}

static void add_text(const struct comparison *c, uint32_t most, struct text *out) {
    uint32_t never = c->n - n_failed(c);
    add_head(c, out);
    if (!never) {
        text_add(out, c->wanted.estimated
                          ? "\nNothing in the sample was never failed.\n"
                          : "\nNothing that was asked for was never failed.\n");
        return;
    }
    text_addf(out, "\nNever failed: %u site%s, the most called first%s\n", never,
              never == 1 ? "" : "s", c->wanted.estimated ? " (about)" : "");
    for (uint32_t i = 0; i < never && (!most || i < most); i++) {
        const struct demand_site *s = c->list[i].site;
        char calls[32], bytes[16];
        text_addf(out, "  %12s calls  %9s  %s in ", text_count(s->calls, calls),
                  text_bytes(s->largest, bytes), s->op);
        short_name_add_place(s->location, out);
        text_add(out, ": ");
        add_answer(&c->list[i], out);
        text_add(out, "\n");
    }
    if (most && never > most)
        text_addf(out, "  ... %u more: --stacks, or --format json\n", never - most);
}

/* --- JSON --- */

static void add_site(struct json *j, const struct asked *a) {
    static const char *const answers[] = {"not_recorded", "never_failed", "failed"};
    static const char *const matches[] = {"none", "key", "portable_key"};
    char key[DEARTH_KEY_HEX + 1];
    text_key(a->site->key, key);
    json_open(j, NULL, '{');
    json_text(j, "key", key);
    json_text(j, "op", a->site->op);
    json_text(j, "location", a->site->location);
    json_int(j, "calls", (int64_t)a->site->calls);
    json_int(j, "bytes", (int64_t)a->site->bytes);
    json_int(j, "largest", (int64_t)a->site->largest);
    json_text(j, "answer", answers[a->answer]);
    json_text(j, "match", matches[a->match]);
    json_int(j, "confidence", confidence(a));
    json_close(j, '}');
}

static void add_json(const struct comparison *c, struct text *out) {
    struct json j = {.out = out};
    json_open(&j, NULL, '{');
    json_text(&j, "format", "dearth-demand");
    json_int(&j, "version", 1);
    json_bool(&j, "estimated", c->wanted.estimated);
    json_int(&j, "sites_total", c->n);
    json_int(&j, "sites_failed", n_failed(c));
    json_int(&j, "calls", (int64_t)c->calls);
    json_int(&j, "calls_failed", (int64_t)c->failed_calls);
    json_open(&j, "sites", '[');
    for (uint32_t i = 0; i < c->n; i++)
        add_site(&j, &c->list[i]);
    json_close(&j, ']');
    json_close(&j, '}');
    text_add(out, "\n");
}

int report_demand(struct store *store, const char *production, bool json, uint32_t most,
                  struct text *out) {
    struct comparison c = {.production = production, .ci = store->path};
    int r = demand_load(production, &c.wanted);
    if (r == 0)
        r = demand_read(store, &c.had);
    c.list = text_alloc((c.wanted.n + 1) * sizeof *c.list);
    for (uint32_t i = 0; r == 0 && i < c.wanted.n; i++)
        if (c.wanted.sites[i].calls)
            ask(&c, &c.wanted.sites[i]);
    if (c.n)
        qsort(c.list, c.n, sizeof *c.list, by_demand);
    if (r == 0 && json)
        add_json(&c, out);
    else if (r == 0)
        add_text(&c, most, out);
    free(c.list);
    demand_deinit(&c.wanted);
    demand_deinit(&c.had);
    return r;
}
