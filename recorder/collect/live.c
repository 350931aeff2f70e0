/* SPDX-License-Identifier: Apache-2.0 */
/* Live blocks of one process: see live.h. Run by the collector, one thread. */
#include "live.h"

#include <stdlib.h>
#include <string.h>

#include "live_map.h"
#include "text.h"
#include "weight.h"

struct lane {            /* what one ring's thread is doing */
    uint64_t last_index; /* event number of its last allocation; CHUNK_NONE at first */
    uint64_t begin_ns;   /* of a realloc under way */
    struct live_block pending; /* its old block; address 0 = none or not known */
};

struct live {
    uint64_t sample_bytes;
    struct live_sum *sum; /* NULL once the process has left it */
    struct live_totals totals;
    struct live_map map;
    struct lane *lanes;
    uint32_t n_lanes;
    struct live_stat *stats;
    uint32_t n_stats;
};

/* --- sums --- */

static inline struct live_stat *stat_of(struct live *l, uint32_t site) {
    if (site >= l->n_stats) /* for every event: no call for most */
        l->stats = text_reach(l->stats, &l->n_stats, site, sizeof *l->stats);
    return &l->stats[site];
}

static void add_lanes(struct live *l, uint32_t ring) {
    l->lanes = text_realloc(l->lanes, (ring + 1) * sizeof *l->lanes);
    for (; l->n_lanes <= ring; l->n_lanes++)
        l->lanes[l->n_lanes] = (struct lane){.last_index = CHUNK_NONE};
}

static inline struct lane *lane_of(struct live *l, uint32_t ring) {
    if (ring >= l->n_lanes)
        add_lanes(l, ring);
    return &l->lanes[ring];
}

/* What block @b stands for: the same whenever it is asked. */
static inline struct weight weight_of(const struct live *l, const struct live_block *b) {
    if (!l->sample_bytes)
        return (struct weight){1, b->size};
    return weight_sampled(l->sample_bytes, b->size, b->index ^ b->address << 16);
}

/* Failures are all seen. */
static inline struct weight weight_of_call(const struct live *l,
                                           const struct live_input *in, bool success) {
    const struct live_block b = {.address = in->event->address,
                                 .size = in->event->size,
                                 .index = l->totals.events};
    return success ? weight_of(l, &b) : (struct weight){1, 0};
}

static inline struct live_stat *count_call(struct live *l, const struct live_input *in,
                                           bool success) {
    struct live_stat *s = stat_of(l, in->site);
    const struct weight w = weight_of_call(l, in, success);
    uint64_t size = in->event->size;
    bool zero_realloc = in->event->kind == SHM_EV_REALLOC_END && !size;
    bool first = success ? s->count == s->failed : !s->count;
    if (!s->count) {
        s->first_ns = s->last_ns = in->time_ns;
        s->first_thread = in->thread;
    }
    s->count += w.calls;
    if (in->time_ns > s->last_ns)
        s->last_ns = in->time_ns;
    else if (in->time_ns < s->first_ns)
        s->first_ns = in->time_ns;
    bool never = in->event->aux & SHM_AUX_NEVER, failable = !zero_realloc && !never;
    if (never)
        s->never += w.calls;
    s->failable += failable ? w.calls : 0;
    s->outside += failable && !(in->event->aux & SHM_AUX_INSIDE) ? w.calls : 0;
    if (first || (success && size < s->min_size))
        s->min_size = size;
    if (first || (success && size > s->max_size))
        s->max_size = size;
    if (success && l->sample_bytes)
        s->samples++;
    if (in->event->kind == SHM_EV_ASKED) {
        l->totals.asked += w.calls; /* the memory is the program's own: no bytes */
    } else if (success) {
        s->bytes += w.bytes;
        l->totals.bytes += w.bytes;
        l->totals.allocations += w.calls;
    } else {
        s->failed++;
        l->totals.failed++;
    }
    return s;
}

