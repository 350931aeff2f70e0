/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings that end at the same place, together: one unchecked pointer is met from a
 * hundred allocations, and whoever mends it wants to see it once. Each stays a finding of
 * its own, with its own number and command.
 */
#ifndef DEARTH_REPORT_GROUP_H
#define DEARTH_REPORT_GROUP_H

#include "report_data.h"

struct report_group {
    const struct report_finding **members; /* at least one; in the report's order */
    size_t n;
    char *
        headline; /* report_headline_add() of the first; where there is no place, of each */
    bool place;   /* they end at one place; false: they only look alike */
};

/**
 * Group a report's findings: by severity and place, where they have one that can be shown (a stack, a
 * policy, a block), else by severity and headline.
 * @out: in the order of their first members, known ones last; report_groups_free()
 * Return: number of groups, or negative errno after a message.
 */
int64_t report_groups_new(const struct report_data *data, struct report_group **out);
struct report_group *report_groups_free(struct report_group *groups, int64_t n);

/**
 * Count the places of findings, as whoever mends them does: by severity, one for all that went wrong in one
 * function and are to be blamed on one (replayer/ledger/finding.h).
 * @findings: sorted here
 */
void report_group_count_places(const struct report_finding **findings, size_t n,
                               uint64_t places[static N_SEVERITIES]);

#endif
