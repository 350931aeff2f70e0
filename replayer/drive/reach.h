/* SPDX-License-Identifier: Apache-2.0 */
/* When the sites of a sweep come up. */
#ifndef DEARTH_REACH_H
#define DEARTH_REACH_H

#include <stdbool.h>
#include <stdint.h>

#include "key.h"

struct session;

/* A sweep: which sites came up when the program was driven. Zero is valid and empty. */
struct reach {
    struct reach_site *list;
    uint32_t n;
    struct reach_site *before; /* calls when it began to serve */
    uint32_t n_before;
};

void reach_started(struct reach *reach, const struct session *session);
void reach_driven(struct reach *reach, const struct session *session);
/** Does the site come up again and again, not only when the program starts? */
bool reach_is_driven(const struct reach *reach, struct dearth_key site);
void reach_deinit(struct reach *reach);

#endif
