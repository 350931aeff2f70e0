/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys: 128-bit names of stacks that are equal across runs, address-space layouts and machines.
 *
 *   module_key(build_id)            = H(tag 'm', build_id bytes)
 *   frame: child(parent, m, offset) = H(tag 'f', parent key, module_key, offset)
 *   site:  leaf(parent, op)         = H(tag 's', parent key, op)
 *   the root's key is all zero
 *
 * H is SipHash-2-4 with 128-bit output and a fixed key: well mixed, small, and the same in the
 * target and outside it. It is a name, not a defence.
 * Source: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", 2012.
 */
#ifndef DEARTH_KEY_H
#define DEARTH_KEY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct dearth_key {
    uint64_t lo, hi; /* printed as %016lx%016lx: hi then lo */
};
#define DEARTH_KEY_HEX 32 /* characters, without the NUL */

static inline int key_equal(struct dearth_key a, struct dearth_key b) {
    return a.lo == b.lo && a.hi == b.hi;
}

/** The order of their hexadecimal texts. Return: < 0, 0, > 0 as memcmp(). */
static inline int key_compare(struct dearth_key a, struct dearth_key b) {
    if (a.hi != b.hi)
        return a.hi < b.hi ? -1 : 1;
    return (a.lo > b.lo) - (a.lo < b.lo);
}

/* clang-format off */
#define KEY_ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
#define KEY_ROUND(v0, v1, v2, v3)                                                                  \
    do {                                                                                           \
        v0 += v1; v1 = KEY_ROTL(v1, 13); v1 ^= v0; v0 = KEY_ROTL(v0, 32);                          \
        v2 += v3; v3 = KEY_ROTL(v3, 16); v3 ^= v2;                                                 \
        v0 += v3; v3 = KEY_ROTL(v3, 21); v3 ^= v0;                                                 \
        v2 += v1; v1 = KEY_ROTL(v1, 17); v1 ^= v2; v2 = KEY_ROTL(v2, 32);                          \
    } while (0)
/* clang-format on */

/**
 * Hash bytes to a key.
 * @data, @n: bytes; little-endian words are hashed as they lie in memory
 * Return: the 128-bit SipHash-2-4.
 * Context: async-signal-safe, no memory allocated.
 */
static inline struct dearth_key key_hash(const void *data, size_t n) {
    const uint64_t k0 = 0x6874726165640001ull, k1 = 0x9e3779b97f4a7c15ull;
    uint64_t v0 = 0x736f6d6570736575ull ^ k0, v1 = 0x646f72616e646f6dull ^ k1 ^ 0xee;
    uint64_t v2 = 0x6c7967656e657261ull ^ k0, v3 = 0x7465646279746573ull ^ k1;
    const uint8_t *p = data;
    uint64_t m, tail = (uint64_t)n << 56;
    size_t left = n;
    for (; left >= 8; left -= 8, p += 8) {
        memcpy(&m, p, 8);
        v3 ^= m;
        KEY_ROUND(v0, v1, v2, v3);
        KEY_ROUND(v0, v1, v2, v3);
        v0 ^= m;
    }
    for (size_t i = 0; i < left; i++)
        tail |= (uint64_t)p[i] << (8 * i);
    v3 ^= tail;
    KEY_ROUND(v0, v1, v2, v3);
    KEY_ROUND(v0, v1, v2, v3);
    v0 ^= tail;
    v2 ^= 0xee;
    for (int i = 0; i < 4; i++)
        KEY_ROUND(v0, v1, v2, v3);
    struct dearth_key key;
    key.lo = v0 ^ v1 ^ v2 ^ v3;
    v1 ^= 0xdd;
    for (int i = 0; i < 4; i++)
        KEY_ROUND(v0, v1, v2, v3);
    key.hi = v0 ^ v1 ^ v2 ^ v3;
    return key;
}

/** Key of a module: hash of its build-id (1..32 bytes). */
static inline struct dearth_key key_module(const uint8_t *build_id, size_t n) {
    uint8_t buf[1 + 32] = {'m'};
    if (n > 32)
        n = 32;
    memcpy(buf + 1, build_id, n);
    return key_hash(buf, 1 + n);
}

/** Key of the stack that @parent's stack becomes by calling from (@module, @offset). */
static inline struct dearth_key key_frame(struct dearth_key parent,
                                          struct dearth_key module, uint64_t offset) {
    uint64_t w[6] = {'f', parent.lo, parent.hi, module.lo, module.hi, offset};
    return key_hash(w, sizeof w);
}

/** Key of the site: the allocation function @op (enum shm_op) called from @parent's stack. */
static inline struct dearth_key key_site(struct dearth_key parent, uint32_t op) {
    uint64_t w[4] = {'s', parent.lo, parent.hi, op};
    return key_hash(w, sizeof w);
}

#endif
