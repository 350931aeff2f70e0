/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two children work at the same time, each at 64 places of its own. The flaw of the one is to abort when
 * there is no memory, that of the other to write to NULL: so whose failure it was shows in how it ends.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

/* clang-format off */
#define EIGHT(m, a) m(a, 0) m(a, 1) m(a, 2) m(a, 3) m(a, 4) m(a, 5) m(a, 6) m(a, 7)
#define SIXTY_FOUR(m, a) \
    EIGHT(m, a##0) EIGHT(m, a##1) EIGHT(m, a##2) EIGHT(m, a##3) \
    EIGHT(m, a##4) EIGHT(m, a##5) EIGHT(m, a##6) EIGHT(m, a##7)
/* clang-format on */

#define ABORTS(a, i)                                                                     \
    OWN_FRAME void aborts_##a##i(void) {                                                 \
        void *p = opaque(malloc(16));                                                    \
        if (!p)                                                                          \
            abort();                                                                     \
        free(p);                                                                         \
    }
#define WRITES(a, i)                                                                     \
    OWN_FRAME void writes_##a##i(void) {                                                 \
        char *p = opaque(malloc(16));                                                    \
        *(volatile char *)p = 1;                                                         \
        free(p);                                                                         \
    }
SIXTY_FOUR(ABORTS, x)
SIXTY_FOUR(WRITES, y)

#define ABORTS_NAME(a, i) aborts_##a##i,
#define WRITES_NAME(a, i) writes_##a##i,
static void (*const work[2][64])(void) = {{SIXTY_FOUR(ABORTS_NAME, x)},
                                          {SIXTY_FOUR(WRITES_NAME, y)}};

int main(void) {
    for (int child = 0; child < 2; child++) {
        if (fork() == 0) {
            for (int i = 0; i < 64; i++)
                work[child][i]();
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        ;
    return 0;
}
