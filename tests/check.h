/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a unit test says. MUST ends it at the first thing that is wrong, for what cannot go on; CHECK
 * goes on to the end of a table and fails there (`return check_result()`). Names of cases come first,
 * what is wanted before what was seen.
 */
#ifndef DEARTH_TESTS_CHECK_H
#define DEARTH_TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST_CASE(name, condition)                                                       \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "%s:%d: %s (case '%s')\n", __FILE__, __LINE__, #condition,   \
                    (name) ? (name) : "NULL");                                           \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)
#define MUST(condition) MUST_CASE("", condition)

/* Equal strings; both are shown when they are not. */
#define MUST_TEXT(wanted, seen)                                                          \
    do {                                                                                 \
        const char *seen_text = (seen), *wanted_text = (wanted);                         \
        if (strcmp(seen_text, wanted_text) != 0) {                                       \
            fprintf(stderr, "%s:%d: wanted '%s', saw '%s'\n", __FILE__, __LINE__,        \
                    wanted_text, seen_text);                                             \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

static int check_failures __attribute__((unused));

#define CHECK(name, condition)                                                           \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            printf("%s:%d: %s: not %s\n", __FILE__, __LINE__, name, #condition);         \
            check_failures++;                                                            \
        }                                                                                \
    } while (0)

#define CHECK_TEXT(name, wanted, seen)                                                   \
    do {                                                                                 \
        const char *w_ = (wanted), *s_ = (seen);                                         \
        if (!s_ || strcmp(w_, s_) != 0) {                                                \
            printf("%s:%d: %s: wanted '%s', saw '%s'\n", __FILE__, __LINE__, name, w_,   \
                   s_ ? s_ : "(null)");                                                  \
            check_failures++;                                                            \
        }                                                                                \
    } while (0)

static inline int check_result(void) {
    if (check_failures)
        printf("%d checks failed\n", check_failures);
    return check_failures != 0;
}

#endif