static inline void add_live(struct live *l, struct live_stat *s,
                            const struct live_block *b, uint64_t now) {
    const struct weight w = weight_of(l, b);
    s->live_blocks += w.calls;
    s->live_bytes += w.bytes;
    if (s->live_blocks > s->peak_blocks)
        s->peak_blocks = s->live_blocks;
    if (s->live_bytes > s->peak_bytes)
        s->peak_bytes = s->live_bytes;
    l->totals.live_blocks += w.calls;
    l->totals.live_bytes += w.bytes;
    if (!l->sum)
        return;
    l->sum->bytes += w.bytes;
    if (l->sum->bytes > l->sum->peak_bytes) {
        l->sum->peak_bytes = l->sum->bytes;
        l->sum->peak_ns = now;
    }
}

static inline struct live_stat *remove_live(struct live *l, const struct live_block *b) {
    struct live_stat *s = stat_of(l, b->site);
    const struct weight w = weight_of(l, b);
    s->live_blocks -= w.calls;
    s->live_bytes -= w.bytes;
    l->totals.live_blocks -= w.calls;
    l->totals.live_bytes -= w.bytes;
    if (l->sum)
        l->sum->bytes -= w.bytes;
    return s;
}

/* The block of a realloc under way that came to nothing. */
static void put_back(struct live *l, struct live_block *pending) {
    struct live_block stale;
    if (live_map_put(&l->map, pending, &stale)) {
        remove_live(l, &stale);
        l->totals.replaced++;
    }
    pending->address = 0;
}

/* --- events --- */

/* @index: number of the event that makes it */
static inline struct live_block block_of(const struct live_input *in, uint64_t index) {
    return (struct live_block){.address = in->event->address,
                               .size = in->event->size < LIVE_MAP_MOST_BYTES
                                           ? in->event->size
                                           : LIVE_MAP_MOST_BYTES,
                               .index = index,
                               .time_ns = in->time_ns,
                               .site = in->site,
                               .thread = in->thread};
}

static inline void start_block(struct live *l, const struct live_input *in,
                               struct live_stat *s) {
    uint64_t index = l->totals.events;
    const struct live_block b = block_of(in, index);
    struct live_block stale;
    if (live_map_put(&l->map, &b, &stale)) {
        remove_live(l, &stale);
        l->totals.replaced++;
        s = stat_of(l, in->site);
    }
    add_live(l, s, &b, in->time_ns);
    lane_of(l, in->ring)->last_index = index;
}

static inline void end_block(struct live *l, const struct live_input *in,
                             const struct live_block *b, uint64_t now) {
    struct live_stat *s = remove_live(l, b);
    const uint64_t n = weight_of(l, b).calls;
    s->frees += n;
    uint64_t lived;
    if (now > b->time_ns &&
        (__builtin_mul_overflow(n, now - b->time_ns, &lived) ||
         __builtin_add_overflow(s->lifetime_ns, lived, &s->lifetime_ns)))
        s->lifetime_ns = UINT64_MAX; /* a million blocks, of five hours each */
    if (b->thread != in->thread)
        s->cross_thread_frees += n;
    else if (!l->sample_bytes && lane_of(l, in->ring)->last_index == b->index)
        s->temporary++; /* of a sample, what was in between is not known */
}

/* Return: whether it was a call that counts: of a sample, only the end of what is in it. */
static inline bool apply_free(struct live *l, const struct live_input *in,
                              struct chunk_event *out) {
    struct live_block b;
    bool known = live_map_take(&l->map, in->event->address, &b);
    if (known) {
        l->totals.frees += weight_of(l, &b).calls;
        end_block(l, in, &b, in->time_ns);
        out->reference = b.index;
    } else if (!l->sample_bytes) {
        l->totals.frees++;
        l->totals.inherited++;
    }
    return known || !l->sample_bytes;
}

static void begin_realloc(struct live *l, const struct live_input *in) {
    struct lane *lane = lane_of(l, in->ring);
    if (lane->pending.address)
        put_back(l, &lane->pending); /* its second half was lost */
    lane->begin_ns = in->time_ns;
    if (!live_map_take(&l->map, in->event->address, &lane->pending) && !l->sample_bytes)
        l->totals.inherited++;
}

