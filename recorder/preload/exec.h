/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that this one starts: see exec.c. */
#ifndef DEARTH_PRELOAD_EXEC_H
#define DEARTH_PRELOAD_EXEC_H

#include "preload.h"

/** Find the real exec functions. Context: process_start(). */
void exec_start(void);

#endif
