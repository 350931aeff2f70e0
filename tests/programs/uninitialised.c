/* SPDX-License-Identifier: Apache-2.0 */
/* An uninitialised read on the error path: fresh memory happens to be zero in an ordinary run.
 * expect: read_settings once=handled sticky=handled
 * expect guarded: read_settings once=degraded sticky=degraded
 * expect fixed: read_settings once=handled sticky=handled
 */
#include "program.h"

struct settings {
    int verbose;
    char padding[60];
};

OWN_FRAME char *read_settings(void) {
    return opaque(malloc(200));
}

int main(void) {
    struct settings *settings = opaque(malloc(sizeof *settings));
    if (!settings)
        return 2;
    char *text = read_settings();
    if (text)
        settings->verbose = 0;
#ifdef FIXED
    else
        settings->verbose = 0;
#endif
    puts(settings->verbose ? "verbose" : "quiet");
    free(text);
    free(settings);
    return 0;
}
