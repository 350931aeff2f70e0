/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the sites of a program that serves come up: at its start, or whenever it is driven.
 *
 *   started, not driven:  key ─► calls  ┐
 *   driven:               key ─► calls  ┴─► more than before: it comes up when the program is driven
 *
 * Read from the arena of baseline runs, which are drives of one process. Who runs it: dearth's own
 * process.
 */
#include "reach.h"

#include <stdlib.h>
#include <string.h>

#include "replay_private.h"
#include "session.h"
#include "text.h"

struct reach_site {
    struct dearth_key key;
    uint64_t calls;
};

struct list {
    struct reach_site *items;
    uint32_t n;
};

static void add(void *context, const struct shm_process *process, uint32_t node_id,
                const struct shm_node *node) {
    struct list *list = context;
    (void)process, (void)node_id;
    list->items = text_grow(list->items, list->n, sizeof *list->items);
    list->items[list->n++] = (struct reach_site){node->key, node->count};
}

static int compare(const void *a, const void *b) {
    return memcmp(&((const struct reach_site *)a)->key,
                  &((const struct reach_site *)b)->key, sizeof(struct dearth_key));
}

/* Sorted by key, each once. */
static struct list count(const struct session *session) {
    struct list list = {0};
    session_each_site(session, add, &list);
    if (list.n)
        qsort(list.items, list.n, sizeof *list.items, compare);
    uint32_t n = 0;
    for (uint32_t i = 0; i < list.n; i++) {
        if (n && key_equal(list.items[n - 1].key, list.items[i].key))
            list.items[n - 1].calls += list.items[i].calls;
        else
            list.items[n++] = list.items[i];
    }
    list.n = n;
    return list;
}

static const struct reach_site *find(const struct reach_site *list, uint32_t n,
                                     struct dearth_key key) {
    const struct reach_site wanted = {.key = key};
    return n ? bsearch(&wanted, list, n, sizeof *list, compare) : NULL;
}

void reach_started(struct reach *reach, const struct session *session) {
    reach_deinit(reach);
    struct list list = count(session);
    reach->before = list.items;
    reach->n_before = list.n;
}

void reach_driven(struct reach *reach, const struct session *session) {
    struct list list = count(session);
    uint32_t n = 0;
    for (uint32_t i = 0; i < list.n; i++) {
        const struct reach_site *before =
            find(reach->before, reach->n_before, list.items[i].key);
        if (!before || list.items[i].calls > before->calls)
            list.items[n++] = list.items[i];
    }
    free(reach->list);
    reach->list = list.items;
    reach->n = n;
}

bool reach_is_driven(const struct reach *reach, struct dearth_key site) {
    return find(reach->list, reach->n, site) != NULL;
}

void reach_deinit(struct reach *reach) {
    free(reach->list);
    free(reach->before);
    *reach = (struct reach){0};
}
