/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guarded blocks (SHM_GUARD): what a program damages without noticing shows here.
 *
 *   the real allocator's block
 *   ├─ unused ─┬─ struct header ─────────────────┬─ the program's block ─┬─ tail ─────────┤
 *   base       │ size, offset, site, check, front│ size bytes, poisoned  │ 16..31 bytes   │
 *              └────────── 48 bytes ─────────────┘ address               └ canary, exact  ┘
 *
 *   malloc ─► live bit set ──free──► live bit cleared, freed bit set, filled with POISON_FREED,
 *             put into the quarantine ──the oldest leaves──► still filled? ─► the real free
 *
 *   front, tail    another value at every address: damaged when they are not what they were
 *   check          the header's own fields, so that a wild write there is no wild read here
 *   poison         not an address that any machine has: a pointer read from it faults at once
 *
 * guard_map.c tells which addresses are ours (a bit each, in memory of its own): whatever else
 * is given to free(), blocks of boot.c, of ld.so or of an allocator behind our back, passes
 * untouched. So no header is ever read where none was written.
 *
 * The struct `real` of hooks.c points to the functions here, and `next` to the allocator's: the
 * hooks know nothing of it. Damage ends the process in dearth_damage_found(), where the tracer
 * reads the stack; what it was stands in shm_header.damage.
 *
 * Context: any thread, signal handlers, forked children; no lock: bits and the quarantine's
 * slots change hands by atomic exchange, and whoever got one owns the block.
 */
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard.h"
#include "hooks.h"
#include "local.h"
#include "preload.h"
#include "sys.h"

#define POISON_FRESH 0xcd /* bits 63..47 of a pointer made of it differ: not canonical */
#define POISON_FREED 0xdf
/* Of a larger block only so much is filled: the pages that a program never uses stay unused. */
#define POISON_MOST  (1u << 20)
/* Larger blocks that are freed go at once: the allocator unmaps them, so a use faults anyhow. */
#define HELD_MOST    (1u << 20)
#define HELD_BLOCKS  16384u
#define HELD_BYTES   (32u << 20)
/* From here on realloc() does not always move: a buffer that grows step by step would be copied
 * each time. */
#define MOVED_MOST   65536u
#define ALIGNED_MOST (1u << 20)
#define TAIL_LEAST   16u

struct header {
    uint64_t size;
    uint32_t offset; /* of the program's block in the real one */
    uint32_t node;   /* site that allocated it, 0 = unknown; not in `check` */
    uint64_t check;
    uint64_t reserved;
    uint64_t front[2];
};
_Static_assert(sizeof(struct header) % 16 == 0, "keeps malloc's alignment");

static struct real next;
static void *held[HELD_BLOCKS];
static uint64_t held_bytes;
static uint64_t held_in, held_out; /* positions, modulo HELD_BLOCKS */

static struct header *header_of(const void *p) {
    return (struct header *)((uintptr_t)p - sizeof(struct header));
}

static void *base_of(const void *p) {
    return (void *)((uintptr_t)p - header_of(p)->offset);
}

/* No byte of it is 0, which is what strings overrun with. */
static uint64_t canary_at(uintptr_t address) {
    return (address >> 3) * 0x9e3779b97f4a7c15ull | 0x0101010101010101ull;
}

static uint64_t check_of(const struct header *h) {
    uint64_t x = (uintptr_t)h ^ h->size * 0xff51afd7ed558ccdull;
    x = (x ^ x >> 29 ^ h->offset) * 0xc4ceb9fe1a85ec53ull;
    return x ^ x >> 32;
}

static size_t round_up(size_t n, size_t to) {
    return (n + to - 1) & ~(to - 1);
}

static size_t bytes_behind(size_t size) {
    return round_up(size, 16) + TAIL_LEAST - size;
}

static size_t at_most(size_t n, size_t most) {
    return n < most ? n : most;
}

/* --- canaries --- */

static uint8_t tail_byte(uintptr_t address) {
    return (uint8_t)(canary_at(address) >> 8 * (address & 7));
}

static void write_tail(uint8_t *p, size_t size) {
    for (size_t i = 0, n = bytes_behind(size); i < n; i++)
        p[size + i] = tail_byte((uintptr_t)p + size + i);
}

/* Return: the block that the program sees. */
static void *dress(void *base, size_t offset, size_t size) {
    void *p = (char *)base + offset;
    struct header *h = header_of(p);
    *h = (struct header){.size = size, .offset = (uint32_t)offset};
    h->front[0] = canary_at((uintptr_t)&h->front[0]);
    h->front[1] = canary_at((uintptr_t)&h->front[1]);
    h->check = check_of(h);
    write_tail(p, size);
    return p;
}

