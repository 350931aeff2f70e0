/* SPDX-License-Identifier: Apache-2.0 */
/* Interning a report's strings: see report_strings.h. */
#include "report_strings.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report_private.h"
#include "text.h"

static uint64_t hash_text(const char *s, size_t n) {
    uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 0x100000001b3ull;
    return h;
}

static void strings_grow(struct report_strings *t) {
    size_t capacity = t->capacity ? t->capacity * 2 : 256;
    char **slots = text_alloc(capacity * sizeof *slots);
    for (size_t i = 0; i < t->capacity; i++) {
        if (!t->slots[i])
            continue;
        size_t at = hash_text(t->slots[i], strlen(t->slots[i])) & (capacity - 1);
        while (slots[at])
            at = (at + 1) & (capacity - 1);
        slots[at] = t->slots[i];
    }
    free(t->slots);
    t->slots = slots;
    t->capacity = capacity;
}

const char *report_strings_keep(struct report_data *data, const char *s) {
    struct report_strings *t = &data->private->strings;
    if (!s)
        return NULL;
    if (t->n * 2 >= t->capacity)
        strings_grow(t);
    size_t at = hash_text(s, strlen(s)) & (t->capacity - 1);
    for (; t->slots[at]; at = (at + 1) & (t->capacity - 1))
        if (strcmp(t->slots[at], s) == 0)
            return t->slots[at];
    t->n++;
    return t->slots[at] = text_dup(s);
}

void report_strings_deinit(struct report_strings *strings) {
    for (size_t i = 0; i < strings->capacity; i++)
        free(strings->slots[i]);
    free(strings->slots);
    *strings = (struct report_strings){0};
}
