/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planning: see plan.h. Pure.
 *
 *   filter    every frame is matched once against every glob, every stack node inherits
 * from its parent: a site costs one look, however deep its stack faults    per site: its
 * occurrences × modes, minus what earlier attempts settled; `tier` counts them 0, 1, …
 *   rounds    per location: sort by (tier, urgency, size, key); the place in that order
 * is the fault's round order     sort all by (round, urgency, size, key)
 */
#include "plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "text.h"

enum urgency { URGENT_BAD, URGENT_UNTESTED, URGENT_REST };

/* What earlier attempts say about a site. */
struct past {
    bool fired; /* some fault fired */
    bool bad;   /* some verdict was bad */
};

struct candidate {
    struct plan_fault fault;
    uint32_t tier, round;
    enum urgency urgency;
    uint64_t demand, size;
    struct dearth_key key;
    int64_t location;
};

struct planner {
    const struct plan_input *in;
    const struct plan_options *options;
    bool *stack_in, *stack_out; /* by stack: some frame matches in / not_in */
    bool *stack_own;
    bool *stack_changed;           /* by stack: some frame is in what changed */
    bool *chosen;                  /* by site: named by --site */
    struct past *past;             /* by site */
    struct plan_attempt *attempts; /* sorted by site, occurrence, mode */
    uint32_t n_attempts;           /* made under what this plan is for */
    struct candidate *candidates;
    uint32_t n_candidates;
};

void plan_deinit(struct plan *plan) {
    free(plan->faults);
    free(plan->left_out);
    free(plan->passed);
    *plan = (struct plan){0};
}

bool plan_is_bad(enum verdict verdict) {
    return verdict_severity(verdict) >= SEVERITY_WARNING;
}

bool plan_is_explorable(enum verdict verdict) {
    return verdict == VERDICT_HANDLED || verdict == VERDICT_REPORTED ||
           verdict == VERDICT_DEGRADED || verdict == VERDICT_ABORTED;
}

/* --- options --- */

static int parse_number(const char *text, char end, uint64_t *out) {
    char *stop;
    errno = 0;
    *out = strtoull(text, &stop, 10);
    return stop == text || *stop != end || errno || *text == '-' || *out == 0 ? -EINVAL
                                                                              : 0;
}

int plan_parse_occurrence(const char *text, struct plan_options *out) {
    static const char *const names[] = {"first", "last", "all", "log2"};
    for (int i = PLAN_FIRST; i <= PLAN_LOG2; i++)
        if (strcmp(text, names[i]) == 0) {
            out->occurrence = (enum plan_occurrence)i;
            return 0;
        }
    out->occurrence = PLAN_NTH;
    return parse_number(text, '\0', &out->nth);
}

int plan_parse_calls(const char *text, struct plan_options *out) {
    const char *dash = strchr(text, '-');
    int r = parse_number(text, dash ? '-' : '\0', &out->call_first);
    out->call_last = out->call_first;
    if (r == 0 && dash)
        r = parse_number(dash + 1, '\0', &out->call_last);
    return r < 0 || out->call_last < out->call_first ? -EINVAL : 0;
}

/* --- filters --- */

static bool path_matches(const char *glob, const char *path) {
    return path && (text_glob(glob, path) || text_glob(glob, text_basename(path)));
}

/* With its parameters or without: "ns::f" means "ns::f(int)"; or its crate. */
static bool function_matches(const char *glob, const struct plan_frame *f,
                             uint32_t symbol) {
    const struct frame frame = {.function = f->functions[symbol],
                                .linkage_name = f->linkage ? f->linkage[symbol] : NULL,
                                .file = f->files[symbol]};
    return frame_function_matches(&frame, glob);
}

bool plan_symbol_matches(const struct plan_frame *f, uint32_t symbol,
                         const char *const *globs, uint32_t n) {
    for (uint32_t g = 0; g < n; g++)
        if (path_matches(globs[g], f->module) ||
            (symbol < f->n_symbols && (function_matches(globs[g], f, symbol) ||
                                       path_matches(globs[g], f->files[symbol]))))
            return true;
    return false;
}

