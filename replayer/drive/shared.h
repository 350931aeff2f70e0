/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the replays of one suite's programs have in common, one after the other: found out in one of them, it need not be
 * in the next.
 */
#ifndef DEARTH_SHARED_H
#define DEARTH_SHARED_H

#include "scoping.h"

/* Zero is valid. */
struct replay_shared {
    struct scoping_modules modules; /* that later calls are looked up in */
};
void replay_shared_deinit(struct replay_shared *shared); /* twice is safe */

#endif
