/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of former inputs: see merge_memory.h. */
#include "merge_memory.h"

#include <stdlib.h>

#include "text.h"

/* Of that content, or the empty one where it belongs. Contents are hashes: their bits are well mixed. */
static struct merge_memory_slot *slot_of(const struct merge_memory *memory,
                                         struct dearth_key content) {
    size_t i = (size_t)content.lo & (memory->capacity - 1);
    while (memory->slots[i].id && !key_equal(memory->slots[i].content, content))
        i = (i + 1) & (memory->capacity - 1);
    return &memory->slots[i];
}

static void grow(struct merge_memory *memory) {
    struct merge_memory bigger = {
        .n = memory->n, .capacity = memory->capacity ? memory->capacity * 2 : 1024};
    bigger.slots = text_alloc(bigger.capacity * sizeof *bigger.slots);
    for (size_t i = 0; i < memory->capacity; i++)
        if (memory->slots[i].id)
            *slot_of(&bigger, memory->slots[i].content) = memory->slots[i];
    free(memory->slots);
    *memory = bigger;
}

void merge_memory_deinit(struct merge_memory *memory) {
    free(memory->slots);
    *memory = (struct merge_memory){0};
}

int64_t merge_memory_get(const struct merge_memory *memory, struct dearth_key content) {
    return memory->capacity ? slot_of(memory, content)->id : 0;
}

void merge_memory_put(struct merge_memory *memory, struct dearth_key content,
                      int64_t id) {
    if (2 * (memory->n + 1) > memory->capacity)
        grow(memory);
    struct merge_memory_slot *slot = slot_of(memory, content);
    memory->n += !slot->id;
    *slot = (struct merge_memory_slot){content, id};
}
