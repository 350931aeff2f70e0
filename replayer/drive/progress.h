/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a replay is: one line that is rewritten on a terminal, a plain line now and
 * then in a log. Hidden by -q.
 */
#ifndef DEARTH_PROGRESS_H
#define DEARTH_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "attempt.h"

struct progress {
    bool hidden, tty;
    bool shown; /* a line stands on the terminal */
    uint64_t started_ns, last_ns;
    uint64_t done, planned; /* faults settled, faults planned */
    uint64_t executions;
    uint64_t guarded;              /* of them, with guarded blocks */
    uint32_t verdicts[N_VERDICTS]; /* executions by verdict */
};

void progress_init(struct progress *p, uint64_t planned);
/** Show it, at most a few times a second. */
void progress_show(struct progress *p);
/** Take the line off the terminal: before any other message, and at the end. */
void progress_clear(struct progress *p);

#endif
