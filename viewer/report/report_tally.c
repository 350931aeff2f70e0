/* SPDX-License-Identifier: Apache-2.0 */
/* How much is tested: see report_tally.h. */
#include "report_tally.h"

static void decide_reason(struct report_site *site) {
    if (site->ended_early)
        site->reason = REASON_ENDED_EARLY;
    else if (site->verdict > VERDICT_UNREACHED)
        site->reason = REASON_TESTED;
    else if (site->verdict == VERDICT_UNREACHED)
        site->reason = REASON_NOT_REACHED;
    else if (site->failable == 0)
        site->reason = REASON_NOT_FAILABLE;
    else if (site->reason == REASON_TESTED)
        site->reason = REASON_NEVER_SELECTED;
}

static void tally_locations(struct report_data *data) {
    struct report_tally *t = &data->location_tally;
    for (size_t i = 0; i < data->n_locations; i++) {
        struct report_location *l = &data->locations[i];
        t->total += l->sites > 0;
        t->testable += l->testable > 0;
        t->tested += l->tested > 0;
    }
}

/* What follows from the others. */
static void finish(struct report_tally *t) {
    t->untested = t->testable - t->tested;
    t->excluded = t->total - t->testable;
    t->millionths = t->testable ? (int64_t)(t->tested * 1000000u / t->testable) : 1000000;
}

void report_tally_void(struct report_data *data, bool is_void) {
    struct report_tally *const tallies[] = {&data->site_tally, &data->location_tally,
                                            &data->error_tally};
    for (size_t i = 0; i < sizeof tallies / sizeof *tallies; i++) {
        finish(tallies[i]);
        if (is_void)
            tallies[i]->millionths = -1;
    }
    for (size_t i = 0; i < data->n_programs; i++) {
        finish(&data->programs[i].sites);
        if (is_void)
            data->programs[i].sites.millionths = -1;
    }
}

void report_tally_sites(struct report_data *data) {
    struct report_tally *t = &data->site_tally, *no_location = &data->location_tally;
    for (size_t i = 0; i < data->n_sites; i++) {
        struct report_site *site = &data->sites[i];
        decide_reason(site);
        bool tested = site->reason == REASON_TESTED;
        bool testable = site->reason != REASON_NOT_FAILABLE;
        if (site->after_failure) {
            data->error_tally.total++;
            data->error_tally.testable += testable;
            data->error_tally.tested += tested;
            continue;
        }
        t->total++;
        t->testable += testable;
        t->tested += tested;
        data->reasons[site->reason]++;
        if (tested)
            data->verdicts[site->verdict]++;
        if (site->location) {
            site->location->sites++;
            site->location->testable += testable;
            site->location->tested += tested;
        } else { /* one location each, for want of a better */
            no_location->total++;
            no_location->testable += testable;
            no_location->tested += tested;
        }
    }
    tally_locations(data);
}
