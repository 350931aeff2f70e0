/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A unit as a recording of its own: what the program, and what it started, did in the suite, with all that
 * it was started with. `dearth replay` replays it like any other, in private trees; its runs without a
 * fault are the proof that it does by itself what it did in the suite.
 */
#ifndef DEARTH_SUITE_UNIT_H
#define DEARTH_SUITE_UNIT_H

#include <stdint.h>

#include "suite_load.h"

/** Make it, or find the one that was made before. Return: its id, or a negative errno after a message. */
int64_t suite_unit_recording(struct suite *suite, uint32_t unit);

/** Write down that the unit is @recording, with what its proof has shown: of @n_sites, it has @reached. What was
 * shown with more sites stands. Return: 0 or -errno. */
int suite_unit_proved(struct suite *suite, uint32_t unit, int64_t recording,
                      uint32_t n_sites, uint32_t reached);

/** Remove @recording and what its replay has written: the unit does something else by itself, as @reason
 * says. Return: 0 or a negative errno after a message. */
int suite_unit_refuse(struct suite *suite, uint32_t unit, int64_t recording,
                      uint32_t reached, const char *reason);

/** Refusals of earlier commands, into the units. Return: 0 or a negative errno after a message. */
int suite_unit_load_refused(struct suite *suite);

#endif
