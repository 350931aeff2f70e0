/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of the process: see fault_snapshot.c. */
#ifndef DEARTH_PRELOAD_FAULT_SNAPSHOT_H
#define DEARTH_PRELOAD_FAULT_SNAPSHOT_H

#include "preload.h"

struct thread;

/**
 * SHM_SNAPSHOT: copy this process for every order that is due at this call.
 * @thread: the calling one
 * Return: true in a copy, whose call must fail; false in the original.
 * Context: re-entry flag held.
 */
bool fault_snapshot_due(struct thread *thread, uint32_t node, uint64_t size);

#endif
