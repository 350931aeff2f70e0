/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that filter their system calls: see sandbox.c. */
#ifndef DEARTH_PRELOAD_SANDBOX_H
#define DEARTH_PRELOAD_SANDBOX_H

#include "preload.h"

/** Find prctl(). Context: process_start(). */
void sandbox_start(void);

#endif
