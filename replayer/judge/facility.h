/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facilities of the C library that do without memory in their own way, so that the program
 * goes on and prints something else: no locale, no user names, another order.
 */
#ifndef DEARTH_FACILITY_H
#define DEARTH_FACILITY_H

#include "frames.h"

struct facility {
    const char *name;   /* "locale", ...; static */
    const char *effect; /* what a user sees then; static */
};

/**
 * Is the failed allocation the C library's own, made for one of its facilities?
 * @fault: stack of the allocation, innermost first
 * @exe: path of the program
 * @entry: the function of the facility that was called, out
 * Return: the facility, or NULL.
 */
const struct facility *facility_find(const struct frame *fault, uint32_t n,
                                     const char *exe, const struct frame **entry);

#endif
