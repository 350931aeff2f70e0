/* SPDX-License-Identifier: Apache-2.0 */
/* What a C++ exception meets on its way out of a function: see landing.c. */
#ifndef DEARTH_LANDING_H
#define DEARTH_LANDING_H

#include <elfutils/libdwfl.h>
#include <sys/types.h>

enum landing {
    LANDING_UNKNOWN, /* also: a function of another language */
    LANDING_PASSES,  /* destructors at most */
    LANDING_CATCHES, /* std::bad_alloc, by its name or that of std::exception */
    LANDING_CATCHES_ALL,
    LANDING_TERMINATES, /* it lets no exception out: noexcept, a destructor */
    LANDING_GUARDED, /* as before, since what it calls there lets none out; next to that call it
                           catches std::bad_alloc, */
    LANDING_GUARDED_ALL /* or all */
};

/**
 * Look at the frame that will return to, or is at, @pc.
 * @pid: stopped, or its memory does not change
 */
enum landing landing_of(Dwfl *dwfl, pid_t pid, Dwarf_Addr pc);

#endif
