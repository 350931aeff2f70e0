/* SPDX-License-Identifier: Apache-2.0 */
/* AddressSanitizer in the program: see sanitizer.c. */
#ifndef DEARTH_PRELOAD_SANITIZER_H
#define DEARTH_PRELOAD_SANITIZER_H

#include "preload.h"

/** Find libc's dl_iterate_phdr(). Context: process_start(). */
void sanitizer_start(void);
/** Be in the list of libraries again. Context: constructor. */
void sanitizer_show(void);

#endif
