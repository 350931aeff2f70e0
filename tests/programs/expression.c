/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw. A frame on the stack tells where its caller's is by a DWARF expression, as hand-written
 * assembly does: only libunwind can step over it, in the recording and in every attempt.
 *
 * expect: new_table once=reported sticky=reported
 */
#include "processor.h"
#include "program.h"

OWN_FRAME void *new_table(void) {
    return opaque(malloc(100));
}

int main(void) {
    char *table = by_expression(new_table);
    if (!table)
        return 3;
    free(table);
    puts("done");
    return 0;
}