struct damage {
    uint32_t kind;  /* enum shm_damage_kind */
    int64_t offset; /* of the first byte, from the start of the block */
};

static bool front_damaged(const void *p, struct damage *out) {
    const struct header *h = header_of(p);
    for (int i = 1; i >= 0; i--)
        if (h->front[i] != canary_at((uintptr_t)&h->front[i])) {
            *out = (struct damage){SHM_DAMAGE_UNDERRUN, 8 * (i - 2)};
            return true;
        }
    *out = (struct damage){SHM_DAMAGE_UNDERRUN, -(int64_t)sizeof *h};
    return h->check != check_of(h);
}

static bool tail_damaged(const uint8_t *p, struct damage *out) {
    size_t size = header_of(p)->size;
    for (size_t i = size, n = size + bytes_behind(size); i < n; i++)
        if (p[i] != tail_byte((uintptr_t)p + i)) {
            *out = (struct damage){SHM_DAMAGE_OVERRUN, (int64_t)i};
            return true;
        }
    return false;
}

static bool freed_damaged(const uint8_t *p, struct damage *out) {
    size_t n = at_most(header_of(p)->size, POISON_MOST);
    for (size_t i = 0; i < n; i++)
        if (p[i] != POISON_FREED) {
            *out = (struct damage){SHM_DAMAGE_AFTER_FREE, (int64_t)i};
            return true;
        }
    return false;
}

/* --- the end --- */

/* A function with a name of its own: replayer/judge/policy.c knows it for damage. Like abort(), but
 * no handler of the program's can turn it into something else. */
EXPORT __attribute__((noinline)) void dearth_damage_found(void);
void dearth_damage_found(void) {
    const long bytes = 8; /* of the kernel's signal set */
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        uint64_t mask;
    } plain = {0};
    uint64_t abort_only = 1ull << (SIGABRT - 1);
    sys_call(SYS_rt_sigaction, SIGABRT, (long)&plain, 0, bytes, 0, 0);
    sys_call(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&abort_only, 0, bytes, 0, 0);
    sys_tgkill(sys_getpid(), sys_gettid(), SIGABRT);
    __builtin_trap(); /* the first process of a pid namespace has no default actions */
}

/* A damaged header is not asked what it says. */
static COLD void report(const void *p, struct damage damage, uint32_t where) {
    struct shm_damage *said = &preload.arena->damage;
    if (cas(&said->claimed, 0, 1)) {
        const struct header *h = header_of(p);
        bool whole = damage.kind != SHM_DAMAGE_BAD_FREE && h->check == check_of(h);
        said->kind = damage.kind;
        said->where = where;
        said->pid = sys_getpid();
        said->process = local->process_id;
        said->node = whole ? h->node : 0;
        said->address = (uintptr_t)p;
        said->size = whole ? h->size : 0;
        said->offset = damage.offset;
        store_release(&said->ready, 1);
    }
    dearth_damage_found();
}

/* What was written before a block is mostly what the one in front of it was overrun with.
 * Return: that one, and in @damage its damage; NULL = none ends near enough, or its guard is whole. */
static COLD const void *overrun_into(const void *p, struct damage *damage) {
    const uintptr_t most = 64; /* of the allocator's own between two blocks */
    const uint8_t *before = (const uint8_t *)guard_map_before((uintptr_t)p - 16);
    const struct header *h = before ? header_of(before) : NULL;
    if (!h || h->check != check_of(h))
        return NULL;
    uintptr_t end = (uintptr_t)before + h->size + bytes_behind(h->size);
    uintptr_t begin = (uintptr_t)header_of(p);
    bool is_near = end <= begin && begin - end <= most;
    return is_near && tail_damaged(before, damage) ? before : NULL;
}

static void verify(const void *p, uint32_t where) {
    struct damage damage;
    if (likely(!front_damaged(p, &damage) && !tail_damaged(p, &damage)))
        return;
    const void *before =
        damage.kind == SHM_DAMAGE_UNDERRUN ? overrun_into(p, &damage) : NULL;
    report(before ? before : p, damage, where);
}

static void verify_freed(const void *p, uint32_t where) {
    struct damage damage;
    verify(p, where);
    if (unlikely(freed_damaged(p, &damage)))
        report(p, damage, where);
}

/* --- allocating --- */

/* Nothing that is asked for in earnest; also keeps the sums below from overflowing. */
static bool is_too_much(size_t n) {
    return n > PTRDIFF_MAX / 2;
}

static size_t real_bytes(size_t offset, size_t size) {
    return offset + size + bytes_behind(size);
}

