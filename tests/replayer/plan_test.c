/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table test of the plan. A case is a few sites, options and earlier attempts; the
 * expectation is the plan as a line of text: "site:occurrence+mode[done]" in order, then
 * what was left out.
 *
 *   sites   a, b at location 1 in alpha();  c at location 2 in beta();  d not failable;
 * e in libx
 */
#include <stdlib.h>

#include "check.h"
#include "plan.h"
#include "text.h"

static const char *const alpha_functions[] = {"alpha", "inlined_into_alpha"};
static const char *const alpha_files[] = {"/src/alpha.c", "/src/alpha.h"};
static const char *const beta_functions[] = {"beta"};
static const char *const beta_files[] = {"/src/beta.c"};
static const struct plan_frame frames[] = {
    {"/usr/bin/program", (const char *[]){"main"}, (const char *[]){NULL}, NULL, 1},
    {"/usr/bin/program", alpha_functions, alpha_files, NULL, 2},
    {"/usr/bin/program", beta_functions, beta_files, NULL, 1},
    {"/usr/lib/libx.so.1", NULL, NULL, NULL, 0},
};
static const struct plan_stack stacks[] = {{0, 0}, {1, 1}, {1, 2}, {3, 3}};
static const struct plan_site sites[] = {
    {.id = 1,
     .key = {0, 0xa1},
     .location = 1,
     .stack = 2,
     .count = 1,
     .max_size = 10,
     .failable = 1},
    {.id = 2,
     .key = {1, 0xa2},
     .location = 1,
     .stack = 2,
     .count = 5,
     .max_size = 20,
     .failable = 1},
    {.id = 3,
     .key = {2, 0xb1},
     .location = 2,
     .stack = 3,
     .count = 3,
     .max_size = 15,
     .failable = 1},
    {.id = 4,
     .key = {3, 0xb2},
     .location = 2,
     .stack = 3,
     .count = 1,
     .max_size = 99,
     .failable = 0},
    {.id = 5,
     .key = {4, 0xc1},
     .location = 0,
     .stack = 4,
     .count = 1,
     .max_size = 15,
     .failable = 1},
};
#define N_SITES (sizeof sites / sizeof *sites)

static const char *describe(const struct plan *plan) {
    static char line[1024];
    int n = 0;
    line[0] = '\0';
    for (uint32_t i = 0; i < plan->n_faults; i++) {
        const struct plan_fault *f = &plan->faults[i];
        n += snprintf(line + n, sizeof line - (size_t)n, "%s%c%llu%c", n ? " " : "",
                      'a' + (int)f->site, (unsigned long long)f->occurrence,
                      f->mode == MODE_ONCE     ? 'o'
                      : f->mode == MODE_STICKY ? 's'
                                               : 'b');
        if (f->explore)
            n += snprintf(line + n, sizeof line - (size_t)n, "?");
        if (f->done)
            n += snprintf(line + n, sizeof line - (size_t)n, "[%u]", f->done);
    }
    for (uint32_t i = 0; i < plan->n_left_out; i++)
        n += snprintf(line + n, sizeof line - (size_t)n, "%s-%c:%s", n ? " " : "",
                      'a' + (int)plan->left_out[i].site,
                      reason_name(plan->left_out[i].reason));
    return line;
}

#define LIST(...)                                                                        \
    (const char *const[]){__VA_ARGS__},                                                  \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)
#define ATTEMPTS(...)                                                                    \
    (const struct plan_attempt[]){__VA_ARGS__},                                          \
        sizeof((const struct plan_attempt[]){__VA_ARGS__}) / sizeof(struct plan_attempt)

