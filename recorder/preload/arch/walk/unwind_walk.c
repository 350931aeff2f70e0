/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast path: most stacks, without libunwind.
 *
 *   return address ─ rule cache ─► rule: where the caller's sp, ra and fp are
 *                       └ miss ──► rule.c: the module's .eh_frame
 *
 * Only the frame pointer is tracked: it and the stack pointer are what compilers compute a CFA from. A frame that
 * needs more (expressions, other registers, no CFI at all) makes the walk give up, and
 * libunwind does that stack. Signal frames are the kernel's, at offsets that never change.
 *
 * Re-use of the last walk. Programs allocate again and again from nearly the same stack.
 *
 *   frames[]  outermost ... j ... innermost        the thread's last walk
 *   fresh[]   innermost of now ... until (sp, ra, fp) equals frames[j]
 *
 * What lies outward of j is the same again if every word that the old walk read there
 * still has the value it had: the return address where it was saved, the CFA where a realigned
 * frame keeps it, the frame pointer if the walk depends on it. All of them are compared. Comparing
 * only the frame where the walks meet is unsound: the frames outward of it may have returned and
 * been called anew.
 *
 * Most code keeps data in the frame pointer, and saves what its caller had there: a word that is another
 * at every call and leads nowhere. Frame i needs it (needs_fp) if the step from there computes the CFA by it,
 * or finds it saved nowhere and the frame that it comes to needs it.
 *
 * Programs also go to and fro between a few stacks that part near their inner ends. Where a walk was met, its
 * inner end is kept as a branch, in a small table by (sp, ra):
 *
 *   caller (sp, ra, fp) ── words, each with its value ──► base = frames[j]     site
 *
 * It leads to the same site as long as those words have those values, frames[j] is that frame still, and
 * what lies outward of it is the same again. frames[] stays as it is then: it need not be the last walk any more,
 * only one that is known.
 *
 * The stack's memory is read only where a system call said once that it can be read
 * (stack_lo .. stack_hi); on another stack (coroutine, signal stack) that starts anew.
 *
 * Who runs it: any thread, re-entry flag held. The rule cache is shared without a lock: an entry
 * holds the address XORed with the rule, so that a torn pair never matches.
 */
#include "module.h"
#include "node.h"
#include "preload.h"
#include "rule.h"
#include "sys.h"
#include "thread.h"
#include "unwind.h"

/* --- the rule cache --- */

/* 2^14 pairs of 16 bytes: cc1 has 11,000 return addresses on its stacks. Most programs have few, and each
 * would be a page fault or two in all of it: they begin with a few pages, mapped at once. What lies in
 * these and would lie elsewhere in all of it is found out anew. */
#define CACHE_BITS       14
#define CACHE_SMALL_BITS 10
static struct {
    uint64_t key; /* return address ^ rule */
    rule_bits rule;
} cache[1u << CACHE_BITS] __attribute__((aligned(4096)));
static uint32_t cache_mask = (1u << CACHE_SMALL_BITS) - 2;
static uint32_t cache_misses; /* while it is small */

static void cache_grow(void) {
    if (add_relaxed(&cache_misses, 1) > 1u << (CACHE_SMALL_BITS - 1))
        store_relaxed(&cache_mask, (1u << CACHE_BITS) - 2);
}

static COLD rule_bits rule_miss(uintptr_t address, uint32_t i) {
    rule_bits rule = rule_evaluate(address);
    if (load_relaxed(&cache_mask) < 1u << CACHE_SMALL_BITS)
        cache_grow();
    store_relaxed(&cache[i + 1].rule, load_relaxed(&cache[i].rule));
    store_relaxed(&cache[i + 1].key, load_relaxed(&cache[i].key));
    store_relaxed(&cache[i].rule, rule);
    store_relaxed(&cache[i].key, address ^ rule);
    return rule;
}

static inline rule_bits rule_at(uintptr_t address) {
    uint32_t i = (uint32_t)(address * 0x9e3779b97f4a7c15ull >> (64 - CACHE_BITS)) &
                 load_relaxed(&cache_mask);
    rule_bits rule = load_relaxed(&cache[i].rule);
    if (likely((load_relaxed(&cache[i].key) ^ rule) == address))
        return rule;
    rule = load_relaxed(&cache[i + 1].rule);
    if (likely((load_relaxed(&cache[i + 1].key) ^ rule) == address))
        return rule;
    return rule_miss(address, i);
}

void unwind_start(void) {
    sys_populate(cache, sizeof *cache << CACHE_SMALL_BITS);
}

void unwind_forget(void) {
    for (uint32_t i = 0; i < 1u << CACHE_BITS; i++)
        if (load_relaxed(&cache[i].key)) {
            store_relaxed(&cache[i].rule, 0);
            store_relaxed(&cache[i].key, 0);
        }
}