/* The old block of a sample's realloc, whose new one is not in it. */
static void go_realloc(struct live *l, const struct live_input *in) {
    struct lane *lane = lane_of(l, in->ring);
    struct live_block old = lane->pending;
    lane->pending.address = 0;
    if (old.address)
        end_block(l, in, &old, lane->begin_ns);
}

static void end_realloc(struct live *l, const struct live_input *in,
                        struct chunk_event *out) {
    struct lane *lane = lane_of(l, in->ring);
    struct live_block old = lane->pending;
    lane->pending.address = 0;
    if (old.address) {
        end_block(l, in, &old, lane->begin_ns);
        out->reference = old.index;
    }
    struct live_stat *s = count_call(l, in, true);
    if (in->event->address)
        start_block(l, in, s);
}

static void fail_realloc(struct live *l, const struct live_input *in,
                         struct chunk_event *out) {
    struct lane *lane = lane_of(l, in->ring);
    if (lane->pending.address) {
        out->reference = lane->pending.index;
        put_back(l, &lane->pending);
    }
    count_call(l, in, false);
}

int live_apply(struct live *l, const struct live_input *in, struct chunk_event *out) {
    const struct shm_event *e = in->event;
    *out = (struct chunk_event){.time_ns = in->time_ns,
                                .address = e->address,
                                .size = e->size,
                                .reference = CHUNK_NONE,
                                .thread = in->thread,
                                .aux = e->aux & SHM_AUX_VALUE,
                                .kind = e->kind,
                                .op = e->op};
    switch (e->kind) {
    case SHM_EV_ALLOC:
        start_block(l, in, count_call(l, in, true));
        break;
    case SHM_EV_ASKED:
        out->address = 0;
        count_call(l, in, true);
        break;
    case SHM_EV_FAIL:
    case SHM_EV_INJECTED:
        out->address = 0;
        count_call(l, in, false);
        break;
    case SHM_EV_FREE:
        out->size = 0;
        if (!apply_free(l, in, out))
            return 0;
        break;
    case SHM_EV_REALLOC_BEGIN:
        begin_realloc(l, in);
        return 0;
    case SHM_EV_REALLOC_GONE:
        go_realloc(l, in);
        return 0;
    case SHM_EV_REALLOC_END:
        end_realloc(l, in, out);
        break;
    case SHM_EV_REALLOC_FAIL:
        fail_realloc(l, in, out);
        break;
    case SHM_EV_THREAD:
        lane_of(l, in->ring)->last_index = CHUNK_NONE;
        return 0;
    default:
        return 0;
    }
    l->totals.events++;
    return 1;
}

/* Each is some misses of the cache; a miss takes as long as some records. */
#define AHEAD_GROUP 12u
#define AHEAD_LINE  8u
#define AHEAD_BLOCK 4u

void live_ahead(const struct live *l, const struct shm_event *records, uint32_t n) {
    if (n > AHEAD_GROUP)
        live_map_ahead(&l->map, records[AHEAD_GROUP].address, records[AHEAD_LINE].address,
                       records[AHEAD_BLOCK].address);
}

/* --- life --- */

struct live *live_new(struct live_sum *sum, uint64_t sample_bytes) {
    struct live *l = text_alloc(sizeof *l);
    l->sample_bytes = sample_bytes;
    l->sum = sum;
    live_map_init(&l->map);
    stat_of(l, 0);
    return l;
}

struct live *live_free(struct live *l) {
    if (l) {
        live_map_deinit(&l->map);
        free(l->lanes);
        free(l->stats);
        free(l);
    }
    return NULL;
}

void live_leave(struct live *l) {
    if (l->sum)
        l->sum->bytes -= l->totals.live_bytes;
    l->sum = NULL;
}