static bool matches_any(const struct plan_frame *f, const char *const *globs,
                        uint32_t n) {
    uint32_t s = 0;
    do
        if (plan_symbol_matches(f, s, globs, n))
            return true;
    while (++s < f->n_symbols);
    return false;
}

/* By stack: is one of @frames on it? */
static bool *spread(const struct plan_input *in, const bool *frames) {
    bool *stacks = text_alloc(in->n_stacks + 1);
    for (uint32_t i = 0; i < in->n_stacks; i++) {
        const struct plan_stack *s = &in->stacks[i];
        stacks[i] = frames[s->frame] || (s->parent && stacks[s->parent - 1]);
    }
    return stacks;
}

static bool *match_stacks(const struct plan_input *in, const char *const *globs,
                          uint32_t n) {
    bool *frames = text_alloc(in->n_frames + 1);
    for (uint32_t i = 0; n && i < in->n_frames; i++)
        frames[i] = matches_any(&in->frames[i], globs, n);
    bool *stacks = spread(in, frames);
    free(frames);
    return stacks;
}

static bool is_own(const struct plan_frame *f, const struct plan_options *o) {
    uint32_t s = 0;
    do
        if (plan_symbol_matches(f, s, o->own, o->n_own) &&
            !plan_symbol_matches(f, s, o->not_own, o->n_not_own))
            return true;
    while (++s < f->n_symbols);
    return false;
}

static bool *own_stacks(const struct plan_input *in, const struct plan_options *o) {
    bool *frames = text_alloc(in->n_frames + 1);
    for (uint32_t i = 0; o->n_own && i < in->n_frames; i++)
        frames[i] = is_own(&in->frames[i], o);
    bool *stacks = spread(in, frames);
    free(frames);
    return stacks;
}

static bool *changed_stacks(const struct plan_input *in) {
    bool *frames = text_alloc(in->n_frames + 1);
    for (uint32_t i = 0; i < in->n_frames; i++)
        frames[i] = in->frames[i].changed;
    bool *stacks = spread(in, frames);
    free(frames);
    return stacks;
}

/* The first of a site's picks, n_picks when it has none. */
static uint32_t first_pick(const struct plan_input *in, uint32_t site) {
    uint32_t low = 0, high = in->n_picks;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (in->picks[middle].site < site)
            low = middle + 1;
        else
            high = middle;
    }
    return low < in->n_picks && in->picks[low].site == site ? low : in->n_picks;
}

static int choose_site(const struct planner *w, const char *wanted, char **error) {
    uint32_t found = 0;
    size_t length = strlen(wanted);
    for (uint32_t i = 0; i < w->in->n_sites; i++) {
        char hex[DEARTH_KEY_HEX + 1];
        text_key(w->in->sites[i].key, hex);
        if (length > DEARTH_KEY_HEX || strncasecmp(hex, wanted, length) != 0)
            continue;
        w->chosen[i] = true;
        found++;
    }
    if (found == 1 && length > 0)
        return 0;
    *error =
        found ? text_format("--site %s: %u sites begin with it; give more digits", wanted,
                            found)
              : text_format("--site %s: the recording has no such site; 'dearth replay "
                            "--dry-run' lists them",
                            wanted);
    return -EINVAL;
}

static bool passes(const struct planner *w, uint32_t index) {
    const struct plan_options *o = w->options;
    const struct plan_site *s = &w->in->sites[index];
    if (o->n_sites && !w->chosen[index])
        return false;
    if (o->n_own && !(s->stack && w->stack_own[s->stack - 1]))
        return false;
    if (o->n_in && !(s->stack && w->stack_in[s->stack - 1]))
        return false;
    if (o->n_not_in && s->stack && w->stack_out[s->stack - 1])
        return false;
    if (o->changed_since && !(s->stack && w->stack_changed[s->stack - 1]))
        return false;
    if (w->in->windows && w->in->windows[index].first > w->in->windows[index].last)
        return false;
    if (w->in->n_picks && first_pick(w->in, index) == w->in->n_picks)
        return false;
    if (o->min_size && s->max_size < o->min_size)
        return false;
    if (o->untested && w->past[index].fired)
        return false;
    return !o->n_shards || s->key.lo % o->n_shards == o->shard - 1;
}

