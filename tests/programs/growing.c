/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw, but waste: blocks that grow by realloc(), by a little and by a factor, next to ones that shrink
 * and calls that fail. It prints its own count, "function grown moved copied", to be compared
 * with that of `dearth stats --sort realloc`.
 */
#include <stdint.h>

#include "program.h"

struct count {
    unsigned grown, moved, copied;
};

static void say(const char *function, struct count c) {
    printf("%s %u %u %u\n", function, c.grown, c.moved, c.copied);
}

static void add(struct count *c, uintptr_t old, size_t old_size, const void *new) {
    c->grown++;
    if ((uintptr_t) new == old)
        return;
    c->moved++;
    c->copied += (unsigned)old_size;
}

/* A block behind the growing one, too large for the holes it has left, keeps it from being extended in
 * its place. */
OWN_FRAME void grow_often(struct count *c) {
    void *fences[100];
    size_t size = 1000;
    char *block = opaque(malloc(size));
    for (int i = 0; i < 100; i++, size += 100) {
        fences[i] = opaque(malloc(20000));
        uintptr_t old = (uintptr_t)block;
        block = opaque(realloc(block, size + 100));
        add(c, old, size, block);
    }
    for (int i = 0; i < 100; i++)
        free(fences[i]);
    free(block);
}

OWN_FRAME void grow_doubling(struct count *c) {
    size_t size = 1000;
    char *block = opaque(malloc(size));
    for (; size < 16000; size *= 2) {
        uintptr_t old = (uintptr_t)block;
        block = opaque(reallocarray(block, size, 2));
        add(c, old, size, block);
    }
    free(block);
}

OWN_FRAME void shrink(void) {
    char *block = opaque(malloc(5000));
    block = opaque(realloc(block, 5000)); /* as large as it was */
    block = opaque(realloc(block, 100));
    free(block);
    free(opaque(realloc(NULL, 100))); /* a malloc() */
}

OWN_FRAME void fail(void) {
    volatile size_t huge = SIZE_MAX / 2;
    char *block = opaque(malloc(100));
    free(opaque(realloc(block, huge)) ? NULL : block);
}

int main(void) {
    struct count often = {0}, doubling = {0};
    grow_often(&often);
    grow_doubling(&doubling);
    shrink();
    fail();
    say("grow_often", often);
    say("grow_doubling", doubling);
    say("shrink", (struct count){0});
    say("fail", (struct count){0});
    return 0;
}