/* Return: the guarded block, NULL when the map has no room: @base is to be given back. */
static void *take(void *base, size_t offset, size_t size) {
    void *p = dress(base, offset, size);
    return guard_map_add((uintptr_t)p) ? p : NULL;
}

static void *guarded_malloc(size_t n) {
    const size_t offset = sizeof(struct header);
    void *base = is_too_much(n) ? NULL : next.malloc(real_bytes(offset, n));
    if (unlikely(!base))
        return next.malloc(n); /* its own refusal, or a block without a guard */
    void *p = take(base, offset, n);
    if (unlikely(!p)) {
        next.free(base);
        return next.malloc(n);
    }
    return __builtin_memset(p, POISON_FRESH, at_most(n, POISON_MOST));
}

static void *guarded_calloc(size_t a, size_t b) {
    const size_t offset = sizeof(struct header);
    size_t n;
    if (__builtin_mul_overflow(a, b, &n) || is_too_much(n))
        return next.calloc(a, b);
    void *base = next.calloc(1, real_bytes(offset, n));
    void *p = base ? take(base, offset, n) : NULL;
    if (unlikely(!p)) {
        if (base)
            next.free(base);
        return next.calloc(a, b);
    }
    return p;
}

static bool is_power_of_two(size_t n) {
    return n && !(n & (n - 1));
}

/* Return: NULL when it cannot be guarded: the real function may say why. */
static void *aligned(size_t alignment, size_t n) {
    if (!is_power_of_two(alignment) || alignment > ALIGNED_MOST || is_too_much(n))
        return NULL;
    size_t offset = round_up(sizeof(struct header), alignment);
    void *base = NULL;
    if (alignment <= 16)
        base = next.malloc(real_bytes(offset = sizeof(struct header), n));
    else if (next.posix_memalign(&base, alignment, real_bytes(offset, n)) != 0)
        base = NULL;
    void *p = base ? take(base, offset, n) : NULL;
    if (base && !p)
        next.free(base);
    return p ? __builtin_memset(p, POISON_FRESH, at_most(n, POISON_MOST)) : NULL;
}

static void *guarded_aligned_alloc(size_t alignment, size_t n) {
    void *p = aligned(alignment, n);
    return p ? p : next.aligned_alloc(alignment, n);
}

static void *guarded_memalign(size_t alignment, size_t n) {
    void *p = aligned(alignment, n);
    return p ? p : next.memalign(alignment, n);
}

static int guarded_posix_memalign(void **out, size_t alignment, size_t n) {
    void *p = alignment % sizeof(void *) == 0 ? aligned(alignment, n) : NULL;
    if (!p)
        return next.posix_memalign(out, alignment, n);
    *out = p;
    return 0;
}

static size_t page_bytes(void) {
    static size_t bytes;
    if (!bytes)
        bytes = (size_t)sysconf(_SC_PAGESIZE);
    return bytes;
}

static void *guarded_valloc(size_t n) {
    void *p = aligned(page_bytes(), n);
    return p ? p : next.valloc(n);
}

static void *guarded_pvalloc(size_t n) {
    void *p =
        is_too_much(n) ? NULL : aligned(page_bytes(), round_up(n ? n : 1, page_bytes()));
    return p ? p : next.pvalloc(n);
}

/* --- freeing --- */

static void let_go(void *p) {
    verify_freed(p, SHM_DAMAGE_AT_EVICTION);
    __atomic_fetch_sub(&held_bytes, header_of(p)->size, __ATOMIC_RELAXED);
    guard_map_forget((uintptr_t)p);
    next.free(base_of(p));
}

static void hold(void *p) {
    size_t size = header_of(p)->size;
    __builtin_memset(p, POISON_FREED, at_most(size, POISON_MOST));
    add_relaxed(&held_bytes, size);
    void *oldest = swap(&held[add_relaxed(&held_in, 1) % HELD_BLOCKS], p);
    if (oldest)
        let_go(oldest);
    for (uint32_t i = 0; i < HELD_BLOCKS && load_relaxed(&held_bytes) > HELD_BYTES; i++) {
        oldest = swap(&held[add_relaxed(&held_out, 1) % HELD_BLOCKS], NULL);
        if (oldest)
            let_go(oldest);
    }
}

/* The live bit of @p was ours to clear: it is nobody's block any more. */
static void retire(void *p, uint32_t where) {
    verify(p, where);
    if (header_of(p)->size > HELD_MOST) {
        guard_map_forget((uintptr_t)p);
        next.free(base_of(p));
    } else {
        hold(p);
    }
}

