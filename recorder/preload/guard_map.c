/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses are blocks of guard.c: two bits for every 16 bytes of address space.
 *
 *   address ─► regions[address >> 31] ─► bits: | live, 16 MiB | freed, 16 MiB |  one bit an
 *                                                                               address
 *   live    handed out, not yet freed        freed   in the quarantine, or about to be
 *
 * Bits and not a hash table: nothing has to grow, so nothing has to be locked. Mapped on first
 * use and never given back; only the pages that have blocks are ever touched (a page of bits
 * stands for 512 KiB of heap).
 * Invariant: a bit is set after its header was written and cleared before the memory goes back
 * to the real allocator. fork() copies the map with the blocks.
 */
#include "guard.h"
#include "preload.h"
#include "sys.h"

#define ADDRESS_BITS 47
#define REGION_BITS  31
#define N_REGIONS    (1u << (ADDRESS_BITS - REGION_BITS))
#define REGION_WORDS (1u << (REGION_BITS - 4 - 6))
#define FREED        REGION_WORDS /* words from the live bit to the freed one */
#define LOOK_BACK    65536u       /* words: 64 MiB of heap */

struct region {
    uint64_t *bits;
    /* words that ever had a bit: [REGION_WORDS - behind, end); both only grow, 0 = none */
    uint32_t behind, end;
};
static struct region regions[N_REGIONS];

static struct region *region_of(uintptr_t address) {
    return address >> ADDRESS_BITS ? NULL : &regions[address >> REGION_BITS];
}

static uint32_t word_of(uintptr_t address) {
    return (uint32_t)(address >> (4 + 6)) & (REGION_WORDS - 1);
}

static uint64_t bit_of(uintptr_t address) {
    return 1ull << (address >> 4 & 63);
}

static uint64_t *map_region(struct region *region) {
    const size_t bytes = 2 * REGION_WORDS * sizeof(uint64_t);
    uint64_t *mine = sys_mmap(bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (!mine)
        return NULL;
    sys_madvise(mine, bytes, MADV_DONTDUMP);
    if (cas(&region->bits, NULL, mine))
        return mine;
    sys_munmap(mine, bytes);
    return load_acquire(&region->bits);
}

static void raise_to(uint32_t *at, uint32_t value) {
    uint32_t old = load_relaxed(at);
    while (old < value && !cas(at, old, value))
        old = load_relaxed(at);
}

bool guard_map_add(uintptr_t address) {
    struct region *region = address & 15 ? NULL : region_of(address);
    if (!region)
        return false;
    uint64_t *bits = load_acquire(&region->bits);
    if (unlikely(!bits) && !(bits = map_region(region)))
        return false;
    uint32_t word = word_of(address);
    raise_to(&region->end, word + 1);
    raise_to(&region->behind, REGION_WORDS - word);
    __atomic_fetch_or(&bits[word], bit_of(address), __ATOMIC_RELEASE);
    return true;
}

/* The word that holds @address's bit, NULL when nothing near it is ours. */
static uint64_t *find(uintptr_t address, uint32_t which) {
    struct region *region = address & 15 ? NULL : region_of(address);
    uint64_t *bits = region ? load_acquire(&region->bits) : NULL;
    return bits ? &bits[which + word_of(address)] : NULL;
}

static bool is_set(uintptr_t address, uint32_t which) {
    const uint64_t *word = find(address, which);
    return word && load_acquire(word) & bit_of(address);
}

bool guard_map_is_live(uintptr_t address) {
    return is_set(address, 0);
}

bool guard_map_is_freed(uintptr_t address) {
    return is_set(address, FREED);
}

/* Return: whether this call cleared the bit. */
static bool clear(uintptr_t address, uint32_t which) {
    uint64_t *word = find(address, which), bit = bit_of(address);
    return word && __atomic_fetch_and(word, ~bit, __ATOMIC_ACQ_REL) & bit;
}

bool guard_map_retire(uintptr_t address) {
    if (!clear(address, 0))
        return false;
    __atomic_fetch_or(find(address, FREED), bit_of(address), __ATOMIC_RELEASE);
    return true;
}

void guard_map_forget(uintptr_t address) {
    clear(address, FREED);
}

void guard_map_remove(uintptr_t address) {
    clear(address, 0);
}

uintptr_t guard_map_before(uintptr_t address) {
    const struct region *region = region_of(address);
    const uint64_t *bits = region ? load_acquire(&region->bits) : NULL;
    if (!bits)
        return 0;
    uint32_t word = word_of(address), least = word > LOOK_BACK ? word - LOOK_BACK : 0;
    uint64_t wanted = bit_of(address) | (bit_of(address) - 1);
    for (;; wanted = UINT64_MAX, word--) {
        uint64_t found =
            (load_acquire(&bits[word]) | load_acquire(&bits[FREED + word])) & wanted;
        if (found) {
            uintptr_t base = address >> REGION_BITS << REGION_BITS;
            uintptr_t bit = 63u - (uintptr_t)__builtin_clzll(found);
            return base + ((uintptr_t)word << (4 + 6)) + (bit << 4);
        }
        if (word == least)
            return 0;
    }
}

/* Live or freed: in the order of their addresses, so that of two damaged neighbours the one that was overrun comes first. */
static void each_bit(uint64_t live_bits, uint64_t freed_bits, uintptr_t base,
                     void (*live)(uintptr_t), void (*freed)(uintptr_t)) {
    for (uint64_t bits = live_bits | freed_bits; bits; bits &= bits - 1) {
        uintptr_t address = base + ((uintptr_t)__builtin_ctzll(bits) << 4);
        if (live_bits & bits & -bits)
            live(address);
        else
            freed(address);
    }
}

void guard_map_each(void (*live)(uintptr_t), void (*freed)(uintptr_t)) {
    for (uint32_t i = 0; i < N_REGIONS; i++) {
        const struct region *region = &regions[i];
        uint32_t word = REGION_WORDS - region->behind;
        for (; word < region->end; word++) {
            uintptr_t base = ((uintptr_t)i << REGION_BITS) + ((uintptr_t)word << (4 + 6));
            each_bit(region->bits[word], region->bits[FREED + word], base, live, freed);
        }
    }
}
