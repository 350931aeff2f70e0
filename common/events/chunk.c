/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing chunks of events: the format is told in chunk.h.
 *
 *   event ─► model (chunk_model.h) ─► columns 0..6 (bytes) ─► zstd, each on its own ─► blob
 *
 * Who runs it: the collector. No message is printed and nothing exits.
 */
#include "chunk.h"

#include <errno.h>
#include <sys/mman.h>
#include <zstd.h>

#include "chunk_model.h"

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
#define FIRST_CAPACITY 1024u /* most processes of a tree are small */

/* What lies in a writer's memory, one after the other: the columns, and then these. */
enum {
    SITE_IDS = N_COLUMNS,
    EVENT_TIMES,
    LAST_SIZES,
    SUCCESSORS,
    LIVE_BLOCKS,
    SITE_TABLE,
    CODE_TABLE,
    N_PARTS
};

struct memory {
    uint8_t *data;
    size_t bytes;
    bool mapped;
};

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
    struct memory memory; /* of all but what follows */
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

/* Make it one of @capacity slots at @slots, which are zero. */
static void table_move(const struct chunk_writer *w, struct table *t, uint8_t *slots,
                       uint32_t capacity) {
    struct table bigger = {(struct slot *)(void *)slots, capacity};
    for (uint32_t i = 0; i < t->capacity; i++)
        if (in_use(w, &t->slots[i]))
            *slot_of(w, &bigger, t->slots[i].key) = t->slots[i];
    *t = bigger;
}

#define PART_ALIGN 64u

static size_t part_bytes(int part, uint32_t capacity) {
    static const size_t of_event[N_PARTS] = {[SITE_IDS] = 10,
                                             [EVENT_TIMES] = sizeof(uint64_t),
                                             [LAST_SIZES] = sizeof(uint64_t),
                                             [SUCCESSORS] = sizeof(uint32_t),
                                             [LIVE_BLOCKS] = sizeof(struct live),
                                             [SITE_TABLE] = 2 * sizeof(struct slot),
                                             [CODE_TABLE] = 2 * sizeof(struct slot)};
    // cppcheck-suppress arrayIndexOutOfBoundsCond ; a part, never their number
    size_t bytes = part < N_COLUMNS ? most_bytes[part] : of_event[part];
    return (capacity * bytes + DICTIONARY_EXTRA + PART_ALIGN - 1) & ~(PART_ALIGN - 1ull);
}

static size_t part_offset(int part, uint32_t capacity) {
    size_t offset = 0;
    for (int i = 0; i < part; i++)
        offset += part_bytes(i, capacity);
    return offset;
}

/* Zero memory for @capacity events. The first is small, and of the heap; what follows it is mapped, so
 * that pages come when they are written to, and nothing has to be cleared. */