/* --- earlier attempts --- */

static int compare_attempts(const void *a, const void *b) {
    const struct plan_attempt *x = a, *y = b;
    if (x->site_id != y->site_id)
        return x->site_id < y->site_id ? -1 : 1;
    if (x->occurrence != y->occurrence)
        return x->occurrence < y->occurrence ? -1 : 1;
    return (int)x->mode - (int)y->mode;
}

/* First of the sorted attempts at or after (site, occurrence, mode). */
static uint32_t lower_bound(const struct planner *w, const struct plan_attempt *key) {
    uint32_t low = 0, high = w->n_attempts;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_attempts(&w->attempts[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void look_back(struct planner *w) {
    uint32_t n = 0;
    w->attempts = text_alloc((w->in->n_attempts + 1) * sizeof *w->attempts);
    w->past = text_alloc((w->in->n_sites + 1) * sizeof *w->past);
    for (uint32_t i = 0; i < w->in->n_attempts; i++)
        if (w->in->attempts[i].under == w->options->under)
            w->attempts[n++] = w->in->attempts[i];
    w->n_attempts = n;
    qsort(w->attempts, n, sizeof *w->attempts, compare_attempts);
    for (uint32_t i = 0; i < w->in->n_sites; i++) {
        int64_t id = w->in->sites[i].id;
        for (uint32_t a = lower_bound(w, &(struct plan_attempt){.site_id = id});
             a < n && w->attempts[a].site_id == id; a++) {
            enum verdict v = w->attempts[a].verdict;
            if (w->attempts[a].survived)
                continue;
            w->past[i].fired |= v != VERDICT_UNREACHED;
            w->past[i].bad |= plan_is_bad(v);
        }
    }
}

/* Is a fault settled? An occurrence that never came up did not come up in any mode, so
 * it is not asked for again unless the user points at it (--site, --untested). A bad verdict
 * is settled after options->repeat more executions, a hang when a longer limit has confirmed
 * it. For depth 2 it must be known what came up after the failure.
 * @f: done, bad and explore are filled in */
static bool settled(const struct planner *w, struct plan_fault *f) {
    bool explore = w->options->depth > 1 && f->mode == MODE_ONCE;
    f->done = 0;
    f->bad = false;
    f->explore = explore;
    if (w->options->retest)
        return false;
    int64_t site_id = w->in->sites[f->site].id;
    bool ask_again = w->options->untested || w->options->n_sites;
    bool hung = false, unreached = false, confirmed = false, explorable = false;
    bool survived = false;
    struct plan_attempt key = {.site_id = site_id, .occurrence = f->occurrence};
    for (uint32_t a = lower_bound(w, &key);
         a < w->n_attempts && w->attempts[a].site_id == site_id &&
         w->attempts[a].occurrence == f->occurrence;
         a++) {
        if (w->attempts[a].thread != w->options->thread)
            continue;
        if (w->attempts[a].verdict == VERDICT_UNREACHED)
            unreached = true;
        if (w->attempts[a].mode != f->mode ||
            (f->mode == MODE_BURST && w->attempts[a].burst != w->options->burst) ||
            (f->mode != MODE_ONCE && !key_equal(w->attempts[a].scope, w->options->scope)))
            continue;
        survived |= w->attempts[a].survived;
        if (w->attempts[a].survived)
            continue;
        f->bad |= plan_is_bad(w->attempts[a].verdict);
        hung |= w->attempts[a].verdict == VERDICT_HUNG;
        confirmed |= w->attempts[a].confirmed;
        explorable |= plan_is_explorable(w->attempts[a].verdict);
        f->explore &= !w->attempts[a].explored;
        f->done++;
    }
    if (explorable && f->explore)
        return false;
    if (f->bad)
        return confirmed || f->done > w->options->repeat || (hung && f->done >= 2);
    if (unreached)
        return !ask_again;
    return f->done > 0 || survived;
}

/* --- faults --- */

/* @chosen: site, occurrence, call */
static void add_fault(struct planner *w, const struct plan_pick *chosen,
                      enum fault_mode mode, uint32_t *tier) {
    uint32_t site = chosen->site;
    const struct plan_site *s = &w->in->sites[site];
    struct plan_fault fault = {.site = site,
                               .occurrence = chosen->occurrence,
                               .mode = mode,
                               .call = chosen->call};
    if (settled(w, &fault))
        return;
    w->candidates = text_grow(w->candidates, w->n_candidates, sizeof *w->candidates);
    w->candidates[w->n_candidates++] = (struct candidate){
        .fault = fault,
        .tier = (*tier)++,
        .urgency = w->past[site].bad      ? URGENT_BAD
                   : !w->past[site].fired ? URGENT_UNTESTED
                                          : URGENT_REST,
        .demand = s->demand,
        .size = s->max_size,
        .key = s->key,
        .location = s->location,
    };
}

static void add_modes(struct planner *w, const struct plan_pick *chosen, uint32_t *tier) {
    if (w->options->burst) {
        add_fault(w, chosen, MODE_BURST, tier);
        return;
    }
    if (w->options->mode != PLAN_STICKY)
        add_fault(w, chosen, MODE_ONCE, tier);
    if (w->options->mode != PLAN_ONCE)
        add_fault(w, chosen, MODE_STICKY, tier);
}

static void add_site(struct planner *w, uint32_t site) {
    const struct plan_input *in = w->in;
    uint64_t count = in->sites[site].count ? in->sites[site].count : 1;
    uint64_t skipped = in->windows ? in->windows[site].first - 1 : 0;
    uint64_t nth = w->options->nth;
    uint32_t tier = 0;
    struct plan_pick one = {.site = site};
    if (in->windows)
        count = in->windows[site].last - skipped;
    for (uint32_t i = first_pick(in, site); i < in->n_picks && in->picks[i].site == site;
         i++)
        add_modes(w, &in->picks[i], &tier);
    if (in->n_picks)
        return;
    switch (w->options->occurrence) {
    case PLAN_FIRST:
        one.occurrence = skipped + 1;
        add_modes(w, &one, &tier);
        break;
    case PLAN_LAST:
        one.occurrence = skipped + count;
        add_modes(w, &one, &tier);
        break;
    case PLAN_NTH:
        one.occurrence = skipped + (nth < count ? nth : count);
        add_modes(w, &one, &tier);
        break;
    case PLAN_ALL:
        for (uint64_t k = 1; k <= count && k <= PLAN_ALL_LIMIT; k++) {
            one.occurrence = skipped + k;
            add_modes(w, &one, &tier);
        }
        break;
    case PLAN_LOG2:
        for (uint64_t k = 1; k < count && k; k *= 2) {
            one.occurrence = skipped + k;
            add_modes(w, &one, &tier);
        }
        one.occurrence = skipped + count;
        add_modes(w, &one, &tier);
        break;
    }
}

/* --- order --- */

static int compare_rank(const struct candidate *a, const struct candidate *b) {
    if (a->demand != b->demand)
        return a->demand > b->demand ? -1 : 1;
    if (a->urgency != b->urgency)
        return a->urgency < b->urgency ? -1 : 1;
    if (a->size != b->size)
        return a->size > b->size ? -1 : 1;
    int key = key_compare(a->key, b->key);
    if (key)
        return key;
    return a->tier < b->tier ? -1 : a->tier > b->tier;
}

static int compare_in_location(const void *x, const void *y) {
    const struct candidate *a = x, *b = y;
    if (a->location != b->location)
        return a->location < b->location ? -1 : 1;
    if (a->tier != b->tier)
        return a->tier < b->tier ? -1 : 1;
    return compare_rank(a, b);
}

static int compare_final(const void *x, const void *y) {
    const struct candidate *a = x, *b = y;
    if (a->tier != b->tier)
        return a->tier < b->tier ? -1 : 1;
    if (a->round != b->round)
        return a->round < b->round ? -1 : 1;
    return compare_rank(a, b);
}

static void order_candidates(struct planner *w) {
    struct candidate *c = w->candidates;
    if (!w->n_candidates)
        return;
    qsort(c, w->n_candidates, sizeof *c, compare_in_location);
    for (uint32_t i = 0; i < w->n_candidates; i++) {
        /* a site without a location is one of its own */
        bool same = i && c[i].location && c[i].location == c[i - 1].location &&
                    c[i].tier == c[i - 1].tier;
        c[i].round = same ? c[i - 1].round + 1 : 0;
    }
    qsort(c, w->n_candidates, sizeof *c, compare_final);
}

/* --- the whole --- */

static void leave_out(struct plan *out, uint32_t site, enum reason reason) {
    out->left_out[out->n_left_out++] = (struct plan_left_out){site, reason};
}

/* A test harness's own, which nobody has named: by its key, by the number of a call, as own or as the scope. */
static bool is_harness(const struct planner *w, uint32_t site) {
    const struct plan_options *o = w->options;
    uint32_t frame = w->in->sites[site].harness;
    return frame && !o->n_sites && !o->call_first &&
           !matches_any(&w->in->frames[frame - 1], o->in, o->n_in) &&
           !matches_any(&w->in->frames[frame - 1], o->own, o->n_own);
}

static void select_sites(struct planner *w, struct plan *out) {
    for (uint32_t i = 0; i < w->in->n_sites; i++) {
        uint32_t before = w->n_candidates;
        if (!w->in->sites[i].failable || is_harness(w, i)) {
            out->n_harness += w->in->sites[i].failable;
            leave_out(out, i, REASON_NOT_FAILABLE);
        } else if (!passes(w, i)) {
            leave_out(out, i, REASON_FILTERED);
        } else {
            out->passed[i] = true;
            add_site(w, i);
            out->n_done_sites += w->n_candidates == before;
        }
    }
}

/* Keep the first `limit` faults; a site that loses all of its own is left out by the
 * budget. */
static void take_faults(const struct planner *w, struct plan *out) {
    uint32_t n = w->n_candidates;
    if (w->options->limit && w->options->limit < n)
        n = (uint32_t)w->options->limit;
    bool *planned = text_alloc(w->in->n_sites + 1);
    out->faults = text_alloc((n + 1) * sizeof *out->faults);
    for (uint32_t i = 0; i < w->n_candidates; i++) {
        uint32_t site = w->candidates[i].fault.site;
        if (i < n) {
            out->faults[out->n_faults++] = w->candidates[i].fault;
            out->n_planned_sites += !planned[site];
            planned[site] = true;
        } else if (!planned[site]) {
            planned[site] = true;
            leave_out(out, site, REASON_BUDGET);
        }
    }
    free(planned);
}

int plan_make(const struct plan_input *input, const struct plan_options *options,
              struct plan *out, char **error) {
    struct planner w = {.in = input, .options = options};
    *out = (struct plan){0};
    *error = NULL;
    w.chosen = text_alloc(input->n_sites + 1);
    for (uint32_t i = 0; i < options->n_sites; i++)
        if (choose_site(&w, options->sites[i], error) < 0) {
            free(w.chosen);
            return -EINVAL;
        }
    w.stack_own = own_stacks(input, options);
    w.stack_in = match_stacks(input, options->in, options->n_in);
    w.stack_out = match_stacks(input, options->not_in, options->n_not_in);
    w.stack_changed = changed_stacks(input);
    out->left_out = text_alloc((input->n_sites + 1) * sizeof *out->left_out);
    out->passed = text_alloc(input->n_sites + 1);
    look_back(&w);
    select_sites(&w, out);
    order_candidates(&w);
    take_faults(&w, out);
    free(w.chosen);
    free(w.stack_own);
    free(w.stack_in);
    free(w.stack_out);
    free(w.stack_changed);
    free(w.past);
    free(w.attempts);
    free(w.candidates);
    return 0;
}
