/* SPDX-License-Identifier: Apache-2.0 */
/* Ordered failures: see fault.c. */
#ifndef DEARTH_PRELOAD_FAULT_H
#define DEARTH_PRELOAD_FAULT_H

#include "thread.h"

/**
 * Decide whether this call must fail and record the proof if so.
 * Return: whether it fails. Context: re-entry flag held.
 */
bool fault_due(struct thread *thread, uint32_t node, uint64_t size);

/** SHM_SKIP_UNWIND: can no fault match a call from @address? */
bool fault_skips(uintptr_t address);

/** An allocating call after a fault fired: counted, with the place it comes from. */
void fault_note_progress(uintptr_t address);

/** Prove that fault @index fired: the fields of faults[index] are complete. */
void fault_prove(uint32_t index);

/** Does a sticky fault or a burst that fired before take this call too? Counts it. It takes those of the threads that it is
 * of, and with a scope those in it. @thread: NULL = a copy's, the one that it was made by; @node: its site, 0 = not known */
bool fault_lasting(const struct thread *thread, uint32_t node);

/** The site of a call that failed: of a lasting failure the last one is kept. @node: 0 = not known. */
void fault_note_last(uint32_t node);

/** Where `dearth repro --gdb` stops: a failure is about to be returned. */
EXPORT void dearth_fault_injected(void);

#endif
