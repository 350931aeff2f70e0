/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for the moments when the target's allocator is unknown or must not be touched:
 * dlsym() calling calloc() before we know the real one, and what ld.so and libunwind
 * allocate while they work for us. None of it may show up in the target's heap.
 *
 *   boot_area  | header | user bytes ... | header | user bytes ... | ─► boot_next
 *
 * Invariant: a pointer into boot_area was handed out by boot_malloc(), so every hook that
 * takes a pointer tests boot_owns() first. Freed blocks go to one lock-free list per
 * power of two (a tag in the upper half defeats ABA); any thread, any signal handler.
 */
#include "boot.h"
#include "preload.h"

struct boot_header {
    uint32_t bytes; /* usable */
    uint32_t klass; /* the block has 1 << klass bytes */
    uint32_t base;  /* offset of the block (the header may lie further in) */
    uint32_t reserved;
};

#define BOOT_CLASSES 21
char boot_area[BOOT_BYTES] __attribute__((aligned(4096)));
static uint32_t boot_next = 64; /* 0 stays "none" */
static uint64_t boot_lists[BOOT_CLASSES];

static struct boot_header *header_of(const void *p) {
    return (struct boot_header *)((uintptr_t)p - sizeof(struct boot_header));
}

static uint32_t list_pop(uint32_t klass) {
    uint64_t head = load_acquire(&boot_lists[klass]);
    for (;;) {
        uint32_t base = (uint32_t)head;
        if (!base)
            return 0;
        /* The block may be taken under our hands; the tag makes the swap fail then. */
        uint32_t next = load_relaxed((uint32_t *)(boot_area + base));
        uint64_t want = ((head >> 32) + 1) << 32 | next;
        if (cas(&boot_lists[klass], head, want))
            return base;
        head = load_acquire(&boot_lists[klass]);
    }
}

static uint32_t area_take(uint32_t bytes) {
    uint32_t old = load_relaxed(&boot_next);
    for (;;) {
        if (bytes > BOOT_BYTES - old)
            return 0;
        if (cas(&boot_next, old, old + bytes))
            return old;
        old = load_relaxed(&boot_next);
    }
}

void *boot_malloc(size_t bytes, size_t alignment) {
    if (alignment < 16)
        alignment = 16;
    if (bytes > BOOT_BYTES / 2 || alignment > BOOT_BYTES / 4)
        return NULL;
    uint32_t need = (uint32_t)(bytes + alignment + sizeof(struct boot_header));
    uint32_t klass = 6;
    while ((1u << klass) < need)
        klass++;
    if (klass >= BOOT_CLASSES)
        return NULL;
    uint32_t base = list_pop(klass);
    if (!base)
        base = area_take(1u << klass);
    if (!base)
        return NULL;
    uintptr_t user = (uintptr_t)boot_area + base + sizeof(struct boot_header);
    user = (user + alignment - 1) & ~(uintptr_t)(alignment - 1);
    struct boot_header *header = header_of((void *)user);
    header->klass = klass;
    header->base = base;
    header->bytes = (uint32_t)((uintptr_t)boot_area + base + (1u << klass) - user);
    return (void *)user;
}

void boot_free(void *p) {
    struct boot_header *header = header_of(p);
    uint32_t klass = header->klass, base = header->base;
    if (klass >= BOOT_CLASSES || base >= BOOT_BYTES)
        return;
    uint64_t head = load_acquire(&boot_lists[klass]);
    do {
        head = load_acquire(&boot_lists[klass]);
        store_relaxed((uint32_t *)(boot_area + base), (uint32_t)head);
    } while (!cas(&boot_lists[klass], head, ((head >> 32) + 1) << 32 | base));
}

size_t boot_size(const void *p) {
    return header_of(p)->bytes;
}
