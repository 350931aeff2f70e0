/* SPDX-License-Identifier: Apache-2.0 */
/* Event chunks: an edited real one, or columns made of the input. Both readers agree about what is
 * damaged, and what is not holds what a chunk may hold. */
#include "chunk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "shm.h"
#include "text.h"

static struct chunk_event seen[CHUNK_MAX_EVENTS], again[CHUNK_MAX_EVENTS];

/* A little program: blocks that are freed, moved and kept, by two threads. */
static struct text make_chunk(uint32_t n_events) {
    struct chunk_writer *w = chunk_writer_new(7);
    struct chunk_summary summary;
    struct text out = {0};
    const uint8_t *data;
    size_t n;
    for (uint32_t i = 0; i < n_events; i++) {
        struct chunk_event e = {.time_ns = i * 90ull + i % 7,
                                .thread = 1 + i / 50 % 2,
                                .reference = CHUNK_NONE};
        bool frees = i % 3 == 2, moves = i % 11 == 10;
        e.kind = moves ? SHM_EV_REALLOC_END : frees ? SHM_EV_FREE : SHM_EV_ALLOC;
        e.op = moves ? SHM_OP_REALLOC : frees ? SHM_OP_FREE : SHM_OP_MALLOC;
        e.address = 0x1000 + i % 40 * 64;
        if (frees || moves)
            e.reference = 7 + i - 1 - (i > 20 ? i % 20 : 0);
        if (!frees) {
            e.size = i % 100;
            e.site = 1 + i % 9;
        }
        chunk_writer_add(w, &e);
    }
    if (chunk_writer_finish(w, &summary, &data, &n) != 0)
        abort();
    text_add_n(&out, (const char *)data, n);
    chunk_writer_free(w);
    return out;
}

static void add_varint(struct text *t, uint64_t value) {
    do {
        uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f) << 7);
        text_add_n(t, (const char *)&byte, 1);
        value >>= 7;
    } while (value);
}

/* "DCH1", a head and seven columns as they are, of lengths that the input says. */
static struct text make_columns(struct fuzz *f) {
    struct text t = {0};
    text_add_n(&t, "DCH1", 4);
    add_varint(&t, fuzz_byte(f));
    add_varint(&t, 1 + fuzz_byte(f));
    add_varint(&t, fuzz_byte(f) % 12);
    add_varint(&t, fuzz_byte(f));
    size_t lengths[7];
    for (int i = 0; i < 7; i++)
        lengths[i] = fuzz_byte(f);
    for (int i = 0; i < 7; i++) {
        size_t n = lengths[i] < f->left ? lengths[i] : f->left;
        add_varint(&t, n);
        add_varint(&t, 0);
        text_add_n(&t, (const char *)f->at, n);
        f->at += n;
        f->left -= n;
    }
    return t;
}

static void read_both(const uint8_t *data, size_t n) {
    uint64_t first = 0, first_again = 0;
    uint32_t count = 0, count_again = 0;
    uint8_t *exact = malloc(n ? n : 1); /* so that a read past the end shows */
    if (!exact)
        abort();
    memcpy(exact, data, n);
    int r = chunk_read(exact, n, seen, &first, &count);
    int q = chunk_read_without_addresses(exact, n, again, &first_again, &count_again);
    if ((r != 0 && r != -EBADMSG) || (q != 0 && q != -EBADMSG))
        abort();
    if (r == 0 && (count == 0 || count > CHUNK_MAX_EVENTS))
        abort();
    /* Addresses that cannot be guessed are damage that only the first one sees. */
    if (r == 0 && (q != 0 || first != first_again || count != count_again))
        abort();
    for (uint32_t i = 0; r == 0 && i < count; i++)
        if (seen[i].reference != CHUNK_NONE && seen[i].kind == SHM_EV_ALLOC)
            abort();
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n) {
    static struct text bases[3];
    struct fuzz f = {input, n};
    if (!bases[0].n)
        for (uint32_t i = 0, sizes[] = {1, 60, 3000}; i < 3; i++)
            bases[i] = make_chunk(sizes[i]);
    uint8_t which = fuzz_byte(&f) % 4;
    if (which == 3) {
        AUTO_TEXT struct text t = make_columns(&f);
        read_both((const uint8_t *)t.data, t.n);
    } else {
        size_t n_edited;
        AUTO_FREE uint8_t *edited =
            fuzz_edit(&f, (const uint8_t *)bases[which].data, bases[which].n, &n_edited);
        read_both(edited, n_edited);
    }
    return 0;
}
