/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of sites while they are recorded, when the database has none yet: of the frames of the few that are shown, out of
 * symbol tables alone (debug information of a large program takes seconds to read), nothing of it is stored.
 */
#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "catalogue_store.h"
#include "frames.h"
#include "location.h"
#include "namer.h"
#include "top.h"

#define MOST_FRAMES 24u /* of a stack, from the innermost on: the location is there */

struct name { /* of a frame */
    char *function;
};

struct top_names {
    struct store *store;
    struct frames_reader *reader;
    struct catalogue *catalogue;
    struct idmap functions; /* frame id -> struct name * */
    struct idmap places;    /* site id -> char * */
};

int top_names_new(struct store *store, struct top_names **out) {
    struct top_names *names = text_alloc(sizeof *names);
    names->store = store;
    names->catalogue = catalogue_new();
    int r = catalogue_load(names->catalogue, store);
    if (r == 0)
        r = frames_reader_new(store, &names->reader);
    if (r < 0) {
        top_names_free(names);
        return r;
    }
    *out = names;
    return 0;
}

struct top_names *top_names_free(struct top_names *names) {
    if (!names)
        return NULL;
    for (size_t i = 0; i < names->functions.capacity; i++) {
        struct name *name = (struct name *)(intptr_t)names->functions.slots[i].value;
        if (names->functions.slots[i].key && name) {
            free(name->function);
            free(name);
        }
    }
    for (size_t i = 0; i < names->places.capacity; i++)
        if (names->places.slots[i].key)
            free((char *)(intptr_t)names->places.slots[i].value);
    idmap_deinit(&names->functions);
    idmap_deinit(&names->places);
    frames_reader_free(names->reader);
    catalogue_free(names->catalogue);
    free(names);
    return NULL;
}

/* --- looking up --- */

struct wanted { /* a frame that has no name yet */
    int64_t id, module;
    uint64_t offset;
};

static int by_module(const void *a, const void *b) {
    const struct wanted *x = a, *y = b;
    if (x->module != y->module)
        return x->module < y->module ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static void keep(struct top_names *names, int64_t frame, const char *function) {
    struct name *name = text_alloc(sizeof *name);
    name->function = text_dup(function);
    idmap_put(&names->functions, frame, (intptr_t)name);
}

/* Remember @frame as one to be named. */
static void want(struct top_names *names, const struct frame *frame, struct wanted **list,
                 uint64_t *n) {
    int64_t known;
    if (frame->function || idmap_get(&names->functions, frame->frame_id, &known))
        return;
    keep(names, frame->frame_id, NULL); /* asked for once, whatever comes */
    *list = text_grow(*list, *n, sizeof **list);
    (*list)[(*n)++] = (struct wanted){frame->frame_id, frame->module_id, frame->offset};
}

#define MODULE_COLUMNS(X)                                                                \
    X(MODULE_PATH, "path")                                                               \
    X(MODULE_BUILD_ID, "build_id")                                                       \
    X(MODULE_CONTENT_ID, "content_id")
enum { MODULE_COLUMNS(STORE_COLUMN_ENUM) };

/* The frames [@from, @to) of one module. */
static int name_module(struct top_names *names, const struct wanted *list, uint64_t n) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_FREE uint64_t *addresses = text_alloc(n * sizeof *addresses);
    struct namer *namer = NULL;
    struct namer_head head;
    int r = store_prepare(names->store,
                          STORE_SELECT(MODULE_COLUMNS) "FROM module WHERE id = ?1", &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, list[0].module);
    const char *path =
        sqlite3_step(s) == SQLITE_ROW ? store_column_text(s, MODULE_PATH) : NULL;
    if (!path || path[0] != '/')
        return 0;
    for (uint64_t i = 0; i < n; i++)
        addresses[i] = list[i].offset - 1; /* within the call */
    int bytes = sqlite3_column_bytes(s, MODULE_BUILD_ID);
    const struct namer_job job = {
        .wanted = {.path = path,
                   .build_id = sqlite3_column_blob(s, MODULE_BUILD_ID),
                   .build_id_bytes = bytes > 32 ? 32 : (uint32_t)bytes,
                   .content_id = sqlite3_column_int(s, MODULE_CONTENT_ID) != 0,
                   .tables_only = true},
        .addresses = addresses,
        .n = n};
    if ((r = namer_new(&job, 1, &namer)) < 0)
        return r;
    bool whole = namer_head(namer, &head) == 0;
    for (uint64_t i = 0; whole && i < n; i++) {
        const struct symbol_line *lines = NULL;
        int found = namer_next(namer, &lines);
        int64_t value;
        whole = found >= 0;
        if (found > 0 && idmap_get(&names->functions, list[i].id, &value))
            ((struct name *)(intptr_t)value)->function =
                text_dup(lines[found - 1].function);
    }
    int signal;
    r = namer_end(namer, &signal);
    return r < 0 ? r : 0; /* damaged symbols are no error here: offsets are shown */
}

static int look_up(struct top_names *names, struct wanted *list, uint64_t n) {
    int r = 0;
    if (n)
        qsort(list, n, sizeof *list, by_module);
    for (uint64_t from = 0, to; r == 0 && from < n; from = to) {
        for (to = from + 1; to < n && list[to].module == list[from].module; to++)
            ;
        r = name_module(names, list + from, to - from);
    }
    return r;
}

/* --- choosing --- */

static char *choose(const struct top_names *names, struct frames *frames) {
    enum location_kind kinds[MOST_FRAMES];
    uint32_t n = frames->n > MOST_FRAMES ? MOST_FRAMES : frames->n;
    struct text t = {0};
    for (uint32_t i = 0; i < n; i++) {
        int64_t value;
        struct frame *f = &frames->items[i];
        if (!f->function && idmap_get(&names->functions, f->frame_id, &value))
            f->function = ((struct name *)(intptr_t)value)->function;
        kinds[i] = location_kind(names->catalogue, f);
    }
    frame_add(n ? &frames->items[location_pick(frames->items, kinds, n)]
                : &(struct frame){.module = "?"},
              &t);
    return text_take(&t);
}

int top_names_fill(struct top_names *names, struct top_now *now) {
    AUTO_FREE struct wanted *list = NULL;
    AUTO_FREE struct frames *stacks = text_alloc((now->n_items + 1) * sizeof *stacks);
    uint64_t n = 0;
    int64_t known;
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < now->n_items; i++) {
        const struct top_site *item = &now->items[i];
        if (item->name || idmap_get(&names->places, item->id, &known))
            continue;
        r = frames_load(names->reader, item->stack_id, &stacks[i]);
        for (uint32_t k = 0; r == 0 && k < stacks[i].n && k < MOST_FRAMES; k++)
            want(names, &stacks[i].items[k], &list, &n);
    }
    if (r == 0)
        r = look_up(names, list, n);
    for (uint32_t i = 0; i < now->n_items; i++) {
        struct top_site *item = &now->items[i];
        if (r == 0 && !item->name && !idmap_get(&names->places, item->id, &known)) {
            known = (intptr_t)choose(names, &stacks[i]);
            idmap_put(&names->places, item->id, known);
        }
        if (r == 0 && !item->name)
            item->name = text_dup((const char *)(intptr_t)known);
        frames_deinit(&stacks[i]);
    }
    return r;
}
