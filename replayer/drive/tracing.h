/* SPDX-License-Identifier: Apache-2.0 */
/* What is lost where attempts cannot be traced, said once: see tracing.c. */
#ifndef DEARTH_TRACING_H
#define DEARTH_TRACING_H

struct replay;
struct observation;

/** Has the kernel refused to have this execution traced? Then none is from now on. Return: 0 or a negative
 * errno after a message. */
int tracing_take(struct replay *replay, const struct observation *seen);

/** Attempts are not traced for another reason than the kernel's. Return: as above.
 * @why: a clause */
int tracing_left_out(struct replay *replay, const char *why);

#endif
