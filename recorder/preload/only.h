/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that are to be recorded: see only.c. */
#ifndef DEARTH_PRELOAD_ONLY_H
#define DEARTH_PRELOAD_ONLY_H

#include <stdbool.h>

#include "shm.h"

/**
 * Is the program that runs here one of those that @arena names? If not, it is counted there.
 * Context: process_start(), once for each image.
 */
bool only_wants(struct shm_header *arena);

#endif
