/* SPDX-License-Identifier: Apache-2.0 */
/* The stack that a finding was shown again with, named as in the report: it was seen just now, and is in
 * no database. */
#ifndef DEARTH_REPRO_NAMES_H
#define DEARTH_REPRO_NAMES_H

#include <stdint.h>

#include "attempt.h"
#include "text.h"

/**
 * Append the innermost @n @frames, a line each, more where calls were inlined: function and file:line, or
 * what is known of them. Names are looked up in a process of its own (namer.h).
 */
void repro_names_add(const struct crash_frame *frames, uint32_t n, struct text *out);

#endif
