/* SPDX-License-Identifier: Apache-2.0 */
/* Table test of what an abort() of the program's own means: stacks and words in, kind out. */
#include <stdlib.h>

#include "abort.h"
#include "catalogue.h"
#include "check.h"

#define MOST 7

/* A frame is "function@offset"; "-" before it: inlined into the next one, "=": made for its call. */
static struct frame parse(const char *text, const char *module) {
    static char names[64][32];
    static unsigned n;
    char *name = names[n++ % 64];
    bool inlined = text[0] == '-', straight = text[0] == '=';
    int skip = inlined || straight;
    const char *at = strchr(text, '@');
    snprintf(name, 32, "%.*s", (int)(at - text) - skip, text + skip);
    return (struct frame){.function = name,
                          .linkage_name = name,
                          .module = module,
                          .inlined = inlined,
                          .straight = straight,
                          .offset = strtoull(at + 1, NULL, 10)};
}

static const struct {
    const char *name;
    const char *failed[MOST], *end[MOST];
    struct abort_words words;
    enum abort_kind kind;
    bool more;
} cases[] = {
    {"who asked ends it",
     {"make@1", "main@9", "start@7"},
     {"abort@5", "make@2", "main@9", "start@7"},
     {0},
     ABORT_GIVES_UP},
    {"who asked, through another function",
     {"make@1", "main@9", "start@7"},
     {"abort@5", "lost@3", "make@2", "main@9", "start@7"},
     {.any = true},
     ABORT_GIVES_UP},
    {"who asked, whatever it says",
     {"make@1", "main@9", "start@7"},
     {"abort@5", "make@2", "main@9", "start@7"},
     {.any = true, .of_check = true},
     ABORT_GIVES_UP},
    {"through an allocator",
     {"xmalloc@1", "make@2", "main@9", "start@7"},
     {"abort@5", "lost@3", "make@4", "main@9", "start@7"},
     {0},
     ABORT_GIVES_UP},
    {"who was told",
     {"make@1", "main@8", "start@7"},
     {"abort@5", "main@9", "start@7"},
     {0},
     ABORT_GIVES_UP},
    {"who was told, by a function for it",
     {"make@1", "main@8", "start@7"},
     {"abort@5", "die@4", "main@9", "start@7"},
     {.any = true},
     ABORT_GIVES_UP},
    {"who was told, and says what could not be done",
     {"make@1", "main@8", "start@7"},
     {"abort@5", "main@9", "start@7"},
     {.any = true, .of_way_out = true},
     ABORT_GIVES_UP},
    {"a check in a function of its own",
     {"make@1", "main@8", "start@7"},
     {"abort@5", "verify@4", "main@9", "start@7"},
     {0},
     ABORT_CHECKED},
    {"a check that ends by a function for it",
     {"make@1", "main@8", "start@7"},
     {"abort@5", "die@4", "verify@3", "main@9", "start@7"},
     {.any = true},
     ABORT_CHECKED},
    {"a check within who was told",
     {"make@1", "main@8", "start@7"},
     {"abort@5", "main@9", "start@7"},
     {.any = true, .of_check = true},
     ABORT_CHECKED},
    {"within who was told, about something else",
     {"make@1", "main@8", "start@7"},
     {"abort@5", "main@9", "start@7"},
     {.any = true},
     ABORT_TOLD},
    {"who asked was inlined, and so was the check",
     {"-make@1", "main@1", "start@8"},
     {"abort@5", "main@9", "start@8"},
     {.any = true, .of_check = true},
     ABORT_CHECKED},
    {"a recursion that is folded",
     {"make@1", "walk@2", "main@8", "start@7"},
     {"abort@5", "make@3", "walk@2", "walk@2", "main@8", "start@7"},
     {0},
     ABORT_GIVES_UP},
    {"who was told, by a function that only ends it",
     {"make@1", "main@8", "start@7"},
     {"abort@5", "=give_up@4", "main@9", "start@7"},
     {0},
     ABORT_GIVES_UP},
    {"the same, about something else",
     {"make@1", "main@8", "start@7"},
     {"abort@5", "=give_up@4", "main@9", "start@7"},
     {.any = true},
     ABORT_TOLD},
    {"a check, by a function that only ends it",
     {"make@1", "main@8", "start@7"},
     {"abort@5", "=give_up@4", "verify@3", "main@9", "start@7"},
     {0},
     ABORT_CHECKED},
    {"another thread",
     {"make@1", "work@2"},
     {"abort@5", "verify@4", "main@9", "start@7"},
     {0},
     ABORT_GIVES_UP},
    {"another thread, which says something",
     {"make@1", "work@2"},
     {"abort@5", "verify@4", "main@9", "start@7"},
     {.any = true},
     ABORT_CHECKED},
    {"another thread, which says what could not be done",
     {"make@1", "work@2"},
     {"abort@5", "verify@4", "main@9", "start@7"},
     {.any = true, .of_way_out = true},
     ABORT_GIVES_UP},
    {"another thread, and a check's words",
     {"make@1", "work@2"},
     {"abort@5", "verify@4", "main@9", "start@7"},
     {.of_check = true},
     ABORT_CHECKED},
    {"no stack of the call",
     {NULL},
     {"abort@5", "verify@4", "main@9", "start@7"},
     {0},
     ABORT_GIVES_UP},
    {"who asked ends it, whatever else failed",
     {"make@1", "main@9", "start@7"},
     {"abort@5", "make@2", "main@9", "start@7"},
     {0},
     ABORT_GIVES_UP,
     .more = true},
    {"who was told, whatever else failed",
     {"make@1", "main@8", "start@7"},
     {"abort@5", "die@4", "main@9", "start@7"},
     {.of_way_out = true},
     ABORT_GIVES_UP,
     .more = true},
    {"a check, or who asked later",
     {"make@1", "main@8", "start@7"},
     {"abort@5", "verify@4", "main@9", "start@7"},
     {0},
     ABORT_UNSURE,
     .more = true},
    {"a check's words, or who asked later",
     {"make@1", "main@8", "start@7"},
     {"abort@5", "verify@4", "main@9", "start@7"},
     {.of_check = true},
     ABORT_UNSURE,
     .more = true},
    {"no stack of the call, nor of the others",
     {NULL},
     {"abort@5", "verify@4", "main@9", "start@7"},
     {0},
     ABORT_UNSURE,
     .more = true},
};

int main(void) {
    struct catalogue *catalogue = catalogue_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct frame failed[MOST], end[MOST];
        struct failed_stacks stacks = {.stacks = {{.items = failed}},
                                       .more = cases[i].more};
        uint32_t n = 0;
        for (uint32_t k = 0; k < MOST && cases[i].failed[k]; k++)
            failed[stacks.stacks[0].n++] = parse(cases[i].failed[k], "/bin/p");
        stacks.n = stacks.stacks[0].n > 0;
        for (; n < MOST && cases[i].end[n]; n++)
            end[n] = parse(cases[i].end[n], n ? "/bin/p" : "/lib/libc.so.6");
        CHECK(cases[i].name, abort_decide(catalogue, &stacks, end, n, "/bin/p",
                                          &cases[i].words) == cases[i].kind);
    }
    catalogue_free(catalogue);
    return check_result();
}
