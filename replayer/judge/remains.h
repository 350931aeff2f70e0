/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an error path leaves besides memory and files: processes that run on. Pure.
 *
 * What ends by itself soon after, as the reader of a pipe does, harms nobody, nor does what every run leaves:
 * a daemon. Only an ordinary end counts: a crash can tidy up nothing.
 */
#ifndef DEARTH_REMAINS_H
#define DEARTH_REMAINS_H

#include "attempt.h"

/** Has an attempt left a process running that no run without a fault leaves? */
bool remains_has_children(const struct baseline *baseline, const struct observation *seen,
                          const struct judgement *judgement);

/** How long @seen's processes are waited for before that is certain; 0 = the program itself takes too
 * long for that. */
uint64_t remains_patience_ns(const struct baseline *baseline);

/** Say so in @out, and raise its severity. @patience_ns: they were still there then */
void remains_say_children(const struct observation *seen, uint64_t patience_ns,
                          struct judgement *out);

#endif
