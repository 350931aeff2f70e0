/* SPDX-License-Identifier: Apache-2.0 */
/* What an error path left open: who could still have closed it? */
#include "remains.h"

#include <stdlib.h>

#include "check.h"
#include "frames.h"

#define MODULE "/lib/libwork.so.1"
#define MOST   8

/* Stacks, innermost frame first: offsets; 0 = the end. A negative one of the failed call is inlined. */
struct row {
    const char *name;
    int64_t failed[MOST], end[MOST];
    bool inside;
};

static const struct row rows[] = {
    {"exit() from the function that asked", {50, 40, 30}, {9, 55, 40, 30}, true},
    {"from one that it called", {50, 40, 30}, {9, 8, 7, 55, 40, 30}, true},
    {"from its caller", {50, 40, 30}, {9, 45, 30}, false},
    {"from main()", {50, 40, 30}, {9, 35}, false},
    {"inlined frames are none", {50, -50, 40, -40, 30}, {9, 55, 40, 30}, true},
    {"main() asked", {30}, {9, 35}, false},
    {"not known", {50, 40, 30}, {0}, false},
};

static void test_row(const struct row *r) {
    struct crash_frame end[MOST];
    struct frame items[MOST];
    struct observation seen = {.open.end_frames = end};
    struct frames failed = {.items = items};
    for (uint32_t i = 0; i < MOST && r->end[i]; i++)
        end[seen.open.n_end_frames++] =
            (struct crash_frame){.module = (char *)MODULE, .offset = (uint64_t)r->end[i]};
    for (uint32_t i = 0; i < MOST && r->failed[i]; i++)
        items[failed.n++] = (struct frame){.module = (char *)MODULE,
                                           .offset = (uint64_t)llabs(r->failed[i]),
                                           .inlined = r->failed[i] < 0};
    CHECK(r->name, remains_ends_inside(&seen, &failed) == r->inside);
}

int main(void) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        test_row(&rows[i]);
    return check_result();
}
