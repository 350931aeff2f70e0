/*
 * Chunks of events: the format is told in chunk.h. Writer and reader run the same model,
 * which predicts a value from what both have seen so far; only the surprise is stored.
 *
 *   event ─► model ─► columns 0..6 (bytes) ─► zstd, each on its own ─► blob
 *   blob  ─► zstd  ─► columns ─► model ─► event
 *
 * Invariant: after event i, the model of the writer and that of the reader are equal.
 * Whatever a damaged blob says, every index is checked before it is used; nothing is
 * allocated by a number in the blob that is not bounded first.
 *
 * Who runs it: the collector (writing), any reader, also inside the stock sqlite3 shell:
 * so no message is printed and nothing exits.
 */
#include "chunk.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "../schemas/shm.h"

enum { DICTIONARY, CODES, TIMES, THREADS, SITES, SIZES, BLOCKS, N_COLUMNS };

/* The most bytes one event can need in each column (dictionary: code 12, site 10). */
static const uint8_t most_bytes[N_COLUMNS] = {22, 3, 10, 10, 3, 10, 22};
#define DICTIONARY_EXTRA 16u

#define MAGIC          "DCH1"
#define SHIFT_MAX      10
#define LANES          128u
#define FREE_LISTS     1024u
#define FREE_DEPTH     16u
#define NEAR           8u /* tokens 0..7 */
#define TOKEN_YOUNGER  8u
#define TOKEN_OLDER    9u
#define TOKEN_DISTANCE 10u
#define TOKEN_FAR      11u
#define TOKEN_NONE     12u

/* --- the model --------------------------------------------------------------------- */

struct live { /* by event index; links are index + 1, 0 = none */
    uint64_t address, size;
    uint32_t younger, older;
    uint32_t thread;
    uint32_t alive;
};

struct free_list {
    uint64_t blocks[FREE_DEPTH];
};

struct model {
    uint32_t capacity;   /* events that the three arrays have room for */
    uint64_t *last_size; /* by site index */
    uint32_t *successor;
    struct live *live;
    uint32_t last_site;
    uint32_t youngest;       /* index + 1 */
    uint32_t younger, older; /* of the one that ended last */
    uint64_t far;            /* what the last TOKEN_FAR named */
    uint64_t far_address;    /* of the last FREE or REALLOC_FAIL that stored one */
    uint64_t expected[LANES];
    struct free_list lists[FREE_LISTS];
    uint8_t tops[FREE_LISTS], held[FREE_LISTS];
};

/* Room for @capacity events, what is there is kept. Return: false when memory is short. */
static bool model_reserve(struct model *m, uint32_t capacity) {
    uint64_t *sizes = realloc(m->last_size, capacity * sizeof *sizes);
    if (sizes)
        m->last_size = sizes;
    uint32_t *successors = realloc(m->successor, capacity * sizeof *successors);
    if (successors)
        m->successor = successors;
    struct live *live = realloc(m->live, capacity * sizeof *live);
    if (live)
        m->live = live;
    if (!sizes || !successors || !live)
        return false;
    uint32_t more = capacity - m->capacity;
    memset(sizes + m->capacity, 0, more * sizeof *sizes);
    memset(successors + m->capacity, 0, more * sizeof *successors);
    m->capacity = capacity;
    return true;
}

static void model_deinit(struct model *m) {
    free(m->last_size);
    free(m->successor);
    free(m->live);
}

static void model_reset(struct model *m, uint32_t n_events) {
    memset(m->last_size, 0, n_events * sizeof *m->last_size);
    memset(m->successor, 0, n_events * sizeof *m->successor);
    memset(m->expected, 0, sizeof m->expected);
    memset(m->held, 0, sizeof m->held);
    m->last_site = m->youngest = m->younger = m->older = 0;
    m->far = m->far_address = 0;
}

static void live_add(struct model *m, uint32_t i, const struct chunk_event *e) {
    m->live[i] = (struct live){.address = e->address,
                               .size = e->size,
                               .older = m->youngest,
                               .thread = e->thread,
                               .alive = 1};
    if (m->youngest)
        m->live[m->youngest - 1].younger = i + 1;
    m->youngest = i + 1;
}

static void live_remove(struct model *m, uint32_t i) {
    struct live *l = &m->live[i];
    if (l->younger)
        m->live[l->younger - 1].older = l->older;
    else
        m->youngest = l->older;
    if (l->older)
        m->live[l->older - 1].younger = l->younger;
    l->alive = 0;
    m->younger = l->younger;
    m->older = l->older;
}

