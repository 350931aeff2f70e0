/* SPDX-License-Identifier: Apache-2.0 */
/* What runs, for people: see top.h. Values in, text out. */
#include <string.h>

#include "listing.h"
#include "short_name.h"
#include "terminal.h"
#include "top.h"

#define BAR_MOST 40u /* columns */

static double seconds_between(const struct top_now *before, const struct top_now *now) {
    return before && now->read_ns > before->read_ns
               ? (double)(now->read_ns - before->read_ns) / 1e9
               : 0;
}

static uint64_t rate(uint64_t now, uint64_t before, double seconds) {
    return seconds > 0 && now > before ? (uint64_t)((double)(now - before) / seconds) : 0;
}

static void add_count(struct text *out, uint64_t n, const char *one, const char *many) {
    char buf[32];
    text_addf(out, "%s %s", text_count(n, buf), n == 1 ? one : many);
}

static void add_rate(struct text *out, uint64_t n) {
    char buf[32];
    text_addf(out, " (%s/s)", text_count(n, buf));
}

static void add_state(const struct top_now *now, struct text *out) {
    char buf[24];
    if (now->recording_runs)
        terminal_say(out, COLOR_GOOD, "recording");
    else if (now->left)
        terminal_say(out, COLOR_WARNING,
                     "its dearth is gone ('dearth recover' completes it)");
    else
        text_say(out, "%s", now->state ? now->state : "?");
    text_addf(out, ", %s", text_duration(now->duration_ns, buf));
}

static void add_sums(const struct top_now *now, const struct top_now *before,
                     struct text *out) {
    double s = now->recording_runs ? seconds_between(before, now) : 0;
    char a[32], b[16];
    text_add(out, now->sample_bytes ? "  estimates from a sample: about " : "  ");
    add_count(out, now->allocations, "allocation", "allocations");
    if (s > 0)
        add_rate(out, rate(now->allocations, before->allocations, s));
    text_addf(out, " of %s", text_bytes(now->bytes, b));
    if (s > 0)
        text_addf(out, " (%s/s)", text_bytes(rate(now->bytes, before->bytes, s), b));
    text_add(out, ", ");
    add_count(out, now->frees, "free", "frees");
    if (s > 0)
        add_rate(out, rate(now->frees, before->frees, s));
    text_addf(out, ", %s failed\n  live ", text_count(now->failed, a));
    terminal_say(out, COLOR_TITLE, "%s", text_bytes(now->live_bytes, b));
    text_add(out, " in ");
    add_count(out, now->live_blocks, "block", "blocks");
    text_addf(out, ", peak %s", text_bytes(now->peak_bytes, b));
    if (now->lost)
        terminal_say(out, COLOR_WARNING, ", %s events lost", text_count(now->lost, a));
    text_add(out, "\n  ");
    add_count(out, now->processes, "process", "processes");
    text_addf(out, " (%s alive), ", text_count(now->recording_runs ? now->alive : 0, a));
    add_count(out, now->threads, "thread", "threads");
    text_add(out, ", ");
    add_count(out, now->sites, "site", "sites");
    text_add(out, "\n");
}

/* --- the replay --- */

static double part_done(const struct top_now *now) {
    double part = now->planned ? (double)now->faults / (double)now->planned : 0;
    return part > 1 ? 1 : part;
}

static void add_replay(const struct top_now *now, const struct top_now *before,
                       struct text *out) {
    char a[32], b[32], left[24];
    double s = before && before->replay == now->replay ? seconds_between(before, now) : 0;
    double part = part_done(now);
    text_addf(out, "replay %lld: ", (long long)now->replay);
    if (now->replay_runs && !now->planned) {
        text_add(out, "runs without a fault come first");
        return;
    }
    text_addf(out, "%s of %s faults", text_count(now->faults, a),
              text_count(now->planned, b));
    if (!now->replay_runs) {
        text_say(out, ", %s", now->replay_state ? now->replay_state : "?");
        return;
    }
    if (s > 0)
        text_addf(out, ", %s/s",
                  text_count(rate(now->executions, before->executions, s), a));
    if (part > 0 && part < 1)
        text_addf(
            out, ", %s left",
            text_left((uint64_t)((double)now->replay_ns / part * (1 - part)), left));
}

