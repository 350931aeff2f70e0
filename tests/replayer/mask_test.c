/* SPDX-License-Identifier: Apache-2.0 */
/* Table test of masks: what runs without a fault printed, what an attempt printed, and whether that
 * is taken for the same. */
#include <stdlib.h>

#include "check.h"
#include "mask.h"
#include "text.h"

static struct sample sample(const char *s) {
    return (struct sample){(const uint8_t *)s, strlen(s)};
}

enum { SAME = 1, OTHER = 0, NO_MASK = -1 };

static const struct {
    const char *name;
    const char *runs[3];
    const char *seen;
    int wanted;
} cases[] = {
    {"a pid", {"pid 71 ok\n", "pid 72 ok\n", "pid 99 ok\n"}, "pid 1234 ok\n", SAME},
    {"a pid, other words",
     {"pid 71 ok\n", "pid 72 ok\n", "pid 99 ok\n"},
     "pid 3 bad\n",
     OTHER},
    {"a pid, no pid", {"pid 71 ok\n", "pid 72 ok\n", "pid 99 ok\n"}, "pid  ok\n", OTHER},
    {"a pid, not a number",
     {"pid 71 ok\n", "pid 72 ok\n", "pid 99 ok\n"},
     "pid xx ok\n",
     OTHER},
    {"a line less", {"a\nt=1\nb\n", "a\nt=2\nb\n", "a\nt=3\nb\n"}, "a\nt=9\n", OTHER},
    {"half a line", {"a\nt=1\nb\n", "a\nt=2\nb\n", "a\nt=3\nb\n"}, "a\nt=9\nb", OTHER},
    {"the minute has changed",
     {"at 12:00:57\n", "at 12:00:58\n", "at 12:00:59\n"},
     "at 12:01:03\n",
     SAME},
    {"the clock has struck once",
     {"at 9 x\n", "at 9 x\n", "at 10 x\n"},
     "at 11 x\n",
     SAME},
    {"and more than that is gone",
     {"at 9 x\n", "at 9 x\n", "at 10 x\n"},
     "at 11\n",
     OTHER},
    {"the day has changed",
     {"Tue Nov 24 23:59:57 UTC 2026\n", "Tue Nov 24 23:59:58 UTC 2026\n",
      "Tue Nov 24 23:59:59 UTC 2026\n"},
     "Wed Nov 25 00:00:01 UTC 2026\n",
     SAME},
    {"an ISO date",
     {"2026-11-30T23:59:57.1Z x\n", "2026-11-30T23:59:58.3Z x\n",
      "2026-11-30T23:59:58.7Z x\n"},
     "2026-12-01T00:00:00.0Z x\n",
     SAME},
    {"a duration",
     {"took 0.12 s\n", "took 0.13 s\n", "took 0.19 s\n"},
     "took 1.02 s\n",
     SAME},
    {"other numbers stay",
     {"1.5 in 3\n", "1.5 in 4\n", "1.5 in 5\n"},
     "1.4 in 5\n",
     OTHER},
    {"a random name",
     {"made /t/tmpAb3xYz done\n", "made /t/tmpQ90aaa done\n", "made /t/tmpzz_123 done\n"},
     "made /t/tmp000000 done\n",
     SAME},
    {"words come and go in a line",
     {"a 1 b\n", "a 1 2 b\n", "a 1 2 3 b\n"},
     "a 7 8 b\n",
     SAME},
    {"the end of it stays", {"a 1 b\n", "a 1 2 b\n", "a 1 2 3 b\n"}, "a 1 2 c\n", OTHER},
    {"lines move", {"a\nb\nc\n", "b\nc\na\n", "c\na\nb\n"}, "c\nb\na\n", SAME},
    {"lines move, one is gone", {"a\nb\nc\n", "b\nc\na\n", "c\na\nb\n"}, "c\nb\n", OTHER},
    {"lines move, one is twice",
     {"a\nb\nc\n", "b\nc\na\n", "c\na\nb\n"},
     "c\nb\na\na\n",
     OTHER},
    {"a varying number of lines",
     {"start\nt 1\nend\n", "start\nt 1\nt 2\nend\n", "start\nt 1\nt 2\nt 3\nend\n"},
     "start\nt 1\nt 2\nt 3\nt 4\nend\n",
     SAME},
    {"a varying number of lines, no end",
     {"start\nt 1\nend\n", "start\nt 1\nt 2\nend\n", "start\nt 1\nt 2\nt 3\nend\n"},
     "start\nt 1\nt 2\n",
     OTHER},
    {"a varying number of lines, another line",
     {"start\nt 1\nend\n", "start\nt 1\nt 2\nend\n", "start\nt 1\nt 2\nt 3\nend\n"},
     "start\nt 1\noops\nend\n",
     OTHER},
    {"one line more, once",
     {"start\nt 1\nend\n", "start\nt 1\nt 2\nend\n", "start\nt 1\nt 2\nend\n"},
     "start\nt 9\nt 8\nt 7\nend\n",
     SAME},
    {"one line more, once; none now",
     {"start\nt 1\nend\n", "start\nt 1\nt 2\nend\n", "start\nt 1\nt 2\nend\n"},
     "start\nend\n",
     OTHER},
    {"nothing in common", {"qwe\n", "asd\nfgh\n", "zxc\nvbn\nnm\n"}, "x\n", NO_MASK},
    {"empty now and then", {"", "x\n", "y\nz\n"}, "x\n", NO_MASK},
    {"nothing", {"pid 1\n", "pid 2\n", "pid 3\n"}, "", OTHER},
    {"bytes",
     {"\xff\x01\xfe\n", "\xff\x02\xfe\n", "\xff\x03\xfe\n"},
     "\xff\x09\xfe\n",
     SAME},
};

