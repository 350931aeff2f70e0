/* SPDX-License-Identifier: Apache-2.0 */
/* A program that lives through many orders, in a worker: the running half of a sweep. */
#ifndef DEARTH_SERVER_H
#define DEARTH_SERVER_H

#include <stdint.h>

#include "execution.h"

struct server;

struct server *server_new(struct execution *execution);
/** Ends the program. NULL allowed. Return: NULL. */
struct server *server_free(struct server *server);

/**
 * Carry out one order: start the program unless it runs, arm, drive, lift, ask for health, drive again.
 * A site_id of 0 only drives; order->idle only starts it. order->fresh: start it again before, unless
 * nothing was ever armed in it; order->at_start: with the fault armed.
 * @limit_ns: of the drive command, and of health after it
 * @seen: filled in, owned by the caller
 * Return: 0, or a negative errno after a message: this worker is of no more use.
 */
int server_run(struct server *server, const struct order *order, uint64_t limit_ns,
               struct observation *seen);

/** Attend to the program until there is something on the channel. Return: 0 or a negative errno. */
int server_idle(struct server *server);

#endif