/* The n-th youngest. Return: index + 1, 0 when there are fewer. */
static uint32_t live_nth(const struct model *m, uint32_t n) {
    uint32_t at = m->youngest;
    while (at && n--)
        at = m->live[at - 1].older;
    return at;
}

static uint32_t list_of(uint64_t size, uint32_t thread) {
    return ((uint32_t)((size + 23) / 16) * 0x9e3779b1u + thread * 0x85ebca6bu) >> 22;
}

static void list_push(struct model *m, const struct live *l) {
    uint32_t i = list_of(l->size, l->thread);
    m->tops[i] = (uint8_t)((m->tops[i] + 1) % FREE_DEPTH);
    m->lists[i].blocks[m->tops[i]] = l->address;
    if (m->held[i] < FREE_DEPTH)
        m->held[i]++;
}

static bool list_top(const struct model *m, uint32_t i, uint64_t *address) {
    *address = m->lists[i].blocks[m->tops[i]];
    return m->held[i] > 0;
}

static void list_pop(struct model *m, uint32_t i) {
    m->tops[i] = (uint8_t)((m->tops[i] + FREE_DEPTH - 1) % FREE_DEPTH);
    m->held[i]--;
}

static uint64_t *lane_of(struct model *m, const struct chunk_event *e) {
    if (e->kind == SHM_EV_FREE || e->kind == SHM_EV_REALLOC_FAIL)
        return &m->far_address;
    return &m->expected[2 * (e->thread % 64) + (e->size >= 128u * 1024)];
}

static uint64_t block_end(uint64_t address, uint64_t size) {
    uint64_t n = (size + 8 + 15) & ~15ull;
    return address + (n < 32 ? 32 : n);
}

/* --- what kinds carry --------------------------------------------------------------- */

static bool has_site(uint8_t kind) {
    return kind != SHM_EV_FREE;
}

static bool has_block(uint8_t kind) {
    return kind != SHM_EV_FAIL && kind != SHM_EV_INJECTED;
}

static bool known_kind(uint8_t kind) {
    return kind == SHM_EV_ALLOC || kind == SHM_EV_FAIL || kind == SHM_EV_INJECTED ||
           kind == SHM_EV_FREE || kind == SHM_EV_REALLOC_END ||
           kind == SHM_EV_REALLOC_FAIL;
}

/* What an event does to the blocks once its reference and address are known.
 * @old: index + 1 of the allocation of this chunk that it refers to by tokens 0..10 */
static void model_apply(struct model *m, uint32_t i, const struct chunk_event *e,
                        uint32_t old) {
    if (old && e->kind != SHM_EV_REALLOC_FAIL) {
        const struct live *l = &m->live[old - 1];
        if (e->kind == SHM_EV_FREE || l->address != e->address)
            list_push(m, l);
        live_remove(m, old - 1);
    }
    if (e->kind != SHM_EV_FREE && e->kind != SHM_EV_REALLOC_FAIL) {
        *lane_of(m, e) = block_end(e->address, e->size);
        live_add(m, i, e);
    } else if (!old) {
        m->far_address = e->address;
    }
}

/* --- writing ------------------------------------------------------------------------ */

struct column {
    uint8_t *data;
    size_t n;
};

struct slot {
    int64_t key;
    uint32_t index, epoch;
};

struct table {
    struct slot *slots;
    uint32_t capacity; /* twice the events there is room for: at most half full */
};
#define FIRST_CAPACITY 1024u /* most processes of a tree are small: start small, double */

struct chunk_writer {
    uint64_t first_event;
    uint32_t n, capacity, n_sites, n_codes, epoch;
    struct column columns[N_COLUMNS];
    struct column site_ids; /* the second half of the dictionary column */
    uint64_t *times;
    uint64_t start_ns, end_ns, min_size, max_size;
    int64_t last_site_id;
    uint32_t run_thread, run_n;
    uint64_t last_code;
    uint32_t last_code_index;
    struct table sites, codes;
    struct model model;
    ZSTD_CCtx *zstd;
    uint8_t *blob;
    size_t blob_capacity;
};

static void put_byte(struct column *c, uint8_t byte) {
    c->data[c->n++] = byte;
}

