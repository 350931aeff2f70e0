/* SPDX-License-Identifier: Apache-2.0 */
/* Targets and the choice of units, by tables, and in time: replayer/plan/own.h, cover.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "clock.h"
#include "cover.h"
#include "own.h"
#include "test_path.h"
#include "text.h"

#define IS(condition) CHECK("", condition)

/* --- what is a test --- */

static void test_names(void) {
    static const struct {
        const char *path;
        bool test;
    } rows[] = {
        {"src/parse.c", false},      {"tests/parse.c", true}, {"lib/tests/x.c", true},
        {"src/parse_test.cc", true}, {"test_parse.c", true},  {"src/attest.c", false},
        {"src/contest/x.c", false},  {"t/basic.c", true},     {"src/latest.c", false},
        {"src/testament.c", false},  {"check_money.c", true}, {"checksum.c", false},
        {"src/test.c", true},        {"unity/unity.c", true}, {"community/x.c", false},
        {"src/TestCase/x.c", false}, {"Testing/x.c", true},   {"tests.c", true},
        {".libs/test_parse", true},  {"libfoo.so.1", false},  {"src/t.c", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK(rows[i].path, test_path_is(rows[i].path) == rows[i].test);
}

/* --- stacks --- */

static const char *const no_functions[] = {NULL};

/* frame i: module, function, file, line */
static struct plan_frame frame(const char *module, const char **function,
                               const char **file, const uint32_t *line, uint64_t offset) {
    return (struct plan_frame){.module = module,
                               .module_key = {1, strlen(module)},
                               .offset = offset,
                               .start = offset > 4 ? offset - 4 : 0,
                               .functions = function ? function : no_functions,
                               .files = file,
                               .lines = line,
                               .n_symbols = function != NULL};
}

static bool same(struct dearth_key a, struct dearth_key b) {
    return key_equal(a, b);
}

/* One stack of one frame: is it own? */
static bool is_own(const char *function, const char *file) {
    const uint32_t line = 1;
    struct plan_frame f = frame("/p/target/a", &function, &file, &line, 1);
    const struct plan_stack stack = {0, 0};
    const struct plan_site site = {.stack = 1, .failable = true, .op = 1};
    struct plan_input in = {.frames = &f,
                            .n_frames = 1,
                            .stacks = &stack,
                            .n_stacks = 1,
                            .sites = &site,
                            .n_sites = 1};
    struct dearth_key key;
    own_targets(&in, &(struct own_options){.tree = "/p"}, &key);
    return !same(key, (struct dearth_key){0, 0});
}

static void test_functions(void) {
    static const struct {
        const char *function, *file;
        bool own;
    } rows[] = {
        {"words::tests::copies", "/p/src/lib.rs", false},
        {"words::test::copies::{{closure}}", "/p/src/lib.rs", false},
        {"<words::tests::Helper as words::Copy>::copy", "/p/src/lib.rs", false},
        {"words::copy", "/p/src/lib.rs", true},
        {"words::testing::copy", "/p/src/lib.rs", true},
        {"words::contest::copy", "/p/src/lib.rs", true},
        {"words::tests", "/p/src/lib.rs", true}, /* a function of that name */
        {"words::tests::copies", "/p/src/words.cc", true},
        {NULL, "/p/src/lib.rs", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK(rows[i].function ? rows[i].function : "(none)",
              is_own(rows[i].function, rows[i].file) == rows[i].own);
}

static void test_targets(void) {
    const char *f[] = {"main", "test_a", "test_b", "parse", "copy"};
    const char *files[] = {"/p/tests/a.c", "/p/tests/a.c", "/p/tests/b.c",
                           "/p/src/parse.c", "/p/src/copy.c"};
    const uint32_t lines[] = {10, 20, 30, 40, 50};
    struct plan_frame frames[8];
    for (int i = 0; i < 5; i++)
        frames[i] = frame("/p/tests/a", &f[i], &files[i], &lines[i], 100 + (uint64_t)i);
    frames[5] =
        frame("/p/build/b", &f[4], &files[4], &lines[4], 999); /* copy, elsewhere */
    frames[6] = frame("/usr/lib/libc.so.6", NULL, NULL, NULL, 7);
    frames[7] = frame("/p/lib/libbare.so", NULL, NULL, NULL, 8);
    /*  1 main  2 main test_a  3 .. parse  4 .. copy  5 main test_b  6 .. parse  7 .. copy
     *  8 main copy(b)  9 main test_a libc  10 main libbare  11 .. copy parse copy */
    const struct plan_stack stacks[] = {
        {0, 0}, {1, 1}, {2, 3}, {3, 4}, {1, 2},  {5, 3},  {6, 4},
        {1, 5}, {2, 6}, {1, 7}, {1, 4}, {11, 3}, {12, 4},
    };
    struct plan_site sites[] = {
        {.stack = 4, .failable = true, .op = 1},
        {.stack = 7, .failable = true, .op = 1},
        {.stack = 8, .failable = true, .op = 1},
        {.stack = 9, .failable = true, .op = 1},
        {.stack = 10, .failable = true, .op = 1},
        {.stack = 13, .failable = true, .op = 1},
        {.stack = 4, .failable = false, .op = 1},
        {.stack = 4, .failable = true, .op = 2},
        {.stack = 0, .failable = true, .op = 1},
        {.stack = 11, .failable = true, .op = 1},
    };
    struct plan_input in = {.frames = frames,
                            .n_frames = 8,
                            .stacks = stacks,
                            .n_stacks = 13,
                            .sites = sites,
                            .n_sites = 10};
    struct dearth_key k[10];
    const struct dearth_key none = {0, 0};
    own_targets(&in, &(struct own_options){.tree = "/p"}, k);
    IS(same(k[0], k[1]));  /* parse, copy, by two tests */
    IS(!same(k[0], k[2])); /* copy by itself */
    IS(same(k[2], k[9]));  /* the same line, built into another program */
    IS(same(k[3], none));  /* none of its frames */
    IS(!same(k[4], none)); /* a library without symbols, below the tree */
    IS(!same(k[5], k[0]) &&
       !same(k[5], none)); /* its outermost own frame is further out */
    IS(same(k[6], none));  /* cannot fail */
    IS(!same(k[7], k[0])); /* another function that allocates */
    IS(same(k[8], none));  /* no stack */
    const char *own[] = {"test_?"};
    own_targets(&in, &(struct own_options){.globs = own, .n_globs = 1}, k);
    IS(!same(k[0], k[1])); /* the tests are own: two targets */
    IS(!same(k[3], none) && same(k[2], none));
    const char *not_own[] = {"copy.c"};
    own_targets(
        &in, &(struct own_options){.tree = "/p", .not_globs = not_own, .n_not_globs = 1},
        k);
    IS(same(k[2], none) && same(k[0], k[1]) && !same(k[0], none));
    own_targets(&in, &(struct own_options){.tree = "/q"}, k);
    IS(same(k[0], none));
    /* test_a() is a harness's: main(), which calls it, is not what it tests, were it own; parse() is */
    const bool harness[8] = {[1] = true};
    const char *both[] = {"main", "parse"}, *runner[] = {"test_a"};
    struct own_options o = {.globs = both, .n_globs = 2, .harness = harness};
    own_targets(&in, &o, k);
    IS(!same(k[0], none) && !same(k[0], k[1])); /* k[1]: no harness: from main() on */
    IS(same(k[3], none));                       /* the harness's own */
    o = (struct own_options){.globs = runner, .n_globs = 1, .harness = harness};
    own_targets(&in, &o, k);
    IS(!same(k[3], none)); /* asked for */
}

/* Sites of one frame each: is each a target of its own? */
static void key_frames(const struct plan_frame *frames, uint32_t n,
                       struct dearth_key *keys) {
    struct plan_stack stacks[8];
    struct plan_site sites[8];
    for (uint32_t i = 0; i < n; i++) {
        stacks[i] = (struct plan_stack){0, i};
        sites[i] = (struct plan_site){.stack = i + 1, .failable = true, .op = 1};
    }
    struct plan_input in = {.frames = frames,
                            .n_frames = n,
                            .stacks = stacks,
                            .n_stacks = n,
                            .sites = sites,
                            .n_sites = n};
    own_targets(&in, &(struct own_options){.tree = "/p"}, keys);
}

static void test_one_line(void) {
    const char *f[] = {"put", "main"}, *a[] = {"/p/put.h", "/p/tests/a.c"},
               *b[] = {"/p/put.h", "/p/tests/b.c"};
    const uint32_t lines[] = {7, 30};
    struct dearth_key k[8];
    struct plan_frame frames[] = {
        frame("/p/a", f, a, lines, 1004), /* 0: put() */
        frame("/p/a", f, a, lines, 1014), /* 1: its other call on that line */
        frame("/p/b", f, b, lines, 2004), /* 2: as 0, built into another program */
        frame("/p/a", f, a, lines, 3004), /* 3: inlined into a test's main() */
        frame("/p/a", f, a, lines, 3014), /* 4: the other call there */
        frame("/p/b", f, b, lines, 4004), /* 5: as 3, in another test's main() */
        frame("/p/a", f, a, lines,
              5004), /* 6, 7: where the function begins is not known */
        frame("/p/a", f, a, lines, 5014),
    };
    frames[1].start = 1000;
    frames[4].start = 3000;
    for (int i = 3; i <= 5; i++)
        frames[i].n_symbols = 2;
    frames[6].start = frames[7].start = 0;
    key_frames(frames, 8, k);
    IS(!same(k[0], k[1]));
    IS(same(k[0], k[2]));
    IS(!same(k[3], k[4]) && !same(k[3], k[0]));
    IS(!same(k[3], k[5])); /* each copy: no more is known of which call it is */
    IS(!same(k[6], k[7]));
}

/* --- cover --- */

static void test_cover(void) {
    const uint32_t a[] = {0, 1, 2}, b[] = {2, 3}, all[] = {0, 1, 2, 3, 4};
    struct cover_unit units[] = {{a, 3, 10000000, false},
                                 {b, 2, 10000000, false},
                                 {all, 5, 1000000000, false},
                                 {all, 5, 1, true}};
    struct cover c;
    cover_choose(units, 4, 6, NULL, &c);
    IS(c.n == 3 && c.order[0] == 0 && c.order[1] == 1 && c.order[2] == 2);
    IS(c.unit_of[0] == 1 && c.unit_of[2] == 1 && c.unit_of[3] == 2 && c.unit_of[4] == 3);
    IS(c.unit_of[5] == 0); /* nobody reaches it */
    cover_deinit(&c);
    const bool wanted[] = {false, false, true, true, false, true};
    cover_choose(units, 4, 6, wanted, &c);
    IS(c.n == 1 && c.order[0] == 1 && c.unit_of[0] == 0 && c.unit_of[2] == 2);
    cover_deinit(&c);
    units[0].refused = units[1].refused = true;
    cover_choose(units, 4, 6, NULL, &c);
    IS(c.n == 1 && c.order[0] == 2 && c.unit_of[3] == 3);
    cover_deinit(&c);
    /* the script that starts a program is cheaper here, and not taken for it */
    const struct cover_unit script[] = {{a, 3, 10000000, false, false},
                                        {a, 3, 1, false, true}};
    cover_choose(script, 2, 3, NULL, &c);
    IS(c.n == 1 && c.order[0] == 0);
    cover_deinit(&c);
    /* of whose kind some were refused: another, ten times dearer, goes first after four */
    struct cover_unit alike[] = {{a, 3, 1000000, false, .n_alike_refused = 3},
                                 {a, 3, 190000000, false}};
    for (uint32_t n = 3; n <= 4; n++) {
        alike[0].n_alike_refused = n;
        cover_choose(alike, 2, 3, NULL, &c);
        IS(c.n == 1 && c.order[0] == n - 3);
        cover_deinit(&c);
    }
}

/* 2,000 units that reach up to 400 of 20,000 targets each. */
static void test_crowd(void) {
    enum { UNITS = 2000, TARGETS = 20000, EACH = 400 };
    struct cover_unit *units = text_alloc(UNITS * sizeof *units);
    uint32_t *shard = text_alloc(UNITS * sizeof *shard), *targets;
    uint64_t seed = 1, load[4] = {0};
    for (uint32_t i = 0; i < UNITS; i++) {
        units[i].targets = targets = text_alloc(EACH * sizeof *targets);
        units[i].n_targets = EACH;
        units[i].cost_ns = 1000000 * (1 + i % 97);
        for (uint32_t t = 0, at = (uint32_t)(seed >> 40) % TARGETS; t < EACH; t++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            at = (at + 1 + (uint32_t)(seed >> 60)) % TARGETS;
            targets[t] = at;
        }
    }
    struct cover c;
    uint64_t start = clock_mono_ns();
    cover_choose(units, UNITS, TARGETS, NULL, &c);
    cover_share(units, TARGETS, &c, 4, shard);
    uint64_t took = clock_mono_ns() - start;
    uint32_t reached = 0;
    uint32_t *chosen = text_alloc(UNITS * sizeof *chosen);
    for (uint32_t t = 0; t < TARGETS; t++)
        if (c.unit_of[t] && ++reached)
            chosen[c.unit_of[t] - 1]++;
    for (uint32_t i = 0; i < c.n; i++)
        load[shard[i]] += cover_cost(&units[c.order[i]], chosen[c.order[i]]);
    printf("2,000 units: %u chosen for %u targets in %.3f s\n", c.n, reached,
           (double)took / 1e9);
    IS(reached == TARGETS && c.n < UNITS / 2);
    IS(took < 2000000000u);
    for (int i = 1; i < 4; i++)
        IS(load[i] < load[0] + load[0] / 5 && load[0] < load[i] + load[i] / 5);
    cover_deinit(&c);
    for (uint32_t i = 0; i < UNITS; i++)
        free((void *)units[i].targets);
    free(units);
    free(shard);
    free(chosen);
}

int main(void) {
    test_names();
    test_functions();
    test_targets();
    test_one_line();
    test_cover();
    test_crowd();
    return check_result();
}
