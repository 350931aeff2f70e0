/* SPDX-License-Identifier: Apache-2.0 */
/* glibc's own overrun: where the buffer of a stream cannot be made, its wide one has no bytes, and is written to, up to
 * what the allocator keeps of the next block: free() ends the program then. With 'own' it is the program that writes
 * behind a block of its own, when glibc has no memory for its locale. See tests/replayer/guard.sh. */
#include <locale.h>
#include <wchar.h>

#include "program.h"

#define LINE L"a line of some length, of which several go beyond what lies there "

int main(int argc, char **argv) {
    (void)argv;
    char *word = opaque(malloc(20)), *blocks[50];
    const char *locale = setlocale(LC_ALL, "C.UTF-8");
    if (!word)
        return 2;
    if (argc > 1 && !locale)
        word[20] = '\0'; /* in the padding up to 24 bytes */
    for (int i = 0; i < 50 && argc == 1; i++) {
        if (fputws(L"one\n" LINE LINE LINE, stdout) < 0)
            return 1;
        blocks[i] = opaque(malloc(1000));
        if (!blocks[i])
            return 1;
    }
    for (int i = 0; i < 50 && argc == 1; i++)
        free(blocks[i]);
    if (fflush(stdout) != 0)
        return 1;
    return 0;
}
