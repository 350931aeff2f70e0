/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that lock their memory: see memlock.c. */
#ifndef DEARTH_PRELOAD_MEMLOCK_H
#define DEARTH_PRELOAD_MEMLOCK_H

#include "preload.h"

/** Find mlockall(). Context: process_start(). */
void memlock_start(void);

#endif
