/* SPDX-License-Identifier: Apache-2.0 */
/* One allocation and a greeting: for builds that dearth cannot look into (static,
 * static-pie, musl). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    char *text = malloc(32);
    if (!text)
        return 1;
    strcpy(text, "hello");
    puts(text);
    free(text);
    return 0;
}
