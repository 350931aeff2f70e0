/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What another database's runs asked for: production, say, where nothing is made to fail. Its sites are found again
 * here by their keys, or, in another build, by their portable keys.
 *
 *   production.db: site, site_stat ─► struct demand ─► demand_find(key, portable key)
 */
#ifndef DEARTH_DEMAND_H
#define DEARTH_DEMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "key.h"

struct store;

/* A site that was called and can be made to fail, or was. */
struct demand_site {
    struct dearth_key key, portable; /* portable: all zero = not known */
    uint64_t calls, bytes,
        largest;     /* largest: bytes at once; calls 0 = only after a failure */
    uint64_t tested; /* executions in which it failed */
    uint32_t named,
        frames; /* of its stack's frames, those whose function is known; inlined ones are none */
    uint32_t *modules; /* of its stack: indices, each once; owned */
    uint32_t n_modules;
    char *location; /* its name; owned */
    char *op;       /* owned */
};

struct demand {
    struct dearth_key *modules; /* of their builds, in any order */
    uint32_t n_modules;
    bool estimated;            /* of a sample: calls and bytes */
    struct demand_site *sites; /* by key */
    uint32_t n;
    uint32_t *
        by_portable; /* indices; those without one come first; of equal ones those that were tested */
};

/** Which site of the two databases is the same? */
enum demand_match {
    DEMAND_NONE = 0,
    DEMAND_EXACT,    /* the same key: the same builds, the same calls */
    DEMAND_PORTABLE, /* the same names on the stack, in some build */
};

/** Read the sites of a database. Return: 0, or a negative errno after a message. @out: demand_deinit() */
int demand_read(struct store *store, struct demand *out);
/** The same of a file; one without any is refused by name. */
int demand_load(const char *path, struct demand *out);
void demand_deinit(struct demand *demand); /* twice is safe */

/**
 * Find a site of @from in @demand. Where the builds on its stack are all there, the key decides: another site of the same
 * names is another site.
 * @out: NULL with DEMAND_NONE.
 */
enum demand_match demand_find(const struct demand *demand, const struct demand *from,
                              const struct demand_site *site,
                              const struct demand_site **out);

/** How often was a site of @here, by its key, called there? 0 = never, or it is not in @here. */
uint64_t demand_calls(const struct demand *demand, const struct demand *here,
                      struct dearth_key key);

#endif
