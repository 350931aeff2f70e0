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

/* Who asks for memory, as far as one frame says. */
enum harness_asks {
    HARNESS_ASKS_NOT,   /* it passes the call on */
    HARNESS_ASKS_OTHER, /* what is tested */
    HARNESS_ASKS_HARNESS,
};
/** The harness that some function of @frame is of: its name, the catalogue's; NULL = none. Pure. */
const char *harness_is_of(const struct catalogue *catalogue,
                          const struct plan_frame *frame);
/** Is @module the C library, the C++ runtime or the loader, whose functions pass calls on? @exe: as below. Pure. */
bool harness_is_of_runtime(const struct catalogue *catalogue, const char *module,
                           const char *exe);
/** @frame: with its inlined functions; @exe: as below. Pure. */
enum harness_asks harness_asks(const struct catalogue *catalogue, const char *exe,
                               const struct plan_frame *frame);

/**
 * Mark the sites that a harness asks for: plan_site.harness. @sites: loaded with stacks
 * @exe: path of the program, or NULL
 * Return: name of the harness that the first of them is of; NULL = there is none. The catalogue's.
 */
const char *harness_mark(const struct catalogue *catalogue, const char *exe,
                         struct sites *sites);

#endif
