/* SPDX-License-Identifier: Apache-2.0 */
/* Words for damage to a block: damage.h. */
#include "damage.h"

#include <stdio.h>
#include <string.h>

#include "shm.h"

const char *damage_name(uint32_t kind) {
    static const char *const names[] = {NULL,         "overrun",     "underrun",
                                        "after_free", "double_free", "bad_free"};
    return kind < sizeof names / sizeof *names ? names[kind] : NULL;
}

const char *damage_where_name(uint32_t where) {
    static const char *const names[] = {NULL, "free", "realloc", "eviction", "exit"};
    return where < sizeof names / sizeof *names ? names[where] : NULL;
}

uint32_t damage_from_name(const char *name) {
    for (uint32_t kind = SHM_DAMAGE_OVERRUN; name && kind <= SHM_DAMAGE_BAD_FREE; kind++)
        if (strcmp(damage_name(kind), name) == 0)
            return kind;
    return SHM_DAMAGE_NONE;
}

uint32_t damage_where_from_name(const char *name) {
    for (uint32_t w = SHM_DAMAGE_AT_FREE; name && w <= SHM_DAMAGE_AT_EXIT; w++)
        if (strcmp(damage_where_name(w), name) == 0)
            return w;
    return 0;
}

void damage_describe(const struct damage_seen *d, char *out, size_t n) {
    static const char *const found[] = {"", "at free", "at realloc", "some time later",
                                        "at exit"};
    char block[48] = "a block", byte[40];
    if (d->size)
        snprintf(block, sizeof block, "a block of %llu bytes",
                 (unsigned long long)d->size);
    snprintf(byte, sizeof byte, "byte %lld of", (long long)d->offset);
    const char *what = "damaged:", *place = "", *how = "";
    if (d->kind == SHM_DAMAGE_OVERRUN)
        what = "overrun:", place = byte, how = " written";
    else if (d->kind == SHM_DAMAGE_UNDERRUN)
        what = "underrun:", place = "memory before", how = " written";
    else if (d->kind == SHM_DAMAGE_AFTER_FREE)
        what = "use after free:", place = byte, how = " written after its free";
    else if (d->kind == SHM_DAMAGE_DOUBLE_FREE)
        what = "double free:", how = " freed again";
    else if (d->kind == SHM_DAMAGE_BAD_FREE)
        what = "invalid free:", place = byte, how = " freed";
    snprintf(out, n, "%s %s%s%s%s, found %s", what, place, *place ? " " : "", block, how,
             d->where < sizeof found / sizeof *found ? found[d->where] : "");
}
