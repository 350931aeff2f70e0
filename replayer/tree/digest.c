/* SPDX-License-Identifier: Apache-2.0 */
/* A digest over bytes, chained block by block: see digest.h. */
#include "digest.h"

#include <string.h>

#include "key.h"

static void close_block(struct digest *d) {
    struct dearth_key key = key_hash(d->block, 16 + d->n);
    memcpy(d->block, &key.lo, 8);
    memcpy(d->block + 8, &key.hi, 8);
    d->n = 0;
}

void digest_add(struct digest *d, const void *data, size_t n) {
    const uint8_t *p = data;
    d->total += n;
    while (n) {
        size_t take = DIGEST_BLOCK_BYTES - d->n;
        if (take > n)
            take = n;
        memcpy(d->block + 16 + d->n, p, take);
        d->n += take, p += take, n -= take;
        if (d->n == DIGEST_BLOCK_BYTES)
            close_block(d);
    }
}

void digest_end(struct digest *d, uint8_t out[static 16]) {
    if (d->n)
        close_block(d);
    memcpy(out, d->block, 16);
}
