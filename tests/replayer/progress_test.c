/* SPDX-License-Identifier: Apache-2.0 */
/* The progress line: what was found and not how often, and times that people can use. */
#include "progress.h"

#include "check.h"

#define S 1000000000ull

static void left(uint64_t done, uint64_t planned, uint64_t spent_ns, const char *wanted) {
    struct progress p = {.done = done, .planned = planned};
    AUTO_TEXT struct text line = {0};
    progress_add_line(&p, spent_ns, &line);
    MUST_TEXT(wanted, line.data);
}

int main(void) {
    left(0, 10, S, "0 of 10 faults");
    left(10, 10, S, "10 of 10 faults");
    left(999, 1000, 9 * S, "999 of 1,000 faults, less than 1 s left");
    left(1, 2, 9100000, "1 of 2 faults, less than 1 s left");
    left(1, 3, 6 * S, "1 of 3 faults, 12 s left");
    left(1, 4, 60 * S, "1 of 4 faults, 3 min left");
    left(1, 81, 60 * S, "1 of 81 faults, 1 h 20 min left");

    struct progress p = {.done = 3, .planned = 9, .executions = 30};
    for (int i = 0; i < 4; i++) /* repeats */
        progress_found(&p, VERDICT_CRASHED, 7);
    progress_found(&p, VERDICT_CRASHED, 8);
    progress_found(&p, VERDICT_ABORTED, 8);
    progress_found(&p, VERDICT_HANDLED, 9);
    progress_found(&p, VERDICT_REPORTED, 9);
    progress_found(&p, VERDICT_UNREACHED, 9);
    AUTO_TEXT struct text line = {0};
    progress_add_line(&p, 3 * S, &line);
    MUST_TEXT(
        "3 of 9 faults, 10/s, crashed at 2 locations, aborted at 1 location, 6 s left",
        line.data);
    progress_deinit(&p);
    return 0;
}
