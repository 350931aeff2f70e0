/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: whether there is a locale is not looked at: when the C library cannot load it, the program
 * goes on in the C locale and says something else than it would, with status 0. Fixed: looks.
 * tests/replayer/classes.sh says what is to come of it.
 */
#include <langinfo.h>
#include <locale.h>

#include "program.h"

int main(void) {
    const char *name = setlocale(LC_ALL, "C.UTF-8");
#ifdef FIXED
    if (!name)
        return 1;
#else
    (void)name;
#endif
    char text[32] = {0}; /* no buffer of stdio: that is another facility */
    setvbuf(stdout, text, _IOLBF, sizeof text);
    printf("%s\n", nl_langinfo(CODESET));
    return 0;
}
