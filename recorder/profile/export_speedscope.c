/* SPDX-License-Identifier: Apache-2.0 */
/* `dearth export --format speedscope`: see export.h. */
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "idmap.h"

/* Frames get a number each, in the order in which they are first met. */
struct table {
    struct profile frames; /* key = JSON of the frame; n.count = its number + 1 */
    struct text json;      /* the list, without brackets */
    struct idmap
        numbers; /* row of `frame` and inlined call → its number + 1: most are met again */
};

static uint64_t frame_number(struct table *t, const char *json) {
    struct profile_item *item = profile_item(&t->frames, json, "");
    if (!item->n.count) {
        item->n.count = t->frames.n_items;
        text_add(&t->json, item->n.count > 1 ? ",\n" : "\n");
        text_add(&t->json, json);
    }
    return item->n.count - 1;
}

static uint64_t number_of_name(struct table *t, const char *name) {
    AUTO_TEXT struct text json = {0};
    text_add(&json, "{\"name\":");
    text_add_json(&json, name);
    text_add(&json, "}");
    return frame_number(t, json.data);
}

static uint64_t number_of_frame(struct table *t, const struct frame *f) {
    int64_t key = (int64_t)((uint64_t)f->frame_id << 16 | f->inline_index) + 1, known;
    if (idmap_get(&t->numbers, key, &known))
        return (uint64_t)known - 1;
    AUTO_TEXT struct text json = {0};
    AUTO_TEXT struct text name = {0};
    export_add_frame(&name, f);
    text_add(&json, "{\"name\":");
    text_add_json(&json, name.data);
    text_add(&json, ",\"file\":");
    text_add_json(&json, f->file ? f->file : f->module);
    if (f->file && f->line)
        text_addf(&json, ",\"line\":%u", f->line);
    text_add(&json, "}");
    uint64_t number = frame_number(t, json.data);
    idmap_put(&t->numbers, key, (int64_t)number + 1);
    return number;
}

/* A sample: frame numbers, outermost first. */
static int add_sample(struct export *e, const struct profile_item *item, struct table *t,
                      struct text *samples) {
    AUTO_FRAMES struct frames frames = {0};
    int r = frames_load(e->frames, item->stack_id, &frames);
    if (r < 0)
        return r;
    text_addf(samples, "[%llu",
              (unsigned long long)number_of_name(t, export_program(item)));
    for (uint32_t i = frames.n; i-- > 0;)
        text_addf(samples, ",%llu",
                  (unsigned long long)number_of_frame(t, &frames.items[i]));
    text_addf(samples, ",%llu]", (unsigned long long)number_of_name(t, item->op));
    return 0;
}

int export_speedscope(struct export *e, FILE *out) {
    AUTO_TEXT struct text samples = {0};
    AUTO_TEXT struct text weights = {0};
    AUTO_TEXT struct text name = {0};
    struct table t = {0};
    uint64_t total = 0;
    int r = 0;
    for (uint32_t i = 0; i < e->profile.n_items && r == 0; i++) {
        uint64_t cost = profile_cost(&e->profile.items[i].n, e->cost);
        if (!cost)
            continue;
        text_add(&samples, samples.n ? ",\n" : "");
        r = add_sample(e, &e->profile.items[i], &t, &samples);
        text_addf(&weights, weights.n ? ",%llu" : "%llu", (unsigned long long)cost);
        total += cost;
    }
    if (r == 0) {
        bool calls = e->cost == PROFILE_COUNT || e->cost == PROFILE_TEMPORARY;
        AUTO_TEXT struct text shown = {0};
        text_addf(&shown, "%s%s", e->heading.command,
                  e->heading.sample_bytes ? " (estimates from a sample)" : "");
        text_add_json(&name, shown.data);
        fprintf(out,
                "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
                "\"exporter\":\"dearth " DEARTH_VERSION "\",\"name\":%s,"
                "\"activeProfileIndex\":0,\n\"shared\":{\"frames\":[%s\n]},\n",
                name.data, t.json.data ? t.json.data : "");
        fprintf(out,
                "\"profiles\":[{\"type\":\"sampled\",\"name\":%s,\"unit\":\"%s\","
                "\"startValue\":0,\"endValue\":%llu,\n\"samples\":[%s],\n\"weights\":[%s]"
                "}]}\n",
                name.data, calls ? "none" : "bytes", (unsigned long long)total,
                samples.data ? samples.data : "", weights.data ? weights.data : "");
    }
    profile_deinit(&t.frames);
    text_deinit(&t.json);
    idmap_deinit(&t.numbers);
    return r;
}
