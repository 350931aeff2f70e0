/* SPDX-License-Identifier: Apache-2.0 */
/* Code addresses and the files they come from: see module.c. */
#ifndef DEARTH_PRELOAD_MODULE_H
#define DEARTH_PRELOAD_MODULE_H

#include "local.h"

/** Module of a code address. Return: never NULL except when the table is full. */
const struct module *module_at(uintptr_t address);
static inline const struct module *module_by_index(uint32_t index) {
    return &local->modules[index - 1];
}
/** ld.so frees @p: if that is a link map, its module is gone. Context: re-entry flag held. */
void module_freed(const void *p);
/** Changes whenever a module was unloaded. */
extern uint32_t module_generation;
/** Code of ld.so: where module_freed()'s callers are. */
extern uintptr_t module_loader_start, module_loader_end;
/** Find ld.so and _dl_find_object, Context: process_start(). */
void module_start(void);

/* What the loader knows about the object around an address. */
struct object {
    uintptr_t start, end, bias;
    const void *link_map;
    const char *path;
    const uint8_t *eh_frame_hdr; /* NULL: none */
};
/** Return: whether @address is in an object that ld.so knows. */
bool module_find(uintptr_t address, struct object *object);

#endif
