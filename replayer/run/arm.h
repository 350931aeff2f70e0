/* SPDX-License-Identifier: Apache-2.0 */
/* What an execution is to do, put into its arena before it is started. */
#ifndef DEARTH_ARM_H
#define DEARTH_ARM_H

#include <stdbool.h>

struct execution;
struct order;

/** Empty the arena and lay @order down in it. Return: 0, or a negative errno after a message. */
int arm_order(struct execution *execution, const struct order *order);

/** Lay down the scope of failures that last, if there is one. Context: right before the program starts.
 * Return: 0, or a negative errno after a message. */
int arm_scope(struct execution *execution);

/** Empty the arena for an original that gets no fault itself, and whose copies get their own.
 * @leaks: it is watched, for copies that look for leaks at their ends; @only_leaks: as all of them do */
void arm_copied(struct execution *execution, bool leaks, bool only_leaks);

#endif
