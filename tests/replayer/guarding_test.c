/* SPDX-License-Identifier: Apache-2.0 */
/* Which faults are run once more with guarded blocks, and what keeps a program from it. */
#include "guarding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baseline.h"
#include "check.h"
#include "shm.h"

struct row {
    const char *name;
    enum guarding_mode mode;
    struct guarding_case c;
    bool wanted;
};

/* In order: within one mode what was done before counts. */
static const struct row rows[] = {
    {"handled", GUARDING_AUTO, {1, VERDICT_HANDLED, false, false}, false},
    {"reported", GUARDING_AUTO, {1, VERDICT_REPORTED, false, false}, false},
    {"aborted", GUARDING_AUTO, {1, VERDICT_ABORTED, false, false}, false},
    {"hung", GUARDING_AUTO, {1, VERDICT_HUNG, false, false}, false},
    {"unreached", GUARDING_AUTO, {1, VERDICT_UNREACHED, true, true}, false},
    {"crashed", GUARDING_AUTO, {1, VERDICT_CRASHED, false, false}, true},
    {"crashed there again", GUARDING_AUTO, {1, VERDICT_CRASHED, false, false}, false},
    {"corrupted there", GUARDING_AUTO, {1, VERDICT_CORRUPTED, false, false}, true},
    {"crashed elsewhere", GUARDING_AUTO, {2, VERDICT_CRASHED, false, false}, true},
    {"degraded", GUARDING_AUTO, {-3, VERDICT_DEGRADED, false, false}, true},
    {"reported, but a signal was caught",
     GUARDING_AUTO,
     {4, VERDICT_REPORTED, false, true},
     true},
    {"handled, not always", GUARDING_AUTO, {4, VERDICT_HANDLED, true, false}, true},
    {"all: handled", GUARDING_ALL, {1, VERDICT_HANDLED, false, false}, true},
    {"all: again", GUARDING_ALL, {1, VERDICT_HANDLED, false, false}, true},
    {"all: unreached", GUARDING_ALL, {1, VERDICT_UNREACHED, false, false}, false},
    {"off: corrupted", GUARDING_OFF, {9, VERDICT_CORRUPTED, true, true}, false},
};

/* Few of those that look well, each location once. */
static void test_well(void) {
    struct guarding g = {.mode = GUARDING_AUTO, .most_well = 2};
    struct guarding_case c = {.location = 1, .verdict = VERDICT_REPORTED};
    CHECK("reported", guarding_wants(&g, &c));
    CHECK("reported there again", !guarding_wants(&g, &c));
    c.verdict = VERDICT_HANDLED;
    c.location = 2;
    CHECK("handled", guarding_wants(&g, &c));
    CHECK("handled there again", !guarding_wants(&g, &c));
    c.verdict = VERDICT_REPORTED;
    CHECK("reported elsewhere", guarding_wants(&g, &c));
    c.location = 3;
    CHECK("reported, one too many", !guarding_wants(&g, &c));
    c.verdict = VERDICT_HANDLED;
    CHECK("handled elsewhere", guarding_wants(&g, &c));
    c.location = 4;
    CHECK("handled, one too many", !guarding_wants(&g, &c));
    c.verdict = VERDICT_ABORTED;
    CHECK("aborted", !guarding_wants(&g, &c));
    c.verdict = VERDICT_CRASHED;
    CHECK("crashed, as ever", guarding_wants(&g, &c));
    guarding_deinit(&g);
}

static void test_choice(void) {
    struct guarding g = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        g.mode = rows[i].mode;
        CHECK(rows[i].name, guarding_wants(&g, &rows[i].c) == rows[i].wanted);
    }
    guarding_deinit(&g);
}

static void test_refusal(void) {
    char why[160];
    struct observation run = {.proof.attached = true}, seen = run;
    struct baseline b = {0};
    baseline_fold(&run, 1, NULL, &b);
    CHECK("the same", !guarding_refusal(&b, &seen, why, sizeof why));
    seen.end.exit_code = 3;
    CHECK("another status",
          guarding_refusal(&b, &seen, why, sizeof why) && strstr(why, "status 3"));
    seen.end.exit_code = 0;
    seen.output.stdout_bytes = 1;
    seen.output.stdout_digest[0] = 1;
    CHECK("other output", guarding_refusal(&b, &seen, why, sizeof why) &&
                              strstr(why, "prints something else"));
    seen = run;
    seen.damage = (struct damage_seen){
        .kind = SHM_DAMAGE_OVERRUN, .where = SHM_DAMAGE_AT_FREE, .size = 5, .offset = 6};
    CHECK("damage", guarding_refusal(&b, &seen, why, sizeof why) &&
                        strstr(why, "overrun: byte 6 of a block of 5 bytes"));
    baseline_deinit(&b);
}

static void test_end(void) {
    struct crash_frame frame = {.module = (char *)"/a", .offset = 1}, other = frame;
    other.offset = 2;
    struct observation x = {.crash.frames = &frame, .crash.n_frames = 1},
                       y = {.crash.frames = &other, .crash.n_frames = 1};
    CHECK("same end",
          guarding_end(VERDICT_CRASHED, &x) == guarding_end(VERDICT_CRASHED, &x));
    CHECK("other place",
          guarding_end(VERDICT_CRASHED, &x) != guarding_end(VERDICT_CRASHED, &y));
    CHECK("other verdict",
          guarding_end(VERDICT_CRASHED, &x) != guarding_end(VERDICT_CORRUPTED, &x));
}

/* The words of the database lead back to the kinds. */
static void test_words(void) {
    for (uint32_t kind = SHM_DAMAGE_OVERRUN; kind <= SHM_DAMAGE_BAD_FREE; kind++)
        CHECK(damage_name(kind), damage_from_name(damage_name(kind)) == kind);
    for (uint32_t w = SHM_DAMAGE_AT_FREE; w <= SHM_DAMAGE_AT_EXIT; w++)
        CHECK(damage_where_name(w), damage_where_from_name(damage_where_name(w)) == w);
    CHECK("no word", damage_from_name(NULL) == SHM_DAMAGE_NONE && !damage_name(99));
}

int main(void) {
    test_choice();
    test_well();
    test_refusal();
    test_end();
    test_words();
    return check_result();
}