bool unwind_is_outermost(uintptr_t address) {
    return rule_kind(rule_at(address)) == RULE_END;
}

bool unwind_is_trampoline(uintptr_t address) {
    return rule_kind(rule_at(address)) == RULE_SIGNAL;
}

/* --- the stack's memory --- */

#define PAGE  4096u
/* A gap of more than this is another stack, not a big frame. */
#define REACH (256u * PAGE)

static bool pages_readable(uintptr_t from, uintptr_t to) {
    for (; from < to; from += PAGE)
        if (!sys_readable((const void *)from))
            return false;
    return true;
}

/* Make @address readable-by-knowledge. Return: whether it is. */
static COLD bool stack_extend(struct thread *t, uintptr_t address) {
    uintptr_t page = address & ~(uintptr_t)(PAGE - 1);
    if (address < t->stack_lo && t->stack_lo - address <= REACH &&
        pages_readable(page, t->stack_lo)) {
        t->stack_lo = page;
        return true;
    }
    if (address >= t->stack_hi && address - t->stack_hi < REACH &&
        pages_readable(t->stack_hi, page + PAGE)) {
        t->stack_hi = page + PAGE;
        return true;
    }
    return false;
}

static inline bool stack_has(struct thread *t, uintptr_t address) {
    return likely(address - t->stack_lo < t->stack_hi - t->stack_lo) ||
           stack_extend(t, address);
}

/* The walk starts at @frame: is that on the stack we know, or on another one? */
static inline void stack_enter(struct thread *t, uintptr_t frame) {
    if (likely(frame - t->stack_lo < t->stack_hi - t->stack_lo) ||
        (t->stack_hi && stack_extend(t, frame)))
        return;
    t->stack_lo = frame & ~(uintptr_t)(PAGE - 1); /* we run on it, so it is readable */
    t->stack_hi = t->stack_lo + PAGE;
    t->depth = 0;
}

static inline uintptr_t word(uintptr_t address) {
    return *(const uintptr_t *)address;
}

/* --- the walk --- */

enum step { STEP_ON, STEP_SIGNAL, STEP_END, STEP_LOST };

/*
 * To the frame that a signal interrupted, perhaps on another stack. Its address is pc + 1:
 * the code that was about to run, where a return address names the code behind a call.
 */
static COLD enum step step_signal(struct thread *t, struct fresh_frame *f) {
    if (!stack_has(t, f->sp + WALK_SIGNAL_PC) || !stack_has(t, f->sp))
        return STEP_LOST;
    uintptr_t sp = word(f->sp + WALK_SIGNAL_SP);
    f->ra_address = f->sp + WALK_SIGNAL_PC; /* never compared: see unwind_fast() */
    f->fp = word(f->sp + WALK_SIGNAL_FP);
    f->ra = word(f->sp + WALK_SIGNAL_PC) + 1;
    f->sp = sp;
    if (sp & 7 || (!stack_has(t, sp) && !sys_readable((const void *)sp)))
        return STEP_LOST;
    if (!stack_has(t, sp)) {
        t->stack_lo = sp & ~(uintptr_t)(PAGE - 1);
        t->stack_hi = t->stack_lo + PAGE;
    }
    f->fp_address = f->sp_address = 0;
    return STEP_SIGNAL;
}

/* From @from to its caller. In a buffer, not in place: what one step stores, the next one reads, and
 * a copy of it would wait for that store. */
static inline enum step step(struct thread *t, const struct fresh_frame *from,
                             struct fresh_frame *to) {
    rule_bits rule = rule_at(from->ra);
    enum rule_kind kind = rule_kind(rule);
    int64_t cfa_offset = rule_cfa_offset(rule), fp_offset = rule_fp_offset(rule);
    uintptr_t cfa, fp_at, fp = from->fp;
    to->sp_address = 0;
    to->by_fp = kind == RULE_FP || kind == RULE_DRAP;
    if (likely(kind == RULE_SP || kind == RULE_FP)) {
        cfa = (kind == RULE_SP ? from->sp : fp) + (uintptr_t)cfa_offset;
        fp_at = fp_offset ? cfa + (uintptr_t)fp_offset : 0;
    } else if (kind == RULE_DRAP) {
        to->sp_address = fp + (uintptr_t)cfa_offset;
        if (to->sp_address & 7 || !stack_has(t, to->sp_address))
            return STEP_LOST;
        cfa = word(to->sp_address);
        fp_at = fp + (uintptr_t)fp_offset;
    } else if (kind == RULE_SIGNAL) {
        *to = *from;
        return step_signal(t, to);
    } else {
        return kind == RULE_END ? STEP_END : STEP_LOST;
    }
    uintptr_t ra_at = cfa + (uintptr_t)rule_ra_offset(rule);
    if (unlikely(cfa <= from->sp || cfa & 7 || ra_at < from->sp || ra_at >= cfa ||
                 !stack_has(t, cfa - 8)))
        return STEP_LOST;
    if (fp_at) {
        if (unlikely(fp_at & 7 || !stack_has(t, fp_at)))
            return STEP_LOST;
        fp = word(fp_at);
    }
    to->fp = fp;
    to->fp_address = fp_at;
    to->ra = arch_code(word(ra_at));
    to->ra_address = ra_at;
    to->sp = cfa;
    return likely(to->ra) ? STEP_ON : STEP_END;
}

