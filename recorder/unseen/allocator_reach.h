/* SPDX-License-Identifier: Apache-2.0 */
/* Does an allocator pass on to malloc()? See allocator_reach.c. */
#ifndef DEARTH_ALLOCATOR_REACH_H
#define DEARTH_ALLOCATOR_REACH_H

#include "allocator.h"

/** Follow the calls that an allocator's entries make, a few deep: fills in reaches, jumps, called. */
void allocator_reach(Elf *elf, struct allocator *allocator);

#endif
