/* SPDX-License-Identifier: Apache-2.0 */
/* A running 128-bit digest over bytes (the key hash, chained block by block). */
#ifndef DEARTH_DIGEST_H
#define DEARTH_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_BLOCK_BYTES 32768u

/* Zero is valid and empty. The result does not depend on how the bytes were cut. */
struct digest {
    uint8_t block[16 + DIGEST_BLOCK_BYTES]; /* digest so far, then bytes not yet in it */
    size_t n;                               /* of those */
    uint64_t total;
};

void digest_add(struct digest *digest, const void *data, size_t n);
/** All zero when nothing was added. */
void digest_end(struct digest *digest, uint8_t out[static 16]);

#endif