static inline uint32_t words_before(const struct thread *t, uint32_t frame) {
    return frame ? t->frames[frame - 1].words : 0;
}

/* Does every word that the last walk read outward of frames[j] still hold what it held? */
static inline bool same_outward(const struct thread *t, uint32_t j) {
    const struct stack_word *words = t->words;
    uintptr_t difference = 0;
    for (uint32_t i = 0, n = words_before(t, j); i < n; i++)
        difference |= word(words[i].address) ^ words[i].value;
    return !difference;
}

/*
 * After same_outward(j) said no: the outermost frame that a changed word led to. No frame
 * inward of it can be met; it itself may be, its own state is compared.
 */
static COLD uint32_t first_changed(const struct thread *t, uint32_t j) {
    uint32_t i = 0, frame = 0, n = words_before(t, j);
    while (i < n && word(t->words[i].address) == t->words[i].value)
        i++;
    while (frame < j && t->frames[frame].words <= i)
        frame++;
    return frame;
}

/* Where a walk met the last one. */
struct meeting {
    uint32_t base; /* frames kept: frames[0 .. base) */
    bool signal;   /* words of this walk may lie on another stack: not to be re-used */
    bool met;      /* the outermost fresh frame is frames[base], by other words maybe */
};

/*
 * Walk outward from the hook's caller, from frame to frame, into fresh[].
 * Return: number of fresh frames, 0 when libunwind must do it.
 */
static uint32_t walk(struct thread *t, const struct caller *caller, struct meeting *m) {
    struct fresh_frame *f = t->fresh;
    *f = (struct fresh_frame){.sp = caller->sp,
                              .ra = caller->address,
                              .fp = word(caller->frame),
                              .ra_address = caller->frame + 8};
    const uint32_t limit = preload.max_depth;
    uint32_t n = 0, old = t->depth; /* frames[0 .. old) may still be met */
    *m = (struct meeting){0};
    t->last_flags = 0;
    for (;; f++) {
        if (unlikely(n == limit)) {
            t->last_flags = SHM_NODE_TRUNCATED;
            return n;
        }
        n++;
        uintptr_t sp = f->sp;
        while (old && t->frames[old - 1].sp < sp)
            old--;
        const struct frame *same = old ? &t->frames[old - 1] : NULL;
        if (same && same->sp == sp && same->ra == f->ra &&
            (same->fp == f->fp || !same->needs_fp)) {
            if (likely(same_outward(t, old - 1))) {
                m->base = old - 1;
                m->met = true;
                return n;
            }
            old = first_changed(t, old - 1) + 1;
        }
        enum step next = step(t, f, f + 1);
        if (unlikely(next == STEP_SIGNAL))
            m->signal = true;
        else if (unlikely(next != STEP_ON))
            return next == STEP_END ? n : 0;
    }
}

static inline void depend(struct thread *t, uint32_t *n, uintptr_t at, uintptr_t value) {
    t->words[(*n)++] = (struct stack_word){at, value};
}

/* Store a frame and the words that led to it. */
static inline void keep(struct thread *t, struct frame *to, const struct fresh_frame *f,
                        uint32_t *n_words) {
    depend(t, n_words, f->ra_address, word(f->ra_address)); /* maybe signed */
    if (f->fp_address && to->needs_fp)
        depend(t, n_words, f->fp_address, f->fp);
    if (unlikely(f->sp_address))
        depend(t, n_words, f->sp_address, f->sp);
    to->sp = f->sp;
    to->ra = f->ra;
    to->fp = f->fp;
    to->words = *n_words;
}

/* Put the fresh frames behind the old ones that are kept, and intern them. */
static inline struct frame *merge(struct thread *t, struct meeting m, uint32_t n_fresh) {
    uint32_t n_words = words_before(t, m.base), at = m.base;
    uint32_t node = at ? t->frames[at - 1].node : 0;
    t->depth = 0; /* a half-stored walk is no walk */
    uint32_t needs_fp = m.met ? t->frames[at].needs_fp : t->fresh[n_fresh].by_fp;
    for (uint32_t i = n_fresh; i-- > 0; at++) {
        struct frame *f = &t->frames[at];
        f->needs_fp = needs_fp;
        needs_fp = i && (t->fresh[i].by_fp || (!t->fresh[i].fp_address && needs_fp));
        keep(t, f, &t->fresh[i], &n_words);
        if (!(m.met && at == m.base)) {
            f->node = node_frame(t, node, f->ra);
            f->site = 0;
        }
        node = f->node;
        if (unlikely(!node))
            return NULL;
    }
    t->depth = at;
    return &t->frames[at - 1];
}

