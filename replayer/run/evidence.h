/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence: what an execution left in its arena, read into an observation. Nothing is concluded here.
 */
#ifndef DEARTH_EVIDENCE_H
#define DEARTH_EVIDENCE_H

#include "attempt.h"

struct session;

/**
 * Sum up the leaks over the processes of a run. They are known when every process either
 * looked for them to the end or was replaced by exec: one that was killed may have held
 * anything. The list is sorted by site.
 */
void evidence_leaks(const struct session *session, struct observation *seen);

#endif
