/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which verdicts of snapshots stand for the same finding, and how far each is confirmed by rerun.
 * Pure: values in, values out.
 *
 *   bad verdict of a copy ─► group (verdict, policy, fault location, crash place)
 *                              of a deliberate end by abort(): (policy, place) from all locations
 *        NEW        this one is run again as a whole program
 *        CONFIRMED  a rerun has shown the same: it stands for the others of its group
 *        DOUBTED    a rerun has shown something else: each is run again by itself
 */
#ifndef DEARTH_CONFIRM_H
#define DEARTH_CONFIRM_H

#include <stdbool.h>
#include <stdint.h>

#include "attempt.h"

enum confirm_state { CONFIRM_NEW = 0, CONFIRM_CONFIRMED, CONFIRM_DOUBTED };

/* One verdict of a snapshot. */
struct confirm_member {
    struct order order;
    uint32_t site; /* the caller's index */
    int64_t attempt_id;
};

struct confirm_group {
    struct dearth_key key;
    enum verdict verdict;
    enum confirm_state state;
    uint32_t wanted; /* reruns */
    uint32_t agreed; /* reruns that showed the same verdict */
    struct confirm_member *members;
    uint32_t n_members;
};

/* Zero is valid and empty. */
struct confirm {
    struct confirm_group **groups;
    uint32_t n;
};
void confirm_deinit(struct confirm *confirm);

/**
 * The group of a verdict, made when it is new; @member joins it.
 * @location: of the fault, equal for equal locations
 */
struct confirm_group *confirm_join(struct confirm *confirm,
                                   const struct confirm_member *member, int64_t location,
                                   const struct observation *seen,
                                   const struct judgement *judgement);

/**
 * Is what is left of a time budget needed for reruns of what copies showed? Half of the time is for
 * copies in any case.
 * @wanted_ns: for one rerun of each group that has had none
 * @run_ns: that originals need to come to their ends before
 * @left_ns, @all_ns: of the time that copies and reruns share
 */
bool confirm_is_pressing(uint64_t wanted_ns, uint64_t run_ns, uint64_t left_ns,
                         uint64_t all_ns);

#endif