static void put(struct column *c, uint64_t value) {
    uint8_t *p = c->data + c->n;
    while (value >= 0x80) {
        *p++ = (uint8_t)value | 0x80;
        value >>= 7;
    }
    *p++ = (uint8_t)value;
    c->n = (size_t)(p - c->data);
}

/* Difference a - b as a small unsigned number when it is near 0 in either direction. */
static uint64_t zigzag(uint64_t a, uint64_t b) {
    int64_t d = (int64_t)(a - b);
    return (uint64_t)d << 1 ^ (uint64_t)(d >> 63);
}

static uint64_t unzigzag(uint64_t z) {
    return z >> 1 ^ (0 - (z & 1));
}

static void writer_restart(struct chunk_writer *w) {
    for (int i = 0; i < N_COLUMNS; i++)
        w->columns[i].n = 0;
    w->site_ids.n = 0;
    model_reset(&w->model, w->n_sites);
    w->n = w->n_sites = w->n_codes = w->run_n = 0;
    w->last_site_id = 0;
    w->last_code = UINT64_MAX;
    w->min_size = UINT64_MAX;
    w->max_size = 0;
    w->start_ns = UINT64_MAX;
    w->end_ns = 0;
    w->epoch++;
}

static bool in_use(const struct chunk_writer *w, const struct slot *slot) {
    return slot->epoch == w->epoch;
}

static struct slot *slot_of(const struct chunk_writer *w, const struct table *t,
                            int64_t key) {
    /* Row ids are dense: left as they are, they share pages. */
    uint32_t i = (uint32_t)((uint64_t)key ^ (uint64_t)key >> 17) & (t->capacity - 1);
    while (in_use(w, &t->slots[i]) && t->slots[i].key != key)
        i = (i + 1) & (t->capacity - 1);
    return &t->slots[i];
}

static bool table_reserve(const struct chunk_writer *w, struct table *t,
                          uint32_t capacity) {
    struct table bigger = {calloc(capacity, sizeof *bigger.slots), capacity};
    if (!bigger.slots)
        return false;
    for (uint32_t i = 0; i < t->capacity; i++)
        if (in_use(w, &t->slots[i]))
            *slot_of(w, &bigger, t->slots[i].key) = t->slots[i];
    free(t->slots);
    *t = bigger;
    return true;
}

static bool column_reserve(struct column *c, size_t bytes) {
    uint8_t *bigger = realloc(c->data, bytes);
    if (bigger)
        c->data = bigger;
    return bigger;
}

/* Room for @capacity events. Return: 0, or -ENOMEM and nothing is lost. */
static int writer_reserve(struct chunk_writer *w, uint32_t capacity) {
    uint64_t *times = realloc(w->times, capacity * sizeof *times);
    if (times)
        w->times = times;
    bool whole = times && column_reserve(&w->site_ids, capacity * (size_t)10) &&
                 (w->model.capacity >= capacity || model_reserve(&w->model, capacity)) &&
                 table_reserve(w, &w->sites, 2 * capacity) &&
                 table_reserve(w, &w->codes, 2 * capacity);
    for (int i = 0; whole && i < N_COLUMNS; i++)
        whole = column_reserve(&w->columns[i],
                               capacity * (size_t)most_bytes[i] + DICTIONARY_EXTRA);
    if (!whole)
        return -ENOMEM;
    w->capacity = capacity;
    return 0;
}

struct chunk_writer *chunk_writer_new(uint64_t first_event) {
    struct chunk_writer *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->first_event = first_event;
    w->epoch = 1; /* empty slots have 0 */
    if (writer_reserve(w, FIRST_CAPACITY) < 0)
        return chunk_writer_free(w);
    writer_restart(w);
    return w;
}

struct chunk_writer *chunk_writer_free(struct chunk_writer *w) {
    if (!w)
        return NULL;
    for (int i = 0; i < N_COLUMNS; i++)
        free(w->columns[i].data);
    free(w->site_ids.data);
    free(w->times);
    free(w->sites.slots);
    free(w->codes.slots);
    model_deinit(&w->model);
    ZSTD_freeCCtx(w->zstd);
    free(w->blob);
    free(w);
    return NULL;
}

uint32_t chunk_writer_pending(const struct chunk_writer *w) {
    return w->n;
}

/* Index of @key in a table of this chunk; *added when it is new and got index @next. */
static uint32_t index_of(struct chunk_writer *w, struct table *table, int64_t key,
                         uint32_t next, bool *added) {
    struct slot *slot = slot_of(w, table, key);
    *added = !in_use(w, slot);
    if (*added)
        *slot = (struct slot){key, next, w->epoch};
    return slot->index;
}

