/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table test of the order of pairs. A pair is written "first.occurrence>second"; sites of the error
 * path are x and y (location 7), z (location 8), u (no location).
 */
#include "check.h"
#include "pairs.h"
#include "text.h"

#define X .second = 'x', .key = {0, 1}, .location = 7
#define Y .second = 'y', .key = {0, 2}, .location = 7
#define Z .second = 'z', .key = {0, 3}, .location = 8
#define U .second = 'u', .key = {0, 4}

#define PAIRS(...)                                                                       \
    {__VA_ARGS__}, sizeof((const struct pair[]){__VA_ARGS__}) / sizeof(struct pair)

static const struct {
    const char *name, *wanted;
    struct pair pairs[8];
    uint32_t n;
    uint32_t repeat;
    bool retest;
    uint64_t limit;
} cases[] = {
    {"none", "", {{0}}, 0},
    {"each location once, each site once, then again",
     "0.1>x 0.1>z 0.1>u 0.1>y 1.1>x 1.1>y",
     PAIRS({.first = 0, .occurrence = 1, X}, {.first = 1, .occurrence = 1, X},
           {.first = 0, .occurrence = 1, Y}, {.first = 1, .occurrence = 1, Y},
           {.first = 0, .occurrence = 1, Z}, {.first = 0, .occurrence = 1, U})},
    {"occurrences of the first in order", "0.1>x 0.2>x",
     PAIRS({.first = 0, .occurrence = 2, X}, {.first = 0, .occurrence = 1, X})},
    {"what was tried is left out, and its location had its turn", "0.1>z 0.1>y",
     PAIRS({.first = 0, .occurrence = 1, .done = 1, X}, {.first = 0, .occurrence = 1, Y},
           {.first = 0, .occurrence = 1, Z})},
    {"a bad one goes on until it was repeated", "0.1>x",
     PAIRS({.first = 0, .occurrence = 1, .done = 2, .bad = true, X},
           {.first = 0, .occurrence = 1, .done = 3, .bad = true, Z}),
     .repeat = 2},
    {"a hang was confirmed", "",
     PAIRS({.first = 0, .occurrence = 1, .done = 2, .bad = true, .hung = true, X}),
     .repeat = 2},
    {"retest", "0.1>x", PAIRS({.first = 0, .occurrence = 1, .done = 3, .bad = true, X}),
     .repeat = 2, .retest = true},
    {"limit", "0.1>x 0.1>z",
     PAIRS({.first = 0, .occurrence = 1, X}, {.first = 0, .occurrence = 1, Y},
           {.first = 0, .occurrence = 1, Z}),
     .limit = 2},
};

int main(void) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pairs pairs = {text_alloc(sizeof cases[i].pairs), cases[i].n};
        memcpy(pairs.list, cases[i].pairs, sizeof cases[i].pairs);
        pairs_plan(&pairs, cases[i].repeat, cases[i].retest, cases[i].limit);
        struct text line = {0};
        text_add(&line, "");
        for (uint32_t k = 0; k < pairs.n; k++)
            text_addf(&line, "%s%u.%d>%c", k ? " " : "", pairs.list[k].first,
                      (int)pairs.list[k].occurrence, (char)pairs.list[k].second);
        CHECK_TEXT(cases[i].name, cases[i].wanted, line.data ? line.data : "");
        text_deinit(&line);
        pairs_deinit(&pairs);
    }
    return check_result();
}
