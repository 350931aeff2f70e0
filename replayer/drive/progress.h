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
#include "idmap.h"
#include "text.h"

struct progress {
    bool hidden, tty;
    bool shown; /* a line stands on the terminal */
    uint64_t started_ns, last_ns;
    uint64_t done, planned; /* faults settled, faults planned */
    uint64_t executions;
    uint64_t guarded;              /* of them, with guarded blocks */
    struct idmap seen;             /* locations and what was shown there */
    uint32_t findings[N_VERDICTS]; /* of `seen`, by verdict */
};

void progress_init(struct progress *p, uint64_t planned);
void progress_deinit(struct progress *p);
/**
 * Count what an execution of its own has shown; what was shown at that location before is no news, nor is a
 * repeat of it.
 * @location: of the call that failed; 0 = not known
 */
void progress_found(struct progress *p, enum verdict verdict, int64_t location);
/** Append what the line says at @now_ns. Context: pure. */
void progress_add_line(const struct progress *p, uint64_t now_ns, struct text *out);
/** Show it, at most a few times a second. */
void progress_show(struct progress *p);
/** Take the line off the terminal: before any other message, and at the end. */
void progress_clear(struct progress *p);

#endif
