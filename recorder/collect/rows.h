/* SPDX-License-Identifier: Apache-2.0 */
/* Rows written by the collector: see rows.c. */
#ifndef DEARTH_ROWS_H
#define DEARTH_ROWS_H

#include "collector_private.h"

int rows_prepare(struct collector *c);
void rows_finalize(struct collector *c);
/** Open a transaction if none is. */
int rows_begin(struct collector *c);

int64_t rows_put_process(struct collector *c, const struct watched *w);
/** Its row has ended; add @lost to its losses. */
int rows_add_lost(struct collector *c, const struct watched *w, uint64_t lost);
int rows_end_process(struct collector *c, const struct watched *w, const char *end,
                     uint64_t lost);
int64_t rows_put_thread(struct collector *c, const struct watched *w, uint32_t serial,
                        uint32_t tid, uint64_t started_ns);
int rows_end_thread(struct collector *c, const struct thread_seen *t);
int rows_put_modules(struct collector *c, struct watched *w);
int rows_end_modules(struct collector *c, const struct watched *w);
int rows_put_chunk(struct collector *c, struct watched *w);
/** Sums of the sites that have changed since the last time. */
int rows_put_stats(struct collector *c, struct watched *w);
int rows_put_marks(struct collector *c, struct watched *w);
int rows_drop_marks(struct collector *c, const struct watched *w);
/** What the recording's row says while it runs. */
int rows_put_peak(struct collector *c);
int rows_put_notes(struct collector *c, const struct watched *w, uint32_t *n);

#endif
