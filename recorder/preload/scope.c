/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scope of a failure that lasts: what is not in it goes on to get memory.
 *
 *   site ─► decided[] (private, direct-mapped) ─► known: as last time
 *                                              └► its frames, innermost first ─► classes (shm.h, struct shm_scope)
 *
 * dearth has written down what each return address means before the program starts; nothing is named here. What the
 * recording has not is decided by its function, and so counted; without a stack nothing fails.
 *
 * Who runs it: any thread of the target, re-entry flag held, once a failure that lasts has fired.
 */
#include "scope.h"
#include "arena.h"
#include "local.h"
#include "module.h"
#include "node.h"
#include "unwind.h"

/* An entry: process block << 34 | site << 2 | enum decision. Ids of sites have 20 bits; a forked child's are others. */
#define DECIDED_BITS 9 /* one page */
static uint64_t decided[1u << DECIDED_BITS] __attribute__((aligned(4096)));

enum decision {
    DECIDED_IN = 1u << 0,
    DECIDED_UNSURE = 1u << 1,
};

void scope_start(const struct shm_header *arena) {
    uint32_t block = arena->scope_block;
    if (!block || block >= preload.blocks_total)
        return;
    const struct shm_scope *scope =
        (const struct shm_scope *)((const char *)arena +
                                   (uint64_t)block * SHM_BLOCK_BYTES);
    uint32_t n = scope->n_entries;
    if (n > SHM_SCOPE_ENTRIES || block + shm_scope_blocks(n) > preload.blocks_total)
        return;
    preload.scope_block = block;
    preload.scope_entries = n;
}

/* --- one frame --- */

static uint32_t classes_at(const struct shm_scope *scope,
                           const struct shm_scope_module *module, uint64_t offset) {
    uint32_t low = module->first, high = module->first + module->n;
    if (high < low || high > preload.scope_entries)
        return SHM_SCOPE_NEARLY;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (scope->entries[middle] >> SHM_SCOPE_CLASS_BITS <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low == module->first ? module->classes : scope->entries[low - 1] & 0xffu;
}

static uint32_t classes_of(const struct shm_scope *scope, const struct shm_node *frame) {
    uint32_t n = scope->n_modules < SHM_SCOPE_MODULES ? scope->n_modules : 0;
    if (!frame->module || frame->module > MODULES_MAX)
        return SHM_SCOPE_NEARLY;
    struct dearth_key key = module_by_index(frame->module)->key;
    for (uint32_t i = 0; i < n; i++)
        if (key_equal(scope->modules[i].key, key))
            return classes_at(scope, &scope->modules[i], frame->offset);
    return SHM_SCOPE_NEARLY;
}

/* --- one stack --- */

struct looked {
    uint32_t classes; /* of all frames */
    uint32_t asker;   /* of who asks; 0 = nobody yet */
    bool asked;
};

/* Return: whether there is more to look at. */
static bool look(struct looked *l, uint32_t classes) {
    if (!l->asked && !(classes & SHM_SCOPE_PASSES)) {
        l->asker = classes;
        l->asked = true;
    }
    if (classes & SHM_SCOPE_END)
        return false;
    l->classes |= classes;
    return true;
}

/* What else would decide it otherwise? A frame that is in the scope is so whatever is inlined there. */
static enum decision conclude(const struct shm_scope *scope, const struct looked *l) {
    bool harness = l->asker & SHM_SCOPE_HARNESS, out = l->classes & SHM_SCOPE_OUT;
    bool in = (l->classes & scope->wanted) == scope->wanted && !harness && !out;
    bool vague = l->classes & SHM_SCOPE_NEARLY;
    bool vague_asker = l->asker & SHM_SCOPE_NEARLY;
    bool sure = in ? !(vague && scope->doubts & SHM_SCOPE_OUT) &&
                         !(vague_asker && scope->doubts & SHM_SCOPE_HARNESS)
                   : out || !vague || (harness && !vague_asker);
    return (in ? DECIDED_IN : 0) | (sure ? 0 : DECIDED_UNSURE);
}

static enum decision decide(uint32_t site) {
    const struct shm_scope *scope = arena_block(preload.scope_block);
    const struct shm_node *node = node_checked(site);
    struct looked l = {0};
    if (node && node->flags & (SHM_NODE_TRUNCATED | SHM_NODE_INCOMPLETE))
        l.classes = SHM_SCOPE_NEARLY; /* of what is missing nothing is known */
    uint32_t id = node ? node->parent : 0;
    for (uint32_t n = 0; id && n <= UNWIND_MAX_DEPTH; n++) {
        node = node_checked(id);
        if (!node || !look(&l, classes_of(scope, node)))
            break;
        id = node->parent;
    }
    return conclude(scope, &l);
}

bool scope_takes(struct shm_fault *fault, uint32_t node) {
    if (!node) {
        add_relaxed(&fault->spared, 1);
        add_relaxed(&fault->unsure, 1);
        add_relaxed(&fault->unseen, 1);
        return false;
    }
    uint64_t tag = (uint64_t)local->process_id << 34 | (uint64_t)node << 2;
    uint64_t *slot = &decided[(tag * 0x9e3779b97f4a7c15ull) >> (64 - DECIDED_BITS)];
    uint64_t entry = load_relaxed(slot);
    if (entry >> 2 != tag >> 2) {
        entry = tag | decide(node);
        store_relaxed(slot, entry);
    }
    if (entry & DECIDED_UNSURE)
        add_relaxed(&fault->unsure, 1);
    if (!(entry & DECIDED_IN))
        add_relaxed(&fault->spared, 1);
    return entry & DECIDED_IN;
}