static int compare_blocks(const void *a, const void *b) {
    const struct live_block *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

/* In the order in which they were made: *n of them, to be freed. */
static struct live_block *sorted_blocks(const struct live *l, size_t *n) {
    struct live_block *blocks = text_alloc((l->map.n + 1) * sizeof *blocks);
    *n = 0;
    for (uint64_t cursor = 0;
         *n < l->map.n && live_map_next(&l->map, &cursor, &blocks[*n]);)
        ++*n;
    qsort(blocks, *n, sizeof *blocks, compare_blocks);
    return blocks;
}

int live_end_blocks(struct live *l, uint64_t now_ns,
                    int (*each)(void *context, const struct chunk_event *event),
                    void *context) {
    size_t n;
    int r = 0;
    struct live_block *blocks = sorted_blocks(l, &n);
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct live_block b;
        if (!live_map_take(&l->map, blocks[i].address, &b))
            continue;
        remove_live(l, &b);
        l->totals.events++;
        const struct weight w = weight_of(l, &b);
        l->totals.unknown += w.calls;
        l->totals.unknown_bytes += w.bytes;
        r = each(context, &(struct chunk_event){.time_ns = now_ns,
                                                .address = b.address,
                                                .reference = b.index,
                                                .thread = b.thread,
                                                .kind = SHM_EV_FREE,
                                                .op = SHM_OP_NONE});
    }
    free(blocks);
    return r;
}

void live_end(struct live *l) {
    for (uint32_t i = 0; i < l->n_lanes; i++) {
        if (l->lanes[i].pending.address)
            put_back(l, &l->lanes[i].pending);
    }
    live_leave(l);
}

const struct live_totals *live_totals(const struct live *l) {
    return &l->totals;
}

bool live_pending(const struct live *l, uint32_t ring, uint64_t *index,
                  uint64_t *begin_ns) {
    if (ring >= l->n_lanes || !l->lanes[ring].pending.address)
        return false;
    *index = l->lanes[ring].pending.index;
    *begin_ns = l->lanes[ring].begin_ns;
    return true;
}

void live_restore(struct live *l, const struct live_totals *totals) {
    l->totals = *totals;
    if (l->sum)
        l->sum->bytes += totals->live_bytes;
}

void live_restore_site(struct live *l, uint32_t site, const struct live_stat *stat) {
    *stat_of(l, site) = *stat;
}

void live_restore_block(struct live *l, const struct live_input *in, uint64_t index,
                        uint32_t ring, uint64_t begin_ns) {
    const struct live_block b = block_of(in, index);
    struct live_block stale;
    if (ring == UINT32_MAX) {
        live_map_put(&l->map, &b, &stale);
        return;
    }
    lane_of(l, ring)->pending = b;
    lane_of(l, ring)->begin_ns = begin_ns;
}

const struct live_stat *live_stat(const struct live *l, uint32_t index) {
    return index < l->n_stats && l->stats[index].count ? &l->stats[index] : NULL;
}

bool live_check(const struct live *l) {
    uint64_t n = 0, blocks = 0, bytes = 0, site_blocks = 0, site_bytes = 0;
    struct live_block b, found;
    for (uint64_t cursor = 0; live_map_next(&l->map, &cursor, &b);) {
        if (!live_map_find(&l->map, b.address, &found) || found.index != b.index)
            return false;
        const struct weight w = weight_of(l, &b);
        n++;
        blocks += w.calls;
        bytes += w.bytes;
    }
    for (uint32_t i = 0; i < l->n_lanes; i++)
        if (l->lanes[i].pending.address) {
            const struct weight w = weight_of(l, &l->lanes[i].pending);
            blocks += w.calls;
            bytes += w.bytes;
        }
    for (uint32_t i = 0; i < l->n_stats; i++) {
        site_blocks += l->stats[i].live_blocks;
        site_bytes += l->stats[i].live_bytes;
    }
    const struct live_totals *t = &l->totals;
    return n == l->map.n && blocks == t->live_blocks && bytes == t->live_bytes &&
           site_blocks == blocks && site_bytes == bytes &&
           (l->sample_bytes ||
            t->events == t->allocations + t->frees + t->failed + t->asked + t->unknown);
}
