/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dearth's own threads under ThreadSanitizer: chunks decoded ahead of their reader, and the thread
 * that passes standard input on. Built with what these need and no more, always with
 * -fsanitize=thread where that can be had: a race ends the test. The rest of dearth is processes.
 */
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "chunk.h"
#include "chunk_ahead.h"
#include "shm.h"
#include "tee.h"

#include "check.h"

#define CHUNKS 60u
#define EVENTS 500u
#define ROUNDS 8u

static struct {
    uint8_t *data;
    size_t n;
} chunks[CHUNKS];

static void make_chunks(void) {
    struct chunk_writer *w = chunk_writer_new(0);
    for (unsigned i = 0; i < CHUNKS; i++) {
        struct chunk_summary summary;
        const uint8_t *data;
        for (unsigned k = 0; k < EVENTS; k++) {
            const struct chunk_event e = {.time_ns = i * EVENTS + k,
                                          .kind = SHM_EV_ALLOC,
                                          .op = SHM_OP_MALLOC,
                                          .site = 1 + k % 7,
                                          .size = i + k,
                                          .address = 4096 + 64 * k,
                                          .reference = CHUNK_NONE};
            MUST(chunk_writer_add(w, &e) == 0);
        }
        MUST(chunk_writer_finish(w, &summary, &data, &chunks[i].n) == 0);
        chunks[i].data = malloc(chunks[i].n);
        memcpy(chunks[i].data, data, chunks[i].n);
    }
    chunk_writer_free(w);
}

/* @damaged: this one cannot be read. @until: the reader gives up there, with chunks under way. */
static void read_ahead(unsigned damaged, unsigned until) {
    struct chunk_ahead *a = chunk_ahead_new(true);
    const struct chunk_event *events;
    uint64_t first;
    uint32_t n;
    MUST(a);
    for (unsigned put = 0, taken = 0; taken < until; taken++) {
        for (; put < CHUNKS && chunk_ahead_room(a); put++)
            MUST(chunk_ahead_put(a, chunks[put].data, chunks[put].n - (put == damaged)) ==
                 0);
        int r = chunk_ahead_take(a, &events, &first, &n);
        MUST(r == (taken == damaged ? -EBADMSG : 0));
        if (r == 0)
            MUST(n == EVENTS && first == taken * EVENTS &&
                 events[n - 1].size == taken + n - 1);
    }
    chunk_ahead_free(a);
}

/* Pass @bytes on, or stop while half of them are on their way; @cap of them are kept. */
static void pass_on(size_t bytes, size_t cap, bool whole) {
    static uint8_t buffer[4096];
    struct tee *tee = NULL;
    int upstream[2], read_end;
    size_t n, seen = 0;
    bool truncated;
    const uint8_t *kept;
    MUST(pipe(upstream) == 0 && dup2(upstream[0], STDIN_FILENO) == STDIN_FILENO);
    close(upstream[0]);
    MUST(tee_new(cap, &tee, &read_end) == 0 && tee_start(tee) == 0);
    for (size_t sent = 0; sent < bytes; sent += sizeof buffer) {
        memset(buffer, (int)(sent / sizeof buffer), sizeof buffer);
        MUST(write(upstream[1], buffer, sizeof buffer) == sizeof buffer);
        if (whole || sent < bytes / 2)
            for (size_t left = sizeof buffer; left;) {
                ssize_t got = read(read_end, buffer, left);
                MUST(got > 0);
                left -= (size_t)got;
                seen += (size_t)got;
            }
    }
    close(upstream[1]);
    MUST(!whole || (read(read_end, buffer, 1) == 0 && seen == bytes));
    tee_stop(tee, &kept, &n, &truncated);
    MUST(n <= cap && n >= (seen < cap ? seen : cap) &&
         truncated == (whole && seen > cap));
    for (size_t i = 0; i < n; i++)
        MUST(kept[i] == (uint8_t)(i / sizeof buffer));
    tee_free(tee);
    close(read_end);
}

int main(void) {
    make_chunks();
    for (unsigned i = 0; i < ROUNDS; i++) {
        read_ahead(i % 2 ? CHUNKS : i, CHUNKS);
        read_ahead(CHUNKS, i);
    }
    for (unsigned i = 0; i < CHUNKS; i++)
        free(chunks[i].data);
    for (unsigned i = 0; i < ROUNDS; i++) {
        pass_on(40960, i % 2 ? 100000 : 10000, true);
        pass_on(40960, 100000, false);
    }
    return 0;
}
