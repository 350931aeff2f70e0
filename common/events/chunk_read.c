/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading chunks of events: the format is told in chunk.h.
 *
 *   blob ─► zstd ─► columns ─► model (chunk_model.h) ─► event
 *
 * Whatever a damaged blob says, every index is checked before it is used; nothing is
 * allocated by a number in the blob that is not bounded first.
 *
 * Who runs it: any reader, also inside the stock sqlite3 shell: so no message is printed and
 * nothing exits.
 */
#include "chunk.h"

#include <errno.h>
#include <zstd.h>

#include "chunk_model.h"

static uint64_t unzigzag(uint64_t z) {
    return z >> 1 ^ (0 - (z & 1));
}

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
    bool addresses; /* false = they are read over */
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

static void skip_address(struct reader *r) {
    if (take(&r->columns[BLOCKS]) == 1)
        take(&r->columns[BLOCKS]);
}

/* What model_apply() does but for addresses, which nothing asks for then. */
static void apply_without_addresses(struct reader *r, uint32_t i,
                                    const struct chunk_event *e, uint32_t old) {
    if (old && e->kind != SHM_EV_REALLOC_FAIL)
        live_remove(&r->model, old - 1);
    if (e->kind != SHM_EV_FREE && e->kind != SHM_EV_REALLOC_FAIL)
        live_add(&r->model, i, e);
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
    bool known = old && e->kind != SHM_EV_REALLOC_END;
    if (!r->addresses) {
        if (!known)
            skip_address(r);
        apply_without_addresses(r, i, e, old);
        return;
    }
    if (known)
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

static int read_chunk(const uint8_t *data, size_t n, bool addresses,
                      struct chunk_event *events, uint64_t *first_event,
                      uint32_t *n_events) {
    struct reader r = {.addresses = addresses};
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

int chunk_read(const uint8_t *data, size_t n, struct chunk_event *events,
               uint64_t *first_event, uint32_t *n_events) {
    return read_chunk(data, n, true, events, first_event, n_events);
}

int chunk_read_without_addresses(const uint8_t *data, size_t n,
                                 struct chunk_event *events, uint64_t *first_event,
                                 uint32_t *n_events) {
    return read_chunk(data, n, false, events, first_event, n_events);
}
