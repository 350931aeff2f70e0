/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facilities of the C library that do without memory in their own way, so that the program
 * goes on and prints something else: no locale, no user names, another order.
 */
#ifndef DEARTH_FACILITY_H
#define DEARTH_FACILITY_H

#include "catalogue.h"
#include "frames.h"

/**
 * Is the failed allocation the C library's own, made for one of its facilities?
 * @fault: stack of the allocation, innermost first
 * @exe: path of the program
 * @entry: the function of the facility that was called, out
 * Return: the section of the facility, with its name and its effect, or NULL.
 */
const struct catalogue_section *facility_find(const struct catalogue *catalogue,
                                              const struct frame *fault, uint32_t n,
                                              const char *exe,
                                              const struct frame **entry);

#endif
