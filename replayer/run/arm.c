/* SPDX-License-Identifier: Apache-2.0 */
/* What an execution is to do, put into its arena: see arm.h. */
#include "arm.h"

#include <stdlib.h>

#include "attempt.h"
#include "error.h"
#include "execution.h"
#include "session.h"
#include "text.h"

/* Do later calls fail, those in a scope alone? */
static bool is_scoped(const struct execution *x, const struct order *order) {
    bool lasts = order->mode == MODE_STICKY || order->mode == MODE_BURST;
    return x->options->scope && order->site_id && lasts;
}

/* Is a stack that needs libunwind after all made good by another run? Of a fault that did not match,
 * and wherever stacks are looked at for themselves; not of those of an error path that is explored, nor of those that
 * decide what else fails. */
static bool goes_without_libunwind(const struct execution *x, const struct order *order) {
    bool alone = order->site_id || order->leaks || order->under == UNDER_GUARDED;
    return x->no_libunwind && alone && order->mode != MODE_CHANCE && !order->explore &&
           !order->second_site_id && !is_scoped(x, order);
}

/* Guarded executions and those that look for leaks walk every stack: a block has a site. */
static uint32_t arm_flags(const struct execution *x, const struct order *order) {
    bool guarded = order->under == UNDER_GUARDED;
    uint32_t flags = order->site_id ? SHM_FAULTS : SHM_COUNT_SITES;
    if (goes_without_libunwind(x, order))
        flags |= SHM_NO_LIBUNWIND;
    if (order->mode == MODE_CHANCE)
        flags |= SHM_CHANCE | SHM_COUNT_SITES;
    else if (guarded)
        flags |= SHM_GUARD;
    else if (order->leaks)
        flags |= SHM_LEAKS;
    else if (order->site_id)
        flags |= SHM_SKIP_UNWIND | (order->explore ? SHM_COUNT_SITES : 0);
    if (x->options->marked)
        flags |= SHM_MARKED;
    if (order->under == UNDER_VALGRIND)
        flags |= SHM_VALGRIND;
    return flags;
}

static void arm_chance(struct execution *x, const struct order *order) {
    const struct runner_options *o = x->options;
    double threshold = order->chance.probability * 0x1p64;
    const struct shm_chance chance = {
        .threshold = threshold < 0x1p64 ? (uint64_t)threshold : UINT64_MAX,
        .seed = order->chance.seed,
        .interval = order->chance.interval,
        .times = order->chance.times,
        .space = order->chance.space};
    session_set_chance(x->session, &chance);
    session_set_fault(x->session, NULL);
    if (!o->n_chance_sites)
        return;
    struct shm_order *chosen = text_alloc(o->n_chance_sites * sizeof *chosen);
    for (uint32_t i = 0; i < o->n_chance_sites; i++)
        chosen[i].site = o->chance_sites[i];
    session_set_orders(x->session, chosen, o->n_chance_sites);
    free(chosen);
}

int arm_scope(struct execution *x) {
    int err = session_set_scope(x->session, x->options->scope);
    return err < 0
               ? error_print_errno(err,
                                   "the scope of failures that last does not fit into "
                                   "shared memory")
               : 0;
}

int arm_order(struct execution *x, const struct order *order) {
    session_reset(x->session, arm_flags(x, order));
    if (order->mode == MODE_CHANCE) {
        arm_chance(x, order);
        return 0;
    }
    if (order->site_id == 0) {
        session_set_fault(x->session, NULL);
        return 0;
    }
    const struct shm_fault faults[] = {
        {
            .site = order->site,
            .leaf_module = order->leaf_module,
            .leaf_offset = order->leaf_offset,
            .occurrence = order->occurrence,
            .mode = (uint32_t)order
                        ->mode, /* enum fault_mode has enum shm_fault_mode's values */
            .burst = order->burst,
            .thread = (uint32_t)order->thread,
        },
        {
            .site = order->second_site,
            .leaf_module = order->second_leaf_module,
            .leaf_offset = order->second_leaf_offset,
            .occurrence = order->second_occurrence,
            .mode = SHM_FAULT_ONCE,
        },
    };
    session_set_faults(x->session, faults, order->second_site_id ? 2 : 1);
    return is_scoped(x, order) ? arm_scope(x) : 0;
}
_Static_assert((int)THREAD_MAIN == (int)SHM_FAULT_MAIN, "roles are the same numbers");
_Static_assert((int)THREAD_OTHER == (int)SHM_FAULT_OTHER, "roles are the same numbers");
_Static_assert((int)MODE_ONCE == (int)SHM_FAULT_ONCE, "modes are the same numbers");
_Static_assert((int)MODE_STICKY == (int)SHM_FAULT_STICKY, "modes are the same numbers");
_Static_assert((int)MODE_BURST == (int)SHM_FAULT_BURST, "modes are the same numbers");

void arm_copied(struct execution *x, bool leaks, bool only_leaks) {
    uint32_t flags = SHM_COUNT_SITES | SHM_SNAPSHOT;
    if (leaks)
        flags |= SHM_LEAKS;
    if (only_leaks && x->no_libunwind)
        flags |= SHM_NO_LIBUNWIND;
    session_reset(x->session, flags | (x->options->marked ? SHM_MARKED : 0));
    session_set_fault(x->session, NULL);
}
