/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table test of what counts as leaked: runs without a fault and one with it in, blocks and
 * bytes beyond the former out. A line is `site:blocks:bytes ...` for each run.
 */
#include "leaks.h"

#include <stdlib.h>

#include "attempt.h"
#include "baseline.h"
#include "catalogue.h"
#include "check.h"

#define RUNS 3

static const struct {
    const char *name;
    const char *baseline[RUNS]; /* NULL = that run does not know */
    const char *seen;
    const char *left; /* sites */
    unsigned long blocks, bytes;
} cases[] = {
    {"nothing", {"", "", ""}, "", "", 0, 0},
    {"new site", {"", "", ""}, "5:1:16", "5", 1, 16},
    {"as in the baseline", {"5:1:16", "5:1:16", "5:1:16"}, "5:1:16", "", 0, 0},
    {"more of a known site", {"5:2:32", "5:2:32", "5:2:32"}, "5:3:48", "5", 1, 16},
    {"the most of any run", {"5:1:16", "5:4:64", "5:2:32"}, "5:4:64", "", 0, 0},
    {"in one run alone", {"", "", "5:1:16"}, "5:1:16", "", 0, 0},
    {"blocks and bytes apart", {"5:1:90", "5:3:30", ""}, "5:4:100", "5", 1, 10},
    {"fewer, but larger", {"5:4:64", "", ""}, "5:3:900", "", 0, 0},
    {"more, but smaller", {"5:1:900", "", ""}, "5:2:20", "5", 1, 0},
    {"another site", {"5:9:900", "", ""}, "5:1:10 6:2:20 7:1:1", "6,7", 3, 21},
    {"fewer than the baseline", {"3:5:50 9:1:1", "", ""}, "3:1:10", "", 0, 0},
    {"a run that does not know", {"", NULL, ""}, "5:1:16", "", 0, 0},
};

static void parse(const char *text, struct observation *o) {
    o->leaks.known = text != NULL;
    o->leaks.sites = calloc(8, sizeof *o->leaks.sites);
    for (const char *p = text; p && *p; p += strcspn(p, " "), p += strspn(p, " ")) {
        unsigned long site, blocks, bytes;
        sscanf(p, "%lu:%lu:%lu", &site, &blocks, &bytes);
        o->leaks.sites[o->leaks.n++] =
            (struct leaked_site){{.lo = 1, .hi = site}, blocks, bytes, blocks};
    }
}

static struct judgement judge(const struct baseline *b, const struct observation *seen) {
    struct catalogue *builtin = catalogue_new();
    struct judgement j = verdict_judge(b, NULL, seen, builtin);
    catalogue_free(builtin); /* no policy here */
    return j;
}

static void check_case(int i) {
    struct observation runs[RUNS] = {0};
    struct observation seen = {
        .proof.fired = true, .proof.attached = true, .end.exit_code = 1};
    struct baseline b = {0};
    for (int k = 0; k < RUNS; k++)
        parse(cases[i].baseline[k], &runs[k]);
    parse(cases[i].seen, &seen);
    baseline_fold(runs, RUNS, NULL, &b);
    CHECK(cases[i].name, !b.leaks_known && judge(&b, &seen).leaked_blocks == 0);
    leaks_fold(runs, RUNS, &b);

    struct judgement j = judge(&b, &seen);
    CHECK(cases[i].name, j.verdict == VERDICT_REPORTED);
    CHECK(cases[i].name, j.leaked_blocks == cases[i].blocks);
    CHECK(cases[i].name, j.leaked_bytes == cases[i].bytes);
    CHECK(cases[i].name,
          j.severity == (cases[i].blocks ? SEVERITY_WARNING : SEVERITY_OK));

    /* an end by a signal, an observation that does not know: no word */
    struct observation killed = seen, blind = seen;
    killed.end.exit_signal = 11;
    blind.leaks.known = false;
    CHECK(cases[i].name, judge(&b, &killed).leaked_blocks == 0);
    CHECK(cases[i].name, judge(&b, &killed).severity == SEVERITY_BUG);
    CHECK(cases[i].name, judge(&b, &blind).leaked_blocks == 0);

    char left[64] = "";
    seen.leaks.n = leaks_excess(&b, seen.leaks.sites, seen.leaks.n);
    for (uint32_t k = 0; k < seen.leaks.n; k++)
        snprintf(left + strlen(left), sizeof left - strlen(left), "%s%lu", k ? "," : "",
                 (unsigned long)seen.leaks.sites[k].site.hi);
    CHECK_TEXT(cases[i].name, cases[i].left, left);

    for (int k = 0; k < RUNS; k++)
        free(runs[k].leaks.sites);
    free(seen.leaks.sites);
    baseline_deinit(&b);
}

int main(void) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case((int)i);
    return check_result();
}