static void add_code(struct chunk_writer *w, const struct chunk_event *e) {
    uint64_t code = (uint64_t)e->kind << 24 | (uint64_t)e->op << 16 | e->aux;
    bool added = false;
    if (code != w->last_code) {
        w->last_code_index = index_of(w, &w->codes, (int64_t)code, w->n_codes, &added);
        w->last_code = code;
    }
    if (added) {
        struct column *c = &w->columns[DICTIONARY];
        w->n_codes++;
        put_byte(c, e->kind);
        put_byte(c, e->op);
        put(c, e->aux);
    }
    put(&w->columns[CODES], w->last_code_index);
}

static void add_site(struct chunk_writer *w, const struct chunk_event *e) {
    struct model *m = &w->model;
    bool added;
    uint32_t site = index_of(w, &w->sites, e->site, w->n_sites, &added);
    if (added) {
        w->n_sites++;
        put(&w->site_ids, zigzag((uint64_t)e->site, (uint64_t)w->last_site_id));
        w->last_site_id = e->site;
    }
    uint32_t *predicted = &m->successor[m->last_site];
    put(&w->columns[SITES], *predicted == site ? 0 : site + 1);
    *predicted = m->last_site = site;
    put(&w->columns[SIZES], zigzag(e->size, m->last_size[site]));
    m->last_size[site] = e->size;
    if (e->size < w->min_size)
        w->min_size = e->size;
    if (e->size > w->max_size)
        w->max_size = e->size;
}

static void end_run(struct chunk_writer *w) {
    if (!w->run_n)
        return;
    put(&w->columns[THREADS], w->run_thread);
    put(&w->columns[THREADS], w->run_n);
    w->run_n = 0;
}

/* The token for a live allocation of this chunk at @index. */
static uint32_t token_of(const struct model *m, uint32_t index) {
    uint32_t at = m->youngest;
    for (uint32_t n = 0; n < NEAR && at; n++) {
        if (at == index + 1)
            return n;
        at = m->live[at - 1].older;
    }
    if (m->younger == index + 1)
        return TOKEN_YOUNGER;
    if (m->older == index + 1)
        return TOKEN_OLDER;
    return TOKEN_DISTANCE;
}

/* Return: index + 1 of the allocation when it was named by a token 0..10. */
static uint32_t add_reference(struct chunk_writer *w, const struct chunk_event *e) {
    struct column *c = &w->columns[BLOCKS];
    struct model *m = &w->model;
    if (e->reference == CHUNK_NONE) {
        put_byte(c, TOKEN_NONE);
        return 0;
    }
    uint64_t index = e->reference - w->first_event;
    if (e->reference < w->first_event || index >= w->n || !m->live[index].alive ||
        (e->kind != SHM_EV_REALLOC_END && m->live[index].address != e->address)) {
        put_byte(c, TOKEN_FAR);
        put(c, zigzag(e->reference, m->far));
        m->far = e->reference;
        return 0;
    }
    uint32_t token = token_of(m, (uint32_t)index);
    put_byte(c, (uint8_t)token);
    if (token == TOKEN_DISTANCE)
        put(c, w->n - index);
    return (uint32_t)index + 1;
}

static void add_address(struct chunk_writer *w, const struct chunk_event *e,
                        uint32_t old) {
    struct column *c = &w->columns[BLOCKS];
    struct model *m = &w->model;
    uint64_t guess, d = e->address - *lane_of(m, e);
    if (old) { /* a realloc */
        if (m->live[old - 1].address == e->address) {
            put(c, 0);
            return;
        }
    } else {
        uint32_t list = list_of(e->size, e->thread);
        if (list_top(m, list, &guess) && guess == e->address) {
            list_pop(m, list);
            put(c, 0);
            return;
        }
    }
    if (d % 8) {
        put(c, 1);
        put(c, e->address);
    } else {
        put(c, 2 + zigzag((uint64_t)((int64_t)d / 8), 0));
    }
}

