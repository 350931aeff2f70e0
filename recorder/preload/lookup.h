/* SPDX-License-Identifier: Apache-2.0 */
/* dlsym() and dlvsym() of allocation functions: see lookup.c. */
#ifndef DEARTH_PRELOAD_LOOKUP_H
#define DEARTH_PRELOAD_LOOKUP_H

#include <stdint.h>

typedef void *lookup_function(void *handle, const char *name);
typedef void *lookup_version_function(void *handle, const char *name,
                                      const char *version);

/* Code that has asked for the next allocation function of that name. */
struct lookup_asked {
    uintptr_t caller; /* address of code */
    const char *name;
};

/** Find the next dlsym(). Context: before any other use of dlsym(). */
void lookup_start(void);

/** Number @i of those that have asked. Return: NULL = there are no more. Context: async-signal-safe. */
const struct lookup_asked *lookup_asked(uint32_t i);

/** What dlsym() goes on with, as it was called from @caller. Context: the stub in arch_<name>.c. */
lookup_function *lookup_choose(void *handle, const char *name, uintptr_t caller);

/** The same of dlvsym(). */
lookup_version_function *lookup_choose_version(void *handle, const char *name,
                                               const char *version, uintptr_t caller);

#endif
