/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a test harness asks for itself, by the catalogue: no code of anybody who has a program tested. It is left out
 * of a plan unless it is asked for by name.
 *
 *   malloc ◄─ operator new ◄─ testing::internal::MakeAndRegisterTestInfo ◄─ ...     the harness's
 *   malloc ◄─ operator new ◄─ words::copy ◄─ WordsTest::TestBody ◄─ testing::...    not
 */
#ifndef DEARTH_HARNESS_H
#define DEARTH_HARNESS_H

#include "sites.h"

struct catalogue;

/**
 * Mark the sites that a harness asks for: plan_site.harness. @sites: loaded with stacks
 * @exe: path of the program, or NULL
 * Return: name of the harness that the first of them is of; NULL = there is none. The catalogue's.
 */
const char *harness_mark(const struct catalogue *catalogue, const char *exe,
                         struct sites *sites);

#endif
