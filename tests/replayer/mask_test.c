/* SPDX-License-Identifier: Apache-2.0 */
/* Table test of masks: what runs without a fault printed, what an attempt printed, and whether that
 * is taken for the same. */
#include <stdlib.h>

#include "catalogue.h"
#include "check.h"
#include "mask.h"
#include "text.h"

static struct sample sample(const char *s) {
    return (struct sample){(const uint8_t *)s, strlen(s), 0};
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
    {"a random name without a digit, after three with one",
     {"made Ab3xYz\nx\n", "made Q90aaa\nx\n", "made zz1Bcd\nx\n"},
     "made EfgHij\nx\n",
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
    {"a duration that did not vary yet, a wrong number",
     {"[ OK ] a (0 ms)\ncount 1\n[ OK ] b (0 ms)\n",
      "[ OK ] a (0 ms)\ncount 1\n[ OK ] b (1 ms)\n",
      "[ OK ] a (0 ms)\ncount 1\n[ OK ] b (0 ms)\n"},
     "[ OK ] a (12 ms)\ncount 0\n[ OK ] b (3 ms)\n",
     OTHER},
    {"a duration that did not vary yet",
     {"[ OK ] a (0 ms)\ncount 1\n[ OK ] b (0 ms)\n",
      "[ OK ] a (0 ms)\ncount 1\n[ OK ] b (1 ms)\n",
      "[ OK ] a (0 ms)\ncount 1\n[ OK ] b (0 ms)\n"},
     "[ OK ] a (12 ms)\ncount 1\n[ OK ] b (3 ms)\n",
     SAME},
    {"no duration varied",
     {"n 7 in 0.00 s\n", "n 7 in 0.00 s\n", "n 7 in 0.00 s\n"},
     "n 7 in 1.25 s\n",
     SAME},
    {"no duration varied, a wrong number",
     {"n 7 in 0.00 s\n", "n 7 in 0.00 s\n", "n 7 in 0.00 s\n"},
     "n 8 in 0.00 s\n",
     OTHER},
    {"a wrong duration that was not measured",
     {"wait 30 s\ntook 0.11 s\n", "wait 30 s\ntook 0.12 s\n", "wait 30 s\ntook 0.17 s\n"},
     "wait 0 s\ntook 0.14 s\n",
     OTHER},
    {"another unit",
     {"took 950 us\nok\n", "took 903 us\nok\n", "took 912 us\nok\n"},
     "took 1.2 ms\nok\n",
     SAME},
    {"flush right", {"a   9 ms\n", "a  12 ms\n", "a   8 ms\n"}, "a 112 ms\n", SAME},
    {"behind a word for time",
     {"Run Time: real 0.000 user 0.000101 sys 0.000000\n3|x\n",
      "Run Time: real 0.000 user 0.000000 sys 0.000120\n3|x\n",
      "Run Time: real 0.001 user 0.000211 sys 0.000000\n3|x\n"},
     "Run Time: real 1.010 user 0.100211 sys 2.000000\n0|x\n",
     OTHER},
    {"a decimal comma",
     {"real\t0m0,003s\nn 5\n", "real\t0m0,004s\nn 5\n", "real\t0m0,003s\nn 5\n"},
     "real\t1m2,113s\nn 5\n",
     SAME},
    {"an address, a wrong number",
     {"at 0x7ffd1a2b0: 4\n", "at 0x7ffd1a2c8: 4\n", "at 0x7ffd1a2b8: 4\n"},
     "at 0x7ffd1a200: 5\n",
     OTHER},
    {"an address",
     {"at 0x7ffd1a2b0: 4\n", "at 0x7ffd1a2c8: 4\n", "at 0x7ffd1a2b8: 4\n"},
     "at 0x5581a200: 4\n",
     SAME},
    {"lines move, with a pid",
     {"71: x 3\n71: y 5\n71: z 7\n", "82: z 7\n82: x 3\n82: y 5\n",
      "93: y 5\n93: z 7\n93: x 3\n"},
     "14: z 7\n14: y 5\n14: x 3\n",
     SAME},
    {"lines move, with a pid, a wrong number",
     {"71: x 3\n71: y 5\n71: z 7\n", "82: z 7\n82: x 3\n82: y 5\n",
      "93: y 5\n93: z 7\n93: x 3\n"},
     "14: z 7\n14: y 0\n14: x 3\n",
     OTHER},
    {"lines move, one of many of a form is wrong",
     {"k 1\nk 2\nk 3\n", "k 3\nk 2\nk 1\n", "k 2\nk 3\nk 1\n"},
     "k 1\nk 1\nk 2\n",
     OTHER},
    {"lines come and go, a wrong number in one that stays",
     {"n 4\nt 1\n", "n 4\nt 1\nt 2\n", "n 4\nt 1\nt 2\nt 3\n"},
     "n 3\nt 1\nt 2\n",
     OTHER},
    {"the time of day beside numbers",
     {"12:00:57 read 4 of 4\n", "12:00:58 read 4 of 4\n", "12:00:59 read 4 of 4\n"},
     "12:01:03 read 3 of 4\n",
     OTHER},
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
        struct mask *m = mask_new(runs, 3, NULL);
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

/* A harness's lines move, and what they say of time is left out; the rest keeps its place. */
static void run_harness(void) {
    static const char *const run = "running 2 tests\na\nb\ntest x ... ok\ntest y ... ok\n"
                                   "test result: ok. 2 passed; finished in 3.25s\n";
    static const struct {
        const char *name, *seen;
        bool wanted;
    } table[] = {
        {"moved",
         "running 2 tests\ntest y ... ok\na\ntest x ... ok\nb\n"
         "test result: ok. 2 passed; finished in 0.01s\n",
         true},
        {"a line of the program's moved",
         "running 2 tests\nb\na\ntest x ... ok\ntest y ... ok\n"
         "test result: ok. 2 passed; finished in 3.25s\n",
         false},
        {"another result",
         "running 2 tests\na\nb\ntest x ... FAILED\ntest y ... ok\n"
         "test result: ok. 2 passed; finished in 3.25s\n",
         false},
        {"one less",
         "running 2 tests\na\nb\ntest x ... ok\n"
         "test result: ok. 2 passed; finished in 3.25s\n",
         false},
        {"another number",
         "running 2 tests\na\nb\ntest x ... ok\ntest y ... ok\n"
         "test result: ok. 1 passed; finished in 3.25s\n",
         false},
    };
    struct sample runs[] = {sample(run), sample(run)};
    struct catalogue *catalogue = catalogue_new();
    struct mask *m = mask_new(runs, 2, catalogue);
    struct text how = {0};
    for (size_t i = 0; m && i < sizeof table / sizeof *table; i++)
        CHECK(table[i].name,
              mask_accepts(m, sample(table[i].seen), NULL) == table[i].wanted);
    if (m)
        mask_describe(m, &how);
    CHECK_TEXT(
        "said",
        "times or addresses in 1 line are left out; a test harness's lines may come "
        "in any order",
        how.n ? how.data : "");
    text_deinit(&how);
    mask_free(m);
    catalogue_free(catalogue);
}

/* 1800000000 is 2027-01-15T08:00:00Z. */
static void run_now(void) {
    static const struct {
        const char *name, *run, *seen;
        bool wanted;
    } table[] = {
        {"now", "at 08:00:00\nn 1\n", "at 08:00:40\nn 1\n", true},
        {"now, elsewhere", "at 13:30:01\nn 1\n", "at 13:31:40\nn 1\n", true},
        {"now, a wrong number", "at 08:00:00\nn 1\n", "at 08:00:40\nn 2\n", false},
        {"another time", "at 08:01:00\n", "at 08:01:40\n", false},
        {"seconds since 1970", "at 1800000001 n 1\n", "at 1800000099 n 1\n", true},
        {"with decimals", "at 1800000001.25\n", "at 1800000099.5\n", true},
        {"milliseconds", "at 1800000001250\n", "at 1800000099500\n", true},
        {"another number like it", "at 1700000001\n", "at 1700000099\n", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct sample run = sample(table[i].run);
        run.unix_ns = 1800000000000000000u;
        struct sample runs[] = {run, run, run};
        struct mask *m = mask_new(runs, 3, NULL);
        CHECK(table[i].name,
              (m && mask_accepts(m, sample(table[i].seen), NULL)) == table[i].wanted);
        mask_free(m);
    }
}

static void run_alike(void) {
    struct sample run = sample("n 1\nreal 0\nsum 0.25\nend\n");
    struct sample runs[] = {run, run};
    CHECK("held up", mask_alike(runs, 2, NULL, sample("n 1\nreal 0\nsum 1.5\nend\n")));
    CHECK("moved", mask_alike(runs, 2, NULL, sample("sum 0.25\nn 1\nend\nreal 0\n")));
    CHECK("other", !mask_alike(runs, 2, NULL, sample("n 0\nreal 0\nsum 0.25\nend\n")));
    CHECK("less", !mask_alike(runs, 2, NULL, sample("n 1\nreal 0\nsum 0.25\n")));
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
    struct mask *m = mask_new(runs, 3, NULL);
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
    run_harness();
    run_now();
    run_alike();
    run_long();
    return check_result();
}