static const struct {
    const char *name, *wanted;
    struct plan_options options;
    const struct plan_attempt *attempts;
    size_t n_attempts;
} cases[] = {
    {"each location once, larger first, then again",
     "b1o c1o e1o a1o -d:not_failable",
     {.mode = PLAN_ONCE}},
    {"second modes after all sites of a location",
     "b1o c1o e1o a1o b1s c1s e1s a1s -d:not_failable",
     {.mode = PLAN_BOTH}},
    {"sticky alone", "b1s c1s e1s a1s -d:not_failable", {.mode = PLAN_STICKY}},
    {"what lasts, of which some was tried with another scope",
     "b1s e1s a1s -d:not_failable",
     {.mode = PLAN_STICKY, .scope = {7, 7}},
     ATTEMPTS({.site_id = 3,
               .occurrence = 1,
               .mode = MODE_STICKY,
               .scope = {7, 7},
               .verdict = VERDICT_HANDLED},
              {.site_id = 5,
               .occurrence = 1,
               .mode = MODE_STICKY,
               .verdict = VERDICT_HANDLED})},
    {"bursts, of which one of another length was tried",
     "b1b c1b a1b -d:not_failable",
     {.burst = 3, .mode = PLAN_BOTH},
     ATTEMPTS({.site_id = 5,
               .occurrence = 1,
               .mode = MODE_BURST,
               .burst = 3,
               .verdict = VERDICT_HANDLED},
              {.site_id = 3,
               .occurrence = 1,
               .mode = MODE_BURST,
               .burst = 2,
               .verdict = VERDICT_HANDLED})},
    {"depth 2 looks at single failures, unless it was done or they crash",
     "a1s e1o? c1s b1o?[1] e1s b1s -d:not_failable",
     {.mode = PLAN_BOTH, .depth = 2, .repeat = 0},
     ATTEMPTS(
         {.site_id = 1, .occurrence = 1, .mode = MODE_ONCE, .verdict = VERDICT_CRASHED},
         {.site_id = 2, .occurrence = 1, .mode = MODE_ONCE, .verdict = VERDICT_REPORTED},
         {.site_id = 3,
          .occurrence = 1,
          .mode = MODE_ONCE,
          .verdict = VERDICT_REPORTED,
          .explored = true})},
    {"what another quick replay has ended early is not asked for again, nor is it an attempt",
     "b1o c1o e1o a1s b1s c1s e1s -d:not_failable",
     {.mode = PLAN_BOTH},
     ATTEMPTS({.site_id = 1, .occurrence = 1, .mode = MODE_ONCE, .survived = true})},
    {"last",
     "b5o c3o e1o a1o -d:not_failable",
     {.mode = PLAN_ONCE, .occurrence = PLAN_LAST}},
    {"the second, or the last where there are fewer",
     "b2o c2o e1o a1o -d:not_failable",
     {.mode = PLAN_ONCE, .occurrence = PLAN_NTH, .nth = 2}},
    {"log2",
     "b1o c1o e1o a1o b2o c2o b4o c3o b5o -d:not_failable",
     {.mode = PLAN_ONCE, .occurrence = PLAN_LOG2}},
    {"in a function",
     "b1o a1o -c:filtered -d:not_failable -e:filtered",
     {.mode = PLAN_ONCE, .in = (const char *const[]){"alpha"}, .n_in = 1}},
    {"in an inlined function",
     "b1o a1o -c:filtered -d:not_failable -e:filtered",
     {.mode = PLAN_ONCE, .in = (const char *const[]){"inlined_*"}, .n_in = 1}},
    {"in a module by basename",
     "e1o -a:filtered -b:filtered -c:filtered -d:not_failable",
     {.mode = PLAN_ONCE, .in = (const char *const[]){"libx.so*"}, .n_in = 1}},
    {"in a source file, by basename and by path",
     "b1o c1o e1o a1o -d:not_failable",
     {.mode = PLAN_ONCE,
      .in = (const char *const[]){"alpha.h", "/src/beta.c"},
      .n_in = 2}},
    {"not in",
     "b1o a1o -c:filtered -d:not_failable -e:filtered",
     {.mode = PLAN_ONCE, .not_in = (const char *const[]){"beta"}, .n_not_in = 1}},
    {"in all but one",
     "c1o -a:filtered -b:filtered -d:not_failable -e:filtered",
     {.mode = PLAN_ONCE,
      .in = (const char *const[]){"main"},
      .n_in = 1,
      .not_in = (const char *const[]){"alpha", "libx*"},
      .n_not_in = 2}},
    {"a site by the beginning of its key",
     "c1o -a:filtered -b:filtered -d:not_failable -e:filtered",
     {.mode = PLAN_ONCE,
      .sites = (const char *const[]){"00000000000000B1"},
      .n_sites = 1}},
    {"min size",
     "b1o c1o e1o -a:filtered -d:not_failable",
     {.mode = PLAN_ONCE, .min_size = 15}},
    {"limit",
     "b1o c1o -d:not_failable -e:budget -a:budget",
     {.mode = PLAN_ONCE, .limit = 2}},
    {"a site that got some of its faults is not left out",
     "b1o c1o e1o a1o b1s -d:not_failable",
     {.mode = PLAN_BOTH, .limit = 5}},
    {"shard 1/2",
     "c1o e1o a1o -b:filtered -d:not_failable",
     {.mode = PLAN_ONCE, .shard = 1, .n_shards = 2}},
    {"shard 2/2",
     "b1o -a:filtered -c:filtered -d:not_failable -e:filtered",
     {.mode = PLAN_ONCE, .shard = 2, .n_shards = 2}},
    {"what was done is not done again",
     "b1o e1o a1o -d:not_failable",
     {.mode = PLAN_ONCE},
     ATTEMPTS({3, 1, MODE_ONCE, VERDICT_HANDLED})},
    {"unless wanted",
     "b1o e1o c1o a1o -d:not_failable",
     {.mode = PLAN_ONCE, .retest = true},
     ATTEMPTS({3, 1, MODE_ONCE, VERDICT_HANDLED})},
    {"previously bad first",
     "a1o c1o e1o b1o -d:not_failable",
     {.mode = PLAN_ONCE, .retest = true},
     ATTEMPTS({1, 1, MODE_ONCE, VERDICT_CRASHED})},
    {"a series of repeats is finished",
     "b1o[2] c1o e1o a1o -d:not_failable",
     {.mode = PLAN_ONCE, .repeat = 2},
     ATTEMPTS({2, 1, MODE_ONCE, VERDICT_CRASHED}, {2, 1, MODE_ONCE, VERDICT_REPORTED})},
    {"and then left alone",
     "c1o e1o a1o -d:not_failable",
     {.mode = PLAN_ONCE, .repeat = 1},
     ATTEMPTS({2, 1, MODE_ONCE, VERDICT_CRASHED}, {2, 1, MODE_ONCE, VERDICT_REPORTED})},
    {"two hangs are enough",
     "c1o e1o a1o -d:not_failable",
     {.mode = PLAN_ONCE, .repeat = 2},
     ATTEMPTS({2, 1, MODE_ONCE, VERDICT_HUNG}, {2, 1, MODE_ONCE, VERDICT_HUNG})},
    {"what never came up does not come up in the other mode",
     "c1o e1o a1o c1s e1s a1s -d:not_failable",
     {.mode = PLAN_BOTH},
     ATTEMPTS({2, 1, MODE_ONCE, VERDICT_UNREACHED})},
    {"untested asks again for what never came up",
     "b1o[1] e1o a1o -c:filtered -d:not_failable",
     {.mode = PLAN_ONCE, .untested = true},
     ATTEMPTS({2, 1, MODE_ONCE, VERDICT_UNREACHED}, {3, 2, MODE_ONCE, VERDICT_HANDLED})},
    {"another occurrence is another fault",
     "b5o e1o c3o a1o -d:not_failable",
     {.mode = PLAN_ONCE, .occurrence = PLAN_LAST},
     ATTEMPTS({3, 1, MODE_ONCE, VERDICT_HANDLED})},
};

