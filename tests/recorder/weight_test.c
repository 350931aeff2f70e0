/* SPDX-License-Identifier: Apache-2.0 */
/* What a call of a sample stands for: exact bounds where it is certain, the mean over many draws where it is not. */
#include <math.h>
#include <stdint.h>

#include "weight.h"

#include "check.h"

static const struct {
    const char *name;
    uint64_t sample_bytes, size;
} cases[] = {
    {"one byte of many", 524288, 1},     {"small", 524288, 64},
    {"a tenth", 524288, 52429},          {"as large", 524288, 524288},
    {"twice as large", 524288, 1048576}, {"every byte", 1, 1},
    {"every second byte", 2, 1},         {"largest interval", 1ull << 40, 4096},
};

/* A whole number on either side of what is right, in the mean what is right, and the bytes as they are. */
static void test_mean(void) {
    const int draws = 200000;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double size = (double)cases[i].size;
        double right = -1 / expm1(-size / (double)cases[i].sample_bytes), sum = 0;
        for (int k = 0; k < draws; k++) {
            struct weight w =
                weight_sampled(cases[i].sample_bytes, cases[i].size, (uint64_t)k * 977);
            sum += (double)w.calls;
            CHECK(cases[i].name, fabs((double)w.calls - right) <= 1);
            CHECK(cases[i].name,
                  fabs((double)w.bytes - right * size) <= 0.5 + right * size * 1e-12);
        }
        /* a draw's deviation is at most a half: eight of the mean's */
        CHECK(cases[i].name,
              fabs(sum / draws - right) < 8 * 0.5 / sqrt(draws) + right * 1e-12);
    }
}

static void test_ends(void) {
    struct weight w = weight_sampled(512, 1u << 20, 7);
    CHECK("much larger: itself alone", w.calls == 1 && w.bytes == 1u << 20);
    w = weight_sampled(1000, 0, 7);
    CHECK("empty: as one byte, without bytes",
          w.calls >= 1000 && w.calls <= 1001 && w.bytes == 0);
    w = weight_sampled(1ull << 40, UINT64_MAX / 2, 3);
    CHECK("largest", w.calls == 1 && w.bytes >= UINT64_MAX / 2 - 1);
    struct weight again = weight_sampled(4096, 100, 99);
    w = weight_sampled(4096, 100, 99);
    CHECK("the same for the same", w.calls == again.calls && w.bytes == again.bytes);
}

int main(void) {
    test_mean();
    test_ends();
    return check_result();
}
