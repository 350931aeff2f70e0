/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facilities on a stack: see facility.h. Pure.
 *
 *   malloc ◄ _nl_make_l10nflist ◄ _nl_find_locale ◄ setlocale ◄ main
 *            └───────── all of the C library ─────────┘ entry
 *
 * What the C library loads for it (character sets, name services) is loaded by the loader.
 */
#include "facility.h"

#include <string.h>

#include "attribution.h"
#include "text.h"

/* Ours and the allocator's own frames lie before the C library's. */
static bool is_ours(const struct frame *f) {
    return frame_module_is_ours(f->module);
}

const struct catalogue_section *facility_find(const struct catalogue *catalogue,
                                              const struct frame *fault, uint32_t n,
                                              const char *exe,
                                              const struct frame **entry) {
    const struct catalogue_section *found = NULL;
    for (uint32_t i = 0; i < n; i++) {
        if (is_ours(&fault[i]))
            continue;
        enum attributed_to to = attribution_class(catalogue, fault[i].module, exe);
        if (to != ATTRIBUTED_LIBC && to != ATTRIBUTED_LOADER)
            break;
        const struct catalogue_section *f =
            catalogue_frame(catalogue, 1u << CATALOGUE_FACILITY, &fault[i]);
        if (f) { /* the outermost is what the program called */
            found = f;
            *entry = &fault[i];
        }
    }
    return found;
}
