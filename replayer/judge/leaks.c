/* SPDX-License-Identifier: Apache-2.0 */
/* Folding and comparing leaks: see leaks.h. Lists are sorted by site key. */
#include "leaks.h"

#include <stdlib.h>
#include <string.h>

#include "shm.h"
#include "text.h"

int leaks_compare(const void *a, const void *b) {
    return key_compare(((const struct leaked_site *)a)->site,
                       ((const struct leaked_site *)b)->site);
}

const char *leaks_unknown_text(uint32_t state) {
    switch (state) {
    case SHM_LEAKS_DONE:
        return "more sites leaked than there is room for";
    case SHM_LEAKS_BUDGET:
        return "the search took too long";
    case SHM_LEAKS_THREADS:
        return "another thread was still at work and could not be stopped";
    case SHM_LEAKS_MEMORY:
        return "there was no memory for the table of live blocks";
    case SHM_LEAKS_REFUSED:
        return "the program may not read its own /proc (a sandbox?)";
    default:
        return "a process was ended by a signal, or in a way that dearth cannot see";
    }
}

void leaks_fold(const struct observation *runs, uint32_t n, struct baseline *out) {
    uint32_t total = 0;
    out->leaks_known = true;
    for (uint32_t i = 0; i < n; i++) {
        out->leaks_known = out->leaks_known && runs[i].leaks.known;
        total += runs[i].leaks.n;
    }
    free(out->leaks);
    out->leaks = text_alloc((total + 1ull) * sizeof *out->leaks);
    out->n_leaks = 0;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < runs[i].leaks.n; k++)
            out->leaks[out->n_leaks++] = runs[i].leaks.sites[k];
    if (out->n_leaks)
        qsort(out->leaks, out->n_leaks, sizeof *out->leaks, leaks_compare);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < out->n_leaks; i++) {
        struct leaked_site *last = kept ? &out->leaks[kept - 1] : NULL;
        const struct leaked_site *next = &out->leaks[i];
        if (!last || !key_equal(last->site, next->site)) {
            out->leaks[kept++] = *next;
            continue;
        }
        last->blocks = last->blocks > next->blocks ? last->blocks : next->blocks;
        last->bytes = last->bytes > next->bytes ? last->bytes : next->bytes;
        last->direct = last->direct > next->direct ? last->direct : next->direct;
    }
    out->n_leaks = kept;
}

static uint64_t less(uint64_t a, uint64_t b) {
    return a > b ? a - b : 0;
}

/* Fewer blocks than in the baseline that are larger are none of the fault's. */
uint32_t leaks_excess(const struct baseline *b, struct leaked_site *leaks, uint32_t n) {
    uint32_t kept = 0;
    for (uint32_t i = 0; b->leaks_known && i < n; i++) {
        struct leaked_site left = leaks[i];
        const struct leaked_site *known =
            b->n_leaks ? bsearch(&left, b->leaks, b->n_leaks, sizeof left, leaks_compare)
                       : NULL;
        if (known) {
            left.blocks = less(left.blocks, known->blocks);
            left.bytes = less(left.bytes, known->bytes);
            left.direct = less(left.direct, known->direct);
        }
        if (left.blocks)
            leaks[kept++] = left;
    }
    return kept;
}
