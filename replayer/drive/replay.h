/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth replay`: run the recorded program again and again, each time with one fault,
 * and write down what happens. `dearth check` calls the same function.
 */
#ifndef DEARTH_REPLAY_H
#define DEARTH_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "options.h"

struct store;

/* Outcomes > 0 of replay_run(). */
enum replay_outcome {
    REPLAY_DONE = 0,
    REPLAY_BUDGET = 1,      /* the time budget ended it; what was done is stored */
    REPLAY_INTERRUPTED = 2, /* common/base/interrupt.h; what was done is stored */
    REPLAY_REFUSED = 3,     /* options->proof does not hold: nothing was failed */
};

/**
 * Replay one recording of @store.
 * Goes on where an earlier replay of the same recording stopped (unless plan.retest).
 * Prints progress and a summary on stderr.
 * @replay_id: id of the replay row, out; 0 for a dry run; may be NULL
 * Return: enum replay_outcome, or a negative errno after a message.
 * Context: catches the signals of common/base/interrupt.h while it runs.
 */
int replay_run(const struct replay_options *options, struct store *store,
               int64_t *replay_id);

#endif
