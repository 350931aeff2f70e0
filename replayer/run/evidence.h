/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence: what an execution left in its arena, read into an observation. Nothing is concluded here.
 */
#ifndef DEARTH_EVIDENCE_H
#define DEARTH_EVIDENCE_H

#include <sys/types.h>

#include "attempt.h"

struct session;

/**
 * Did the fault fire, and what is known of it?
 * @first: process that must have attached; 0 = any will do (under a debugger the program is not ours)
 */
void evidence_proof(const struct session *session, pid_t first, struct observation *seen);

/** Allocating calls, counted by site. */
void evidence_calls(const struct session *session, struct observation *seen);

/** What guarded blocks have shown. */
void evidence_damage(const struct session *session, struct observation *seen);

/** Addresses of sockets, taken and refused. */
void evidence_addresses(const struct session *session, struct observation *seen);

/**
 * Sum up the leaks over the processes of a run. They are known when every process either
 * looked for them to the end or was replaced by exec: one that was killed may have held
 * anything. The list is sorted by site.
 */
void evidence_leaks(const struct session *session, struct observation *seen);

/** Did a stack of any process need libunwind? */
bool evidence_missed_libunwind(const struct session *session);

#endif
