/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that modules map by themselves: see mapped.c. */
#ifndef DEARTH_PRELOAD_MAPPED_H
#define DEARTH_PRELOAD_MAPPED_H

#include <stddef.h>
#include <stdint.h>

#define MAPPED_CALLERS 64u

struct mapped {
    uintptr_t caller; /* address of code; 0 = free */
    uint64_t bytes;   /* that it has got so far */
};

/** Find the next mmap(). Context: process_start(). */
void mapped_start(void);

/** That code has got @bytes. Context: any; async-signal-safe. */
void mapped_add(uintptr_t caller, size_t bytes);

/** Number @i of those that have got some. Return: NULL = there are no more. Context: async-signal-safe. */
const struct mapped *mapped_by(uint32_t i);

#endif
