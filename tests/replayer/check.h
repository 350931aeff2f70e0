/* The least that a table test needs: say what differs, go on, fail at the end. */
#ifndef DEARTH_CHECK_H
#define DEARTH_CHECK_H

#include <stdio.h>
#include <string.h>

static int check_failures;

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
