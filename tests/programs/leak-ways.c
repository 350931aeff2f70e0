/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line at which memory is asked for in two ways, one of them by many callers: tidy ones first, with
 * small requests, later ones with larger. Only the caller of the rare way loses what it has.
 */
#include <dirent.h>

#include "program.h"

typedef void *way(const char *);

OWN_FRAME void *ask(way *asks, const char *text) {
    return opaque(asks(text));
}

#define TIDY(name, length)                                                               \
    OWN_FRAME int name(void) {                                                           \
        char text[length + 1];                                                           \
        memset(text, 'x', length);                                                       \
        text[length] = '\0';                                                             \
        void *p = ask((way *)strdup, text);                                              \
        free(p);                                                                         \
        return !p;                                                                       \
    }
TIDY(first, 100)
TIDY(second, 200)
TIDY(third, 300)
TIDY(fourth, 400)
TIDY(fifth, 500)
TIDY(sixth, 600)
TIDY(seventh, 700)
TIDY(eighth, 800)
TIDY(ninth, 900)
TIDY(tenth, 1000)

OWN_FRAME int loses(void) {
    void *owner = opaque(malloc(64));
    void *p = ask((way *)opendir, ".");
    if (!p)
        return 1;
    closedir(p);
    free(owner);
    return 0;
}

int main(void) {
    static int (*const steps[])(void) = {first,   second, third, fourth, fifth, sixth,
                                         seventh, eighth, ninth, tenth,  loses};
    int failed = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !failed; i++)
        failed = steps[i]();
    memset(opaque(&(char[4096]){0}), 0, 4096);
    return failed;
}