static struct memory memory_new(uint32_t capacity) {
    struct memory m = {.bytes = part_offset(N_PARTS, capacity),
                       .mapped = capacity > FIRST_CAPACITY};
    if (m.mapped) {
        m.data = mmap(NULL, m.bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (m.data == MAP_FAILED)
            m.data = NULL;
    } else {
        m.data = calloc(1, m.bytes);
    }
    return m;
}

static void memory_free(struct memory *m) {
    if (m->mapped && m->data)
        munmap(m->data, m->bytes);
    else
        free(m->data);
}

/* Move the first @used bytes of @from to a part of @data. Return: where they are now. */
static void *part_move(uint8_t *data, int part, uint32_t capacity, const void *from,
                       size_t used) {
    uint8_t *to = data + part_offset(part, capacity);
    if (used)
        memcpy(to, from, used);
    return to;
}

/* Room for @capacity events. Return: false when memory is short, and nothing is lost. */
static bool writer_move(struct chunk_writer *w, uint32_t capacity) {
    struct memory memory = memory_new(capacity);
    struct model *m = &w->model;
    uint8_t *data = memory.data;
    if (!data)
        return false;
    for (int i = 0; i < N_COLUMNS; i++)
        w->columns[i].data =
            part_move(data, i, capacity, w->columns[i].data, w->columns[i].n);
    w->site_ids.data =
        part_move(data, SITE_IDS, capacity, w->site_ids.data, w->site_ids.n);
    w->times = part_move(data, EVENT_TIMES, capacity, w->times, w->n * sizeof *w->times);
    m->last_size = part_move(data, LAST_SIZES, capacity, m->last_size,
                             w->n_sites * sizeof *m->last_size);
    m->successor = part_move(data, SUCCESSORS, capacity, m->successor,
                             w->n_sites * sizeof *m->successor);
    m->live = part_move(data, LIVE_BLOCKS, capacity, m->live, w->n * sizeof *m->live);
    table_move(w, &w->sites, data + part_offset(SITE_TABLE, capacity), 2 * capacity);
    table_move(w, &w->codes, data + part_offset(CODE_TABLE, capacity), 2 * capacity);
    memory_free(&w->memory);
    w->memory = memory;
    m->capacity = w->capacity = capacity;
    return true;
}

/* More room: at once for the most there can be, which costs what is used of it. */
static bool writer_grow(struct chunk_writer *w) {
    return (w->capacity < CHUNK_MAX_EVENTS && writer_move(w, CHUNK_MAX_EVENTS)) ||
           writer_move(w, 2 * w->capacity);
}

/* The one that was used last, for the next writer: most processes have one small chunk, and setting up costs as
 * much as compressing it. */
static ZSTD_CCtx *spare_zstd;

static ZSTD_CCtx *take_zstd(void) {
    ZSTD_CCtx *zstd = __atomic_exchange_n(&spare_zstd, NULL, __ATOMIC_ACQUIRE);
    return zstd ? zstd : ZSTD_createCCtx();
}

static void give_zstd(ZSTD_CCtx *zstd) {
    if (zstd)
        ZSTD_freeCCtx(__atomic_exchange_n(&spare_zstd, zstd, __ATOMIC_RELEASE));
}

struct chunk_writer *chunk_writer_new(uint64_t first_event) {
    struct chunk_writer *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->first_event = first_event;
    w->epoch = 1; /* empty slots have 0 */
    if (!writer_move(w, FIRST_CAPACITY))
        return chunk_writer_free(w);
    writer_restart(w);
    return w;
}

struct chunk_writer *chunk_writer_free(struct chunk_writer *w) {
    if (!w)
        return NULL;
    memory_free(&w->memory);
    give_zstd(w->zstd);
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

/* @e: without site and size where its kind has none */
static int add_event(struct chunk_writer *w, const struct chunk_event *e) {
    add_code(w, e);
    w->times[w->n] = e->time_ns;
    if (e->time_ns < w->start_ns)
        w->start_ns = e->time_ns;
    if (e->time_ns > w->end_ns)
        w->end_ns = e->time_ns;
    if (e->thread != w->run_thread)
        end_run(w);
    w->run_thread = e->thread;
    w->run_n++;
    if (has_site(e->kind))
        add_site(w, e);
    w->model.live[w->n].alive = 0;
    if (has_block(e->kind)) {
        uint32_t old = e->kind == SHM_EV_ALLOC ? 0 : add_reference(w, e);
        if (!old || e->kind == SHM_EV_REALLOC_END)
            add_address(w, e, old);
        model_apply(&w->model, w->n, e, old);
    }
    return ++w->n == CHUNK_MAX_EVENTS;
}

int chunk_writer_add(struct chunk_writer *w, const struct chunk_event *event) {
    struct chunk_event without;
    if (w->n == w->capacity && !writer_grow(w))
        return -ENOMEM;
    if (!has_site(event->kind) && (event->site || event->size)) {
        without = *event;
        without.site = 0;
        without.size = 0;
        event = &without;
    }
    return add_event(w, event);
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
    if (!w->zstd && !(w->zstd = take_zstd()))
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
