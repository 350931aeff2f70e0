/* SPDX-License-Identifier: Apache-2.0 */
/* The runs without a fault that doubted output waits for. */
#ifndef DEARTH_CONTROL_H
#define DEARTH_CONTROL_H

#include <stdbool.h>

#include "attempt.h"

struct drive;
struct session;
struct task;

/** Are there doubted attempts, and was the last control long ago? */
bool control_is_due(const struct drive *d);
/** Return: a control, or NULL when nothing waits for one. */
struct task *control_make(struct drive *d);
/** The result of a control: what waited for it is settled. */
int control_take(struct drive *d, struct observation *seen,
                 const struct session *session);

#endif