static void add_found(const struct top_now *now, struct text *out) {
    for (enum verdict v = N_VERDICTS - 1; v > VERDICT_NONE; v--) {
        if (!now->found[v])
            continue;
        text_add(out, ", ");
        terminal_say(out, verdict_severity(v) == SEVERITY_BUG ? COLOR_BUG : COLOR_WARNING,
                     "%s at %llu location%s", verdict_name(v),
                     (unsigned long long)now->found[v], now->found[v] == 1 ? "" : "s");
    }
}

static void add_bar(const struct top_now *now, unsigned width, struct text *out) {
    unsigned n = width && width < BAR_MOST + 12 ? width - 12 : BAR_MOST;
    unsigned done = (unsigned)(part_done(now) * n);
    text_add(out, "  [");
    terminal_begin(out, COLOR_GOOD);
    for (unsigned i = 0; i < n; i++)
        text_add(out, i < done ? "#" : ".");
    terminal_end(out);
    text_addf(out, "] %.0f %%\n", part_done(now) * 100);
}

/* --- sites --- */

static void add_item(struct listing *l, const struct top_site *item,
                     const struct idmap *bytes_before, double seconds) {
    char a[32], b[16];
    int64_t known;
    struct text name = {0};
    listing_row(l);
    listing_cell(l, 10, N_COLORS, text_bytes(item->live_bytes, b));
    listing_cell(l, 10, N_COLORS, text_bytes(item->bytes, b));
    if (seconds > 0 && idmap_get(bytes_before, item->id, &known))
        listing_cell(l, 10, N_COLORS,
                     text_bytes(rate(item->bytes, (uint64_t)known, seconds), b));
    else
        listing_cell(l, 10, N_COLORS, "-");
    listing_cell(l, 13, N_COLORS, text_count(item->count, a));
    short_name_add_place(item->name ? item->name : "?", &name);
    l->rows[l->n_rows - 1].name = text_take(&name);
    l->rows[l->n_rows - 1].rest = text_format(" [%s]", item->op);
}

static void add_items(const struct top_now *now, const struct top_now *before,
                      const struct idmap *bytes_before, unsigned width,
                      struct text *out) {
    static const char *const titles[] = {"live", "bytes", "bytes/s", "count"};
    AUTO_LISTING struct listing l = {.width = width};
    double seconds = now->recording_runs ? seconds_between(before, now) : 0;
    listing_row(&l)->heading = true;
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        listing_cell(&l, i == 3 ? 13 : 10, N_COLORS, titles[i]);
    l.rows[0].name = text_dup("where");
    for (uint32_t i = 0; i < now->n_items; i++)
        add_item(&l, &now->items[i], bytes_before, seconds);
    listing_add(&l, out);
}

/* --- */

void top_text(const struct top_now *now, const struct top_now *before,
              const struct idmap *bytes_before, const char *path, unsigned width,
              struct text *out) {
    size_t start = out->n;
    if (!now->recording) {
        text_say(out, "%s: nothing is recorded in it yet\n", path);
        return;
    }
    text_addf(out, "recording %lld of ", (long long)now->recording);
    text_say(out, "%s: %s\n  ", path, now->command);
    add_state(now, out);
    text_add(out, "\n");
    add_sums(now, before, out);
    if (now->replay) {
        add_replay(now, before, out);
        add_found(now, out);
        text_add(out, "\n");
        if (now->replay_runs)
            add_bar(now, width, out);
    }
    text_add(out, "\n");
    terminal_wrap(out, start, width);
    if (now->n_items)
        add_items(now, before, bytes_before, width, out);
    else
        text_add(out, "no sums of sites yet\n");
}

void top_text_line(const struct top_now *now, const struct top_now *before,
                   struct text *out) {
    char a[32], b[16], c[24];
    double s = now->recording_runs ? seconds_between(before, now) : 0;
    if (now->replay_runs) {
        add_replay(now, before, out);
        add_found(now, out);
        text_add(out, "\n");
        return;
    }
    text_addf(out, "recording %lld: %s, %s%s allocations", (long long)now->recording,
              text_duration(now->duration_ns, c),
              now->sample_bytes ? "estimates from a sample: about " : "",
              text_count(now->allocations, a));
    if (s > 0)
        add_rate(out, rate(now->allocations, before->allocations, s));
    text_addf(out, " of %s", text_bytes(now->bytes, b));
    text_addf(out, ", live %s", text_bytes(now->live_bytes, b));
    text_addf(out, ", peak %s\n", text_bytes(now->peak_bytes, b));
}
