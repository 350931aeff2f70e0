/* SPDX-License-Identifier: Apache-2.0 */
/* Sites of test harnesses: see harness.h. Pure. */
#include "harness.h"

#include <stdlib.h>

#include "attribution.h"
#include "catalogue.h"
#include "text.h"

/* Who only passes a call on. */
#define PASSES_ON                                                                        \
    (1u << CATALOGUE_ALLOCATOR | 1u << CATALOGUE_LIBRARY | 1u << CATALOGUE_MACHINERY)

struct asker {
    enum harness_asks asks;
    const char *harness;
};

bool harness_is_of_runtime(const struct catalogue *c, const char *module,
                           const char *exe) {
    enum attributed_to to = attribution_class(c, module, exe ? exe : "");
    return to == ATTRIBUTED_LIBC || to == ATTRIBUTED_LIBSTDCXX || to == ATTRIBUTED_LOADER;
}

/* Of the functions of a frame, the innermost that does not pass the call on. */
static struct asker ask(const struct catalogue *c, const char *exe,
                        const struct plan_frame *f) {
    const char *module = f->module ? f->module : "";
    bool runtime = harness_is_of_runtime(c, module, exe);
    for (uint32_t i = 0; i < f->n_symbols; i++) {
        const struct frame frame = {.function = f->functions[i],
                                    .linkage_name = f->linkage ? f->linkage[i] : NULL,
                                    .file = f->files[i],
                                    .module = module};
        const struct catalogue_section *harness =
            catalogue_frame(c, 1u << CATALOGUE_HARNESS, &frame);
        if (harness)
            return (struct asker){HARNESS_ASKS_HARNESS, harness->name};
        if (!runtime && !catalogue_frame(c, PASSES_ON, &frame))
            return (struct asker){HARNESS_ASKS_OTHER, NULL};
    }
    const struct frame nameless = {.module = module};
    const struct catalogue_section *harness =
        f->n_symbols ? NULL : catalogue_frame(c, 1u << CATALOGUE_HARNESS, &nameless);
    if (harness)
        return (struct asker){HARNESS_ASKS_HARNESS, harness->name};
    return (struct asker){runtime || f->n_symbols ? HARNESS_ASKS_NOT : HARNESS_ASKS_OTHER,
                          NULL};
}

const char *harness_is_of(const struct catalogue *c, const struct plan_frame *f) {
    for (uint32_t i = 0; i < f->n_symbols; i++) {
        const struct frame frame = {.function = f->functions[i],
                                    .linkage_name = f->linkage ? f->linkage[i] : NULL,
                                    .file = f->files[i],
                                    .module = f->module ? f->module : ""};
        const struct catalogue_section *section =
            catalogue_frame(c, 1u << CATALOGUE_HARNESS, &frame);
        if (section)
            return section->name;
    }
    return NULL;
}

enum harness_asks harness_asks(const struct catalogue *c, const char *exe,
                               const struct plan_frame *f) {
    return ask(c, exe, f).asks;
}

const char *harness_mark(const struct catalogue *c, const char *exe,
                         struct sites *sites) {
    const struct plan_input *in = &sites->input;
    const char *first = NULL;
    AUTO_FREE struct asker *askers = text_alloc((in->n_frames + 1) * sizeof *askers);
    for (uint32_t i = 0; i < in->n_frames; i++)
        askers[i] = ask(c, exe, &in->frames[i]);
    for (uint32_t i = 0; i < in->n_sites; i++) {
        uint32_t at = in->sites[i].stack;
        while (at && askers[in->stacks[at - 1].frame].asks == HARNESS_ASKS_NOT)
            at = in->stacks[at - 1].parent;
        if (!at || askers[in->stacks[at - 1].frame].asks != HARNESS_ASKS_HARNESS)
            continue;
        sites->list[i].harness = in->stacks[at - 1].frame + 1;
        first = first ? first : askers[in->stacks[at - 1].frame].harness;
    }
    return first;
}