int chunk_writer_add(struct chunk_writer *w, const struct chunk_event *event) {
    struct chunk_event e = *event;
    if (w->n == w->capacity && writer_reserve(w, 2 * w->capacity) < 0)
        return -ENOMEM;
    if (!has_site(e.kind)) {
        e.site = 0;
        e.size = 0;
    }
    add_code(w, &e);
    w->times[w->n] = e.time_ns;
    if (e.time_ns < w->start_ns)
        w->start_ns = e.time_ns;
    if (e.time_ns > w->end_ns)
        w->end_ns = e.time_ns;
    if (e.thread != w->run_thread)
        end_run(w);
    w->run_thread = e.thread;
    w->run_n++;
    if (has_site(e.kind))
        add_site(w, &e);
    w->model.live[w->n].alive = 0;
    if (has_block(e.kind)) {
        uint32_t old = e.kind == SHM_EV_ALLOC ? 0 : add_reference(w, &e);
        if (!old || e.kind == SHM_EV_REALLOC_END)
            add_address(w, &e, old);
        model_apply(&w->model, w->n, &e, old);
    }
    return ++w->n == CHUNK_MAX_EVENTS;
}

static void end_times(struct chunk_writer *w, uint8_t *shift) {
    uint64_t gap = (w->end_ns - w->start_ns) / w->n;
    *shift = 0;
    while (*shift < SHIFT_MAX && gap >> (*shift + 1))
        (*shift)++;
    for (uint32_t i = 0; i < w->n; i++)
        put(&w->columns[TIMES],
            zigzag(w->times[i] >> *shift, w->times[i ? i - 1 : 0] >> *shift));
}

/* Put the numbers of entries in front of the two dictionaries. */
static void end_dictionaries(struct chunk_writer *w) {
    struct column *c = &w->columns[DICTIONARY];
    uint8_t front[10];
    struct column number = {front, 0};
    put(&number, w->n_codes);
    memmove(c->data + number.n, c->data, c->n);
    memcpy(c->data, front, number.n);
    c->n += number.n;
    put(c, w->n_sites);
    memcpy(c->data + c->n, w->site_ids.data, w->site_ids.n);
    c->n += w->site_ids.n;
}

static int append_column(struct chunk_writer *w, struct column *blob,
                         const struct column *c) {
    uint8_t lengths[20];
    struct column head = {lengths, 0};
    size_t bound = ZSTD_compressBound(c->n);
    if (blob->n + sizeof lengths + bound > w->blob_capacity) {
        size_t want = blob->n + sizeof lengths + bound + 65536;
        uint8_t *bigger = realloc(w->blob, want);
        if (!bigger)
            return -ENOMEM;
        w->blob = blob->data = bigger;
        w->blob_capacity = want;
    }
    uint8_t *room = blob->data + blob->n + sizeof lengths;
    size_t n = ZSTD_compressCCtx(w->zstd, room, bound, c->data, c->n, 1);
    if (ZSTD_isError(n))
        return -EIO;
    bool raw = n >= c->n;
    put(&head, c->n);
    put(&head, raw ? 0 : n);
    memcpy(blob->data + blob->n, lengths, head.n);
    blob->n += head.n;
    memmove(blob->data + blob->n, raw ? c->data : room, raw ? c->n : n);
    blob->n += raw ? c->n : n;
    return 0;
}

static void summarize(const struct chunk_writer *w, struct chunk_summary *s) {
    bool sites = w->n_sites > 0;
    *s = (struct chunk_summary){.first_event = w->first_event,
                                .n_events = w->n,
                                .start_ns = w->start_ns,
                                .end_ns = w->end_ns,
                                .min_size = sites ? w->min_size : 0,
                                .max_size = sites ? w->max_size : 0};
}

int chunk_writer_finish(struct chunk_writer *w, struct chunk_summary *summary,
                        const uint8_t **data, size_t *n) {
    if (!w->n)
        return 1;
    if (!w->zstd && !(w->zstd = ZSTD_createCCtx()))
        return -ENOMEM;
    if (!w->blob) {
        w->blob_capacity = 65536;
        if (!(w->blob = malloc(w->blob_capacity)))
            return -ENOMEM;
    }
    uint8_t shift;
    struct column blob = {w->blob, 0};
    end_run(w);
    end_times(w, &shift);
    end_dictionaries(w);
    memcpy(blob.data, MAGIC, 4);
    blob.n = 4;
    put(&blob, w->first_event);
    put(&blob, w->n);
    put_byte(&blob, shift);
    put(&blob, w->times[0] >> shift);
    for (int i = 0; i < N_COLUMNS; i++) {
        int r = append_column(w, &blob, &w->columns[i]);
        if (r < 0)
            return r;
    }
    summarize(w, summary);
    *data = blob.data;
    *n = blob.n;
    w->first_event += w->n;
    writer_restart(w);
    return 0;
}

