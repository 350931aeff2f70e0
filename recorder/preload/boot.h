/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for ld.so and libunwind: see boot.c. */
#ifndef DEARTH_PRELOAD_BOOT_H
#define DEARTH_PRELOAD_BOOT_H

#include "preload.h"

/** Memory outside the target's heap. Return: NULL when the area is used up. */
void *boot_malloc(size_t bytes, size_t alignment);
void boot_free(void *p);
size_t boot_size(const void *p);

#define BOOT_BYTES (1u << 20)
extern char boot_area[BOOT_BYTES];
static inline bool boot_owns(const void *p) {
    return (uintptr_t)p - (uintptr_t)boot_area < BOOT_BYTES;
}

#endif
