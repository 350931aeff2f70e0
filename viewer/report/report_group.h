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
    char *headline; /* report_headline_add() of each */
    bool place;     /* they end at one place; false: they only look alike */
};

/**
 * Group a report's findings by severity and headline, where the headline names a place or
 * a policy.
 * @out: in the order of their first members, known ones last; report_groups_free()
 * Return: number of groups, or negative errno after a message.
 */
int64_t report_groups_new(const struct report_data *data, struct report_group **out);
struct report_group *report_groups_free(struct report_group *groups, int64_t n);

#endif