static void run_cases(void) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plan_input input = {frames,
                                   4,
                                   stacks,
                                   4,
                                   sites,
                                   N_SITES,
                                   cases[i].attempts,
                                   (uint32_t)cases[i].n_attempts};
        struct plan plan;
        char *error;
        CHECK(cases[i].name, plan_make(&input, &cases[i].options, &plan, &error) == 0);
        CHECK_TEXT(cases[i].name, cases[i].wanted, describe(&plan));
        CHECK(cases[i].name,
              plan.n_planned_sites + plan.n_left_out + plan.n_done_sites == N_SITES);
        plan_deinit(&plan);
    }
}

/* Of b the 2nd to 4th call, of c none, of the others all. */
static void run_windows(void) {
    static const struct plan_window windows[] = {{1, 1}, {2, 4}, {1, 0}, {1, 1}, {1, 1}};
    static const struct {
        struct plan_options options;
        const char *wanted;
    } tries[] = {
        {{.occurrence = PLAN_FIRST}, "b2o e1o a1o -c:filtered -d:not_failable"},
        {{.occurrence = PLAN_LAST}, "b4o e1o a1o -c:filtered -d:not_failable"},
        {{.occurrence = PLAN_NTH, .nth = 2}, "b3o e1o a1o -c:filtered -d:not_failable"},
        {{.occurrence = PLAN_ALL}, "b2o e1o a1o b3o b4o -c:filtered -d:not_failable"},
        {{.occurrence = PLAN_LOG2}, "b2o e1o a1o b3o b4o -c:filtered -d:not_failable"},
    };
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        struct plan_input input = {frames,  4,    stacks, 4,      sites,
                                   N_SITES, NULL, 0,      windows};
        struct plan plan;
        char *error;
        CHECK("windows", plan_make(&input, &tries[i].options, &plan, &error) == 0);
        CHECK_TEXT("windows", tries[i].wanted, describe(&plan));
        plan_deinit(&plan);
    }
}

