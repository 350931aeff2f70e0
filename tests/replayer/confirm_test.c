/* SPDX-License-Identifier: Apache-2.0 */
/* Which verdicts of snapshots count as one: by table. */
#include "check.h"
#include "confirm.h"

struct row {
    const char *what;
    int64_t location;
    enum verdict verdict;
    const char *policy;
    enum fault_mode mode;
    uint64_t offsets[5]; /* of crash frames, innermost first; 0 ends */
    int group;           /* rows with the same number share a group */
};

#define ABORT 99 /* the offset of a frame of abort() */

static const struct row rows[] = {
    {"a crash", 1, VERDICT_CRASHED, NULL, MODE_ONCE, {10, 20, 30, 40}, 0},
    {"the same from farther out",
     1,
     VERDICT_CRASHED,
     NULL,
     MODE_ONCE,
     {10, 20, 30, 41},
     0},
    {"the same, sticky", 1, VERDICT_CRASHED, NULL, MODE_STICKY, {10, 20, 30, 40}, 0},
    {"another caller", 1, VERDICT_CRASHED, NULL, MODE_ONCE, {10, 21, 30}, 1},
    {"another fault location", 2, VERDICT_CRASHED, NULL, MODE_ONCE, {10, 20, 30, 40}, 2},
    {"another verdict", 1, VERDICT_CORRUPTED, NULL, MODE_ONCE, {10, 20, 30, 40}, 3},
    {"a policy", 1, VERDICT_ABORTED, "xmalloc", MODE_ONCE, {10, 20, 30}, 4},
    {"another policy", 1, VERDICT_ABORTED, "abort", MODE_ONCE, {10, 20, 30}, 5},
    {"a deliberate end",
     1,
     VERDICT_ABORTED,
     "abort",
     MODE_ONCE,
     {10, ABORT, 60, 61, 62},
     9},
    {"the same, of other memory",
     2,
     VERDICT_ABORTED,
     "abort",
     MODE_ONCE,
     {10, ABORT, 60, 61, 63},
     9},
    {"given up by another caller",
     1,
     VERDICT_ABORTED,
     "abort",
     MODE_ONCE,
     {10, ABORT, 60, 64, 62},
     10},
    {"another function gives up",
     1,
     VERDICT_ABORTED,
     "abort",
     MODE_ONCE,
     {10, ABORT, 65, 61, 62},
     11},
    {"a policy of another name",
     1,
     VERDICT_ABORTED,
     "xmalloc",
     MODE_ONCE,
     {10, ABORT, 60, 61},
     12},
    {"no more than abort", 1, VERDICT_ABORTED, "abort", MODE_ONCE, {10, ABORT}, 13},
    {"no more than abort, of other memory",
     2,
     VERDICT_ABORTED,
     "abort",
     MODE_ONCE,
     {10, ABORT},
     14},
    {"an assertion", 1, VERDICT_CRASHED, "assert", MODE_ONCE, {10, ABORT, 60, 61}, 15},
    {"an assertion after other memory",
     2,
     VERDICT_CRASHED,
     "assert",
     MODE_ONCE,
     {10, ABORT, 60, 61},
     16},
    {"other output", 1, VERDICT_DEGRADED, NULL, MODE_ONCE, {0}, 6},
    {"other output, sticky", 1, VERDICT_DEGRADED, NULL, MODE_STICKY, {0}, 7},
    {"a hang", 1, VERDICT_HUNG, NULL, MODE_ONCE, {10, 20}, 8},
    {"the same hang, sampled elsewhere", 1, VERDICT_HUNG, NULL, MODE_ONCE, {11, 21}, 8},
};
#define N_ROWS (int)(sizeof rows / sizeof *rows)

static const struct {
    const char *what;
    uint64_t wanted, run, left, all;
    bool pressing;
} times[] = {
    {"nothing to confirm", 0, 1, 1, 100, false},
    {"time for more copies", 10, 2, 13, 100, false},
    {"no more than they need", 10, 2, 12, 100, true},
    {"more than there is, in the first half", 200, 2, 51, 100, false},
    {"more than there is, in the second half", 200, 2, 50, 100, true},
};

static void check_times(void) {
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        CHECK(times[i].what,
              confirm_is_pressing(times[i].wanted, times[i].run, times[i].left,
                                  times[i].all) == times[i].pressing);
}

int main(void) {
    check_times();
    struct confirm confirm = {0};
    struct confirm_group *groups[N_ROWS];
    for (int i = 0; i < N_ROWS; i++) {
        struct crash_frame frames[5] = {{0}};
        struct observation seen = {.crash.frames = frames};
        while (seen.crash.n_frames < 5 && rows[i].offsets[seen.crash.n_frames]) {
            uint64_t offset = rows[i].offsets[seen.crash.n_frames];
            frames[seen.crash.n_frames].offset = offset;
            frames[seen.crash.n_frames].function =
                offset == ABORT ? (char *)"abort" : NULL;
            seen.crash.n_frames++;
        }
        struct judgement j = {.verdict = rows[i].verdict,
                              .policy = rows[i].policy,
                              .severity = rows[i].verdict == VERDICT_ABORTED
                                              ? SEVERITY_POLICY
                                              : SEVERITY_BUG};
        struct confirm_member member = {.order = {.mode = rows[i].mode}, .attempt_id = i};
        groups[i] = confirm_join(&confirm, &member, rows[i].location, &seen, &j);
        CHECK(rows[i].what, groups[i]->verdict == rows[i].verdict);
        CHECK(rows[i].what, groups[i]->members[groups[i]->n_members - 1].attempt_id == i);
    }
    for (int i = 0; i < N_ROWS; i++)
        for (int k = 0; k < N_ROWS; k++)
            CHECK(rows[i].what,
                  (groups[i] == groups[k]) == (rows[i].group == rows[k].group));
    CHECK("all", confirm.n == 17);
    confirm_deinit(&confirm);
    CHECK("none", confirm.n == 0);
    return check_result();
}
