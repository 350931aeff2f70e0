/* SPDX-License-Identifier: Apache-2.0 */
/* What was never freed: what its numbers hint at, and when it is not known. */
#ifndef DEARTH_KEPT_H
#define DEARTH_KEPT_H

#include <stdint.h>

#include "text.h"

struct store;

/* Of a site, in one recording. */
struct kept {
    uint64_t frees, live_blocks; /* live: at the end of their process */
    uint64_t live_bytes;
    uint64_t last_ns; /* of its last call, from the recording's start */
};

/**
 * Append a hint: "12.5 % kept, still asked for at the end".
 * @end_ns: how long the recording took; 0 = not known
 */
void kept_add_hint(struct text *out, const struct kept *kept, uint64_t end_ns);

/**
 * A module whose free() is another's ends blocks that we saw being made, and we do not see it: what looks as if it had
 * never been freed may have been.
 * @module: out; free() it; NULL = there is none
 * Return: 0 or negative errno after a message.
 */
int kept_unknown(struct store *store, int64_t recording_id, char **module);

#endif