/* The calls 7 and 9 are of b, 8 is of d, which cannot fail. */
static void run_picks(void) {
    static const struct plan_pick picks[] = {{1, 3, 7}, {1, 4, 9}, {3, 1, 8}};
    static const struct plan_attempt done[] = {
        {.site_id = 2, .occurrence = 3, .mode = MODE_ONCE, .verdict = VERDICT_HANDLED}};
    struct plan_input input = {.frames = frames,
                               .n_frames = 4,
                               .stacks = stacks,
                               .n_stacks = 4,
                               .sites = sites,
                               .n_sites = N_SITES,
                               .picks = picks,
                               .n_picks = 3};
    struct plan_options options = {.call_first = 7, .call_last = 9};
    struct plan plan;
    char *error;
    CHECK("picks", plan_make(&input, &options, &plan, &error) == 0);
    CHECK_TEXT("picks", "b3o b4o -a:filtered -c:filtered -d:not_failable -e:filtered",
               describe(&plan));
    CHECK("picks", plan.n_faults == 2 && plan.faults[0].call == 7);
    plan_deinit(&plan);
    input.attempts = done;
    input.n_attempts = 1;
    CHECK("picks", plan_make(&input, &options, &plan, &error) == 0);
    CHECK("what was done", plan.n_faults == 1 && plan.faults[0].call == 9);
    plan_deinit(&plan);
    options.thread = THREAD_OTHER;
    CHECK("picks", plan_make(&input, &options, &plan, &error) == 0);
    CHECK("not by these threads", plan.n_faults == 2);
    plan_deinit(&plan);
}

static void run_errors(void) {
    static const char *const bad[] = {"00000000000000a", "ffff", "xyz", ""};
    struct plan_input input = {frames, 4, stacks, 4, sites, N_SITES, NULL, 0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct plan_options options = {.sites = &bad[i], .n_sites = 1};
        struct plan plan;
        char *error;
        CHECK(bad[i], plan_make(&input, &options, &plan, &error) == -22);
        CHECK(bad[i], error && strstr(error, "--site"));
        free(error);
        plan_deinit(&plan);
    }
}

static void run_parsers(void) {
    struct plan_options o = {0};
    CHECK("first", plan_parse_occurrence("first", &o) == 0 && o.occurrence == PLAN_FIRST);
    CHECK("log2", plan_parse_occurrence("log2", &o) == 0 && o.occurrence == PLAN_LOG2);
    CHECK("7", plan_parse_occurrence("7", &o) == 0 && o.nth == 7);
    static const char *const bad[] = {"", "0", "-1", "7x", "sometimes"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(bad[i], plan_parse_occurrence(bad[i], &o) < 0);
    CHECK("7", plan_parse_calls("7", &o) == 0 && o.call_first == 7 && o.call_last == 7);
    CHECK("3-9",
          plan_parse_calls("3-9", &o) == 0 && o.call_first == 3 && o.call_last == 9);
    static const char *const bad_calls[] = {"", "0", "9-3", "3-", "-3", "3-9x", "3-0"};
    for (size_t i = 0; i < sizeof bad_calls / sizeof *bad_calls; i++)
        CHECK(bad_calls[i], plan_parse_calls(bad_calls[i], &o) < 0);
}

int main(void) {
    run_cases();
    run_windows();
    run_picks();
    run_errors();
    run_parsers();
    return check_result();
}
