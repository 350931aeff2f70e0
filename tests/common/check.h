/* One check of a unit test: the first that fails ends it, naming itself and the case. */
#ifndef DEARTH_TESTS_CHECK_H
#define DEARTH_TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST_CASE(condition, name)                                                       \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "%s:%d: %s (case '%s')\n", __FILE__, __LINE__, #condition,   \
                    (name) ? (name) : "NULL");                                           \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)
#define MUST(condition) MUST_CASE(condition, "")

/* Equal strings; both are shown when they are not. */
#define MUST_TEXT(seen, wanted)                                                          \
    do {                                                                                 \
        const char *seen_text = (seen), *wanted_text = (wanted);                         \
        if (strcmp(seen_text, wanted_text) != 0) {                                       \
            fprintf(stderr, "%s:%d: saw '%s', wanted '%s'\n", __FILE__, __LINE__,        \
                    seen_text, wanted_text);                                             \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

#endif