/* --- reading ------------------------------------------------------------------------ */

struct source {
    const uint8_t *p, *end;
    bool bad; /* something did not fit; values are 0 from then on */
};

static uint64_t fail(struct source *s) {
    s->bad = true;
    s->p = s->end;
    return 0;
}

static uint8_t take_byte(struct source *s) {
    return s->p < s->end ? *s->p++ : (uint8_t)fail(s);
}

static uint64_t take(struct source *s) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (s->p >= s->end)
            return fail(s);
        uint8_t byte = *s->p++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    return fail(s);
}

static uint64_t take_below(struct source *s, uint64_t limit) {
    uint64_t value = take(s);
    return value < limit ? value : fail(s);
}

struct code {
    uint8_t kind, op;
    uint16_t aux;
};

struct reader {
    struct source columns[N_COLUMNS];
    uint8_t *buffers[N_COLUMNS];
    uint64_t first_event, time;
    uint32_t n, n_codes, n_sites, run_thread, run_left;
    uint8_t shift;
    struct code *codes;
    int64_t *sites;
    struct model model;
};

static void reader_deinit(struct reader *r) {
    for (int i = 0; i < N_COLUMNS; i++)
        free(r->buffers[i]);
    free(r->codes);
    free(r->sites);
    model_deinit(&r->model);
}

static int read_column(struct reader *r, struct source *s, int i) {
    uint64_t most = r->n * (uint64_t)most_bytes[i] + DICTIONARY_EXTRA;
    uint64_t raw = take_below(s, most + 1), stored = take(s);
    uint64_t left = (uint64_t)(s->end - s->p);
    if (s->bad || (stored ? stored : raw) > left)
        return -EBADMSG;
    const uint8_t *p = s->p;
    s->p += stored ? stored : raw;
    if (!stored) {
        r->columns[i] = (struct source){p, p + raw, false};
        return 0;
    }
    uint8_t *to = r->buffers[i] = malloc(raw + 1);
    if (!to)
        return -ENOMEM;
    size_t got = ZSTD_decompress(to, raw, p, stored);
    if (ZSTD_isError(got) || got != raw)
        return -EBADMSG;
    r->columns[i] = (struct source){to, to + raw, false};
    return 0;
}

static int read_dictionaries(struct reader *r) {
    struct source *s = &r->columns[DICTIONARY];
    r->n_codes = (uint32_t)take_below(s, r->n + 1ull);
    if (s->bad || !(r->codes = calloc(r->n_codes + 1ull, sizeof *r->codes)))
        return s->bad ? -EBADMSG : -ENOMEM;
    for (uint32_t i = 0; i < r->n_codes; i++) {
        r->codes[i].kind = take_byte(s);
        r->codes[i].op = take_byte(s);
        r->codes[i].aux = (uint16_t)take_below(s, 65536);
        if (!known_kind(r->codes[i].kind))
            return -EBADMSG;
    }
    r->n_sites = (uint32_t)take_below(s, r->n + 1ull);
    if (s->bad || !(r->sites = calloc(r->n_sites + 1ull, sizeof *r->sites)))
        return s->bad ? -EBADMSG : -ENOMEM;
    uint64_t id = 0;
    for (uint32_t i = 0; i < r->n_sites; i++)
        r->sites[i] = (int64_t)(id += unzigzag(take(s)));
    return s->bad || s->p != s->end ? -EBADMSG : 0;
}

static void read_site(struct reader *r, struct chunk_event *e) {
    struct model *m = &r->model;
    uint64_t value = take_below(&r->columns[SITES], r->n_sites + 1ull);
    uint32_t *predicted = &m->successor[m->last_site];
    uint32_t site = value ? (uint32_t)value - 1 : *predicted;
    if (site >= r->n_sites) {
        fail(&r->columns[SITES]);
        return;
    }
    *predicted = m->last_site = site;
    e->site = r->sites[site];
    e->size = m->last_size[site] += unzigzag(take(&r->columns[SIZES]));
}

