/* SPDX-License-Identifier: Apache-2.0 */
/* Failures by chance: see fault_chance.c. */
#ifndef DEARTH_PRELOAD_FAULT_CHANCE_H
#define DEARTH_PRELOAD_FAULT_CHANCE_H

#include "thread.h"

/** SHM_CHANCE: must this call fail? Writes down which. Context: re-entry flag held. */
bool fault_chance_due(struct thread *thread, uint32_t node, uint64_t size);

#endif