struct frame *unwind_fast(struct thread *t, const struct caller *caller, bool *walked) {
    stack_enter(t, caller->frame);
    uint32_t generation = load_relaxed(&module_generation);
    if (unlikely(generation != t->generation)) {
        t->generation = generation;
        t->depth = 0;
    }
    t->met = UINT32_MAX;
    struct meeting m;
    uint32_t n = walk(t, caller, &m);
    if (unlikely(m.met && m.base + n > preload.max_depth)) {
        t->depth = 0; /* cut at the same frame as a walk from scratch would */
        n = walk(t, caller, &m);
    }
    *walked = n != 0;
    if (unlikely(!n))
        return NULL;
    if (m.met && n == 1) { /* the very frame of last time, or one outward of it */
        t->depth = m.base + 1;
        t->met = m.base;
        return &t->frames[m.base];
    }
    struct frame *innermost = merge(t, m, n);
#ifdef UNWIND_SELF_CHECK
    t->walked = t->depth;
#endif
    if (unlikely(t->last_flags & SHM_NODE_TRUNCATED || m.signal))
        t->depth = 0;
    else if (m.met)
        t->met = m.base;
    return innermost;
}

/* --- branches --- */

static inline struct branch *branches_at(const struct thread *t,
                                         const struct caller *caller) {
    uint64_t hash = (caller->sp ^ caller->address << 3) * 0x9e3779b97f4a7c15ull;
    return &t->branches[hash / (UINT64_MAX / UNWIND_BRANCH_SETS + 1) *
                        UNWIND_BRANCH_WAYS];
}

/* Do the words from @b's start to its base hold what they held, and is its base where it was? */
static inline bool leads_to_base(const struct thread *t, const struct branch *b) {
    const struct frame *base = &t->frames[b->base];
    if (b->base >= t->depth || base->sp != b->base_sp || base->ra != b->base_ra ||
        (base->fp != b->base_fp && base->needs_fp) || base->node != b->node ||
        b->base_sp > t->stack_hi)
        return false;
    uintptr_t difference = 0;
    for (uint32_t i = 0; i < b->n_words; i++)
        difference |= ((const uintptr_t *)b->sp)[b->offsets[i]] ^ b->values[i];
    return !difference;
}

static inline bool is_again(const struct thread *t, const struct caller *caller,
                            uint32_t op, const struct branch *b) {
    return b->sp == caller->sp && b->ra == caller->address &&
           (!b->needs_fp || b->fp == word(caller->frame)) && (b->site & 15) == op &&
           b->generation == load_relaxed(&module_generation) && leads_to_base(t, b) &&
           same_outward(t, b->base);
}

uint32_t unwind_again(struct thread *t, const struct caller *caller, uint32_t op) {
    const struct branch *b = branches_at(t, caller), *end = b + UNWIND_BRANCH_WAYS;
    stack_enter(t, caller->frame);
    for (; b < end; b++)
        if (is_again(t, caller, op, b)) {
            t->last_flags = 0;
            return b->site >> 4;
        }
    return 0;
}

void unwind_remember(struct thread *t, const struct caller *caller, uint32_t site) {
    if (t->met >= t->depth)
        return;
    const struct frame *base = &t->frames[t->met];
    uint32_t from = words_before(t, t->met);
    uint32_t n =
        t->frames[t->depth - 1].words - 1 - from; /* the last is the return address */
    if (n > UNWIND_BRANCH_WORDS)
        return;
    struct branch *b = branches_at(t, caller) + t->n_branched++ % UNWIND_BRANCH_WAYS;
    store_relaxed(&b->sp, 0); /* half of it is none */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < n; i++) {
        const struct stack_word *w = &t->words[from + i];
        uintptr_t offset = w->address - caller->sp;
        if (w->address >= base->sp || offset & 7 || offset / 8 > UINT16_MAX)
            return; /* not within this part of the stack */
        b->offsets[i] = (uint16_t)(offset / 8);
        b->values[i] = w->value;
    }
    b->ra = caller->address;
    b->fp = word(caller->frame);
    b->base_sp = base->sp;
    b->base_ra = base->ra;
    b->base_fp = base->fp;
    b->base = t->met;
    b->node = base->node;
    b->generation = t->generation;
    b->site = site;
    b->n_words = n;
    b->needs_fp = t->frames[t->depth - 1].needs_fp;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    store_relaxed(&b->sp, caller->sp);
}
