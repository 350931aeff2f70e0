/* SPDX-License-Identifier: Apache-2.0 */
/* Did you mean: see suggest.h. Source: optimal string alignment distance, as in git's help.c. */
#include "suggest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define LONGEST 40u /* bytes of a word that is compared; options have half of it */
#define BEGUN   3u  /* letters that say which word it is to be */

static unsigned least(unsigned a, unsigned b) {
    return a < b ? a : b;
}

/* Mistakes that make @b of @a; both have at most LONGEST bytes. */
static unsigned distance(const char *a, size_t n_a, const char *b, size_t n_b) {
    unsigned rows[3][LONGEST + 1]; /* of a[i - 2], a[i - 1] and a[i] */
    for (unsigned k = 0; k <= n_b; k++)
        rows[0][k] = k;
    for (unsigned i = 1; i <= n_a; i++) {
        unsigned *row = rows[i % 3], *before = rows[(i + 2) % 3];
        const unsigned *earlier = rows[(i + 1) % 3];
        row[0] = i;
        for (unsigned k = 1; k <= n_b; k++) {
            unsigned other = before[k - 1] + (a[i - 1] != b[k - 1]);
            row[k] = least(other, least(before[k], row[k - 1]) + 1);
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                row[k] = least(row[k], earlier[k - 2] + 1);
        }
    }
    return rows[n_a % 3][n_b];
}

void suggest_offer(struct suggest *s, const char *name) {
    size_t n = strlen(name);
    if (!s->n || s->n > LONGEST || n > LONGEST)
        return;
    unsigned mistakes = distance(s->word, s->n, name, n);
    unsigned most = (unsigned)(s->n > n ? s->n : n) / 3;
    if (s->n >= BEGUN && s->n < n && memcmp(s->word, name, s->n) == 0)
        mistakes = 0;
    if (mistakes > (most ? most : 1) || mistakes >= least((unsigned)s->n, (unsigned)n))
        return;
    if (s->best && mistakes >= s->mistakes) {
        s->second = mistakes == s->mistakes ? name : s->second;
        s->tied += mistakes == s->mistakes;
        return;
    }
    s->best = name;
    s->second = NULL;
    s->mistakes = mistakes;
    s->tied = 0;
}

const char *suggest_best(const struct suggest *s) {
    return s->tied ? NULL : s->best;
}

void suggest_say(const struct suggest *s, char *text, size_t n) {
    text[0] = 0;
    if (s->best && s->tied == 0)
        snprintf(text, n, ": did you mean '%s'?", s->best);
    else if (s->best && s->tied == 1)
        snprintf(text, n, ": did you mean '%s' or '%s'?", s->best, s->second);
}