static void run_cases(void) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample runs[3];
        for (int k = 0; k < 3; k++)
            runs[k] = sample(cases[i].runs[k]);
        struct mask *m = mask_new(runs, 3);
        struct text why = {0};
        int seen = m ? mask_accepts(m, sample(cases[i].seen), &why) : NO_MASK;
        if (seen != cases[i].wanted)
            printf("%s: %d, wanted %d\n", cases[i].name, seen, cases[i].wanted);
        CHECK(cases[i].name, seen == cases[i].wanted);
        CHECK(cases[i].name, seen != OTHER || why.n > 0);
        for (int k = 0; m && k < 3; k++)
            CHECK(cases[i].name, mask_accepts(m, runs[k], NULL));
        text_deinit(&why);
        mask_free(m);
    }
}

static void run_more(void) {
    struct sample known[] = {sample("warning: 12 things\nnote\n"), sample("note\n")};
    CHECK("the same", !mask_says_more(known, 2, sample("note\nwarning: 99 things\n")));
    CHECK("less", !mask_says_more(known, 2, sample("")));
    CHECK("more", mask_says_more(known, 2, sample("note\nout of memory\n")));
    CHECK("nothing known", mask_says_more(known, 0, sample("x")));
    CHECK("nothing said", !mask_says_more(known, 0, sample("")));
}

/* Many equal lines must not take for ever. */
static void run_long(void) {
    struct text a = {0}, b = {0}, c = {0};
    for (int i = 0; i < 200000; i++)
        text_add(&a, "y\n");
    text_add(&b, a.data);
    text_add(&b, "1\n");
    text_add(&c, "1\n");
    text_add(&c, a.data);
    struct sample runs[] = {sample(b.data), sample(c.data), sample(b.data)};
    struct mask *m = mask_new(runs, 3);
    CHECK("long", m && mask_accepts(m, runs[1], NULL));
    CHECK("long", m && !mask_accepts(m, sample(a.data), NULL));
    mask_free(m);
    text_deinit(&a);
    text_deinit(&b);
    text_deinit(&c);
}

int main(void) {
    run_cases();
    run_more();
    run_long();
    return check_result();
}