/* @p is no live block of ours. Ends the process when it is one that was freed, or lies in one. */
static COLD void judge_stranger(const void *p, uint32_t where) {
    const struct damage twice = {SHM_DAMAGE_DOUBLE_FREE, 0};
    if (guard_map_is_freed((uintptr_t)p))
        report(p, twice, where);
    uintptr_t start = guard_map_before((uintptr_t)p);
    if (!start || header_of((void *)start)->check != check_of(header_of((void *)start)))
        return;
    uintptr_t distance = (uintptr_t)p - start;
    if (distance < header_of((void *)start)->size)
        report(p, (struct damage){SHM_DAMAGE_BAD_FREE, (int64_t)distance}, where);
}

static void guarded_free(void *p) {
    if (!p)
        return;
    if (likely(guard_map_retire((uintptr_t)p))) {
        retire(p, SHM_DAMAGE_AT_FREE);
        return;
    }
    judge_stranger(p, SHM_DAMAGE_AT_FREE);
    next.free(p);
}

static size_t guarded_usable_size(void *p) {
    if (p && guard_map_is_live((uintptr_t)p))
        return header_of(p)->size;
    return next.malloc_usable_size ? next.malloc_usable_size(p) : 0;
}

/* --- realloc --- */

static void *moved(void *old, size_t n) {
    void *p = guarded_malloc(n);
    if (!p)
        return NULL;
    __builtin_memcpy(p, old, at_most(header_of(old)->size, n));
    guarded_free(old);
    return p;
}

/* A large block: the real allocator moves it if it must. Off the map meanwhile, because the old
 * address may be another thread's before the call has returned. */
static void *resized(void *old, size_t n) {
    struct header was = *header_of(old);
    void *base = base_of(old);
    if (is_too_much(n)) {
        errno = ENOMEM;
        return NULL;
    }
    guard_map_remove((uintptr_t)old);
    void *to = next.realloc(base, real_bytes(was.offset, n));
    if (!to) {
        guard_map_add((uintptr_t)old);
        return NULL;
    }
    char *p = dress(to, was.offset, n);
    header_of(p)->node = was.node;
    if (!guard_map_add((uintptr_t)p)) { /* no room: give out one without a guard */
        void *bare = next.malloc(n);
        if (bare)
            __builtin_memcpy(bare, p, at_most(was.size, n));
        next.free(to);
        return bare;
    }
    if (n > was.size)
        __builtin_memset(p + was.size, POISON_FRESH, at_most(n - was.size, POISON_MOST));
    return p;
}

static void *guarded_realloc(void *old, size_t n) {
    if (!old)
        return guarded_malloc(n);
    if (unlikely(!guard_map_is_live((uintptr_t)old))) {
        judge_stranger(old, SHM_DAMAGE_AT_REALLOC);
        return next.realloc(old, n);
    }
    verify(old, SHM_DAMAGE_AT_REALLOC);
    if (!n && preload.glibc_realloc) {
        guarded_free(old);
        return NULL;
    }
    return header_of(old)->size < MOVED_MOST ? moved(old, n) : resized(old, n);
}

static void *guarded_reallocarray(void *old, size_t a, size_t b) {
    size_t n;
    if (__builtin_mul_overflow(a, b, &n)) {
        errno = ENOMEM;
        return NULL;
    }
    return guarded_realloc(old, n);
}

/* --- the whole --- */

void guard_site(void *p, uint32_t node) {
    if (node && guard_map_is_live((uintptr_t)p))
        header_of(p)->node = node;
}

static bool is_alone(void) {
    struct stat st;
    if (sys_is_sandboxed)
        return false;
    long ret =
        sys_call(SYS_newfstatat, AT_FDCWD, (long)"/proc/self/task", (long)&st, 0, 0, 0);
    return ret == 0 && st.st_nlink == 3; /* ".", "..", one thread */
}

static void verify_live(uintptr_t address) {
    verify((void *)address, SHM_DAMAGE_AT_EXIT);
}

static void verify_held(uintptr_t address) {
    verify_freed((void *)address, SHM_DAMAGE_AT_EXIT);
}

void guard_end(void) {
    /* Other threads may free under our eyes: what they damage, later frees show. */
    if (is_alone())
        guard_map_each(verify_live, verify_held);
}

void guard_start(void) {
    next = real;
    real = (struct real){.malloc = guarded_malloc,
                         .calloc = guarded_calloc,
                         .realloc = guarded_realloc,
                         .reallocarray = guarded_reallocarray,
                         .free = guarded_free,
                         .posix_memalign = guarded_posix_memalign,
                         .aligned_alloc = guarded_aligned_alloc,
                         .memalign = guarded_memalign,
                         .valloc = guarded_valloc,
                         .pvalloc = guarded_pvalloc,
                         .malloc_usable_size = guarded_usable_size};
}