/* Return: index + 1 of the allocation when it was named by a token 0..10. */
static uint32_t read_reference(struct reader *r, uint32_t i, struct chunk_event *e) {
    struct source *s = &r->columns[BLOCKS];
    struct model *m = &r->model;
    uint32_t token = take_byte(s), old;
    if (token == TOKEN_NONE)
        return 0;
    if (token == TOKEN_FAR) {
        e->reference = m->far += unzigzag(take(s));
        return 0;
    }
    if (token < NEAR)
        old = live_nth(m, token);
    else if (token == TOKEN_YOUNGER)
        old = m->younger;
    else if (token == TOKEN_OLDER)
        old = m->older;
    else if (token == TOKEN_DISTANCE)
        old = i - (uint32_t)take_below(s, i + 1ull) + 1;
    else
        return (uint32_t)fail(s);
    if (!old || old > i || !m->live[old - 1].alive)
        return (uint32_t)fail(s);
    e->reference = r->first_event + old - 1;
    return old;
}

static void read_address(struct reader *r, struct chunk_event *e, uint32_t old) {
    struct source *s = &r->columns[BLOCKS];
    struct model *m = &r->model;
    uint64_t value = take(s);
    if (value == 1) {
        e->address = take(s);
    } else if (value) {
        e->address = *lane_of(m, e) + unzigzag(value - 2) * 8;
    } else if (old) {
        e->address = m->live[old - 1].address;
    } else {
        uint32_t list = list_of(e->size, e->thread);
        if (list_top(m, list, &e->address))
            list_pop(m, list);
        else
            fail(s);
    }
}

static void read_thread(struct reader *r, struct chunk_event *e) {
    struct source *s = &r->columns[THREADS];
    if (!r->run_left) {
        r->run_thread = (uint32_t)take_below(s, UINT32_MAX + 1ull);
        r->run_left = (uint32_t)take_below(s, r->n + 1ull);
        if (!r->run_left) {
            fail(s);
            return;
        }
    }
    r->run_left--;
    e->thread = r->run_thread;
}

static void read_event(struct reader *r, uint32_t i, struct chunk_event *e) {
    *e = (struct chunk_event){.reference = CHUNK_NONE};
    uint64_t code = take_below(&r->columns[CODES], r->n_codes);
    if (r->columns[CODES].bad)
        return;
    e->kind = r->codes[code].kind;
    e->op = r->codes[code].op;
    e->aux = r->codes[code].aux;
    r->time += unzigzag(take(&r->columns[TIMES]));
    e->time_ns = r->time << r->shift;
    read_thread(r, e);
    if (has_site(e->kind))
        read_site(r, e);
    r->model.live[i].alive = 0;
    if (!has_block(e->kind))
        return;
    uint32_t old = e->kind == SHM_EV_ALLOC ? 0 : read_reference(r, i, e);
    if (old && e->kind != SHM_EV_REALLOC_END)
        e->address = r->model.live[old - 1].address;
    else
        read_address(r, e, old);
    model_apply(&r->model, i, e, old);
}

static int read_head(struct reader *r, struct source *s) {
    if (s->end - s->p < 4 || memcmp(s->p, MAGIC, 4) != 0)
        return -EBADMSG;
    s->p += 4;
    r->first_event = take(s);
    r->n = (uint32_t)take_below(s, CHUNK_MAX_EVENTS + 1ull);
    r->shift = take_byte(s);
    r->time = take(s);
    if (s->bad || !r->n || r->shift > SHIFT_MAX)
        return -EBADMSG;
    for (int i = 0; i < N_COLUMNS; i++) {
        int e = read_column(r, s, i);
        if (e < 0)
            return e;
    }
    return s->p == s->end ? read_dictionaries(r) : -EBADMSG;
}

static bool all_used(const struct reader *r) {
    for (int i = 0; i < N_COLUMNS; i++)
        if (r->columns[i].bad || r->columns[i].p != r->columns[i].end)
            return false;
    return !r->run_left;
}

int chunk_read(const uint8_t *data, size_t n, struct chunk_event *events,
               uint64_t *first_event, uint32_t *n_events) {
    struct reader r = {0};
    struct source s = {data, data + n, false};
    int e = read_head(&r, &s);
    if (e == 0 && !model_reserve(&r.model, r.n))
        e = -ENOMEM;
    if (e == 0) {
        for (uint32_t i = 0; i < r.n && !r.columns[CODES].bad; i++)
            read_event(&r, i, &events[i]);
        if (!all_used(&r))
            e = -EBADMSG;
    }
    if (e == 0) {
        *first_event = r.first_event;
        *n_events = r.n;
    }
    reader_deinit(&r);
    return e;
}
