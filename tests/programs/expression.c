/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw. A frame on the stack tells where its caller's is by a DWARF expression, as hand-written
 * assembly does: only libunwind can step over it, in the recording and in every attempt.
 *
 * expect: new_table once=reported sticky=reported
 */
#include "program.h"

OWN_FRAME char *new_table(void) {
    return opaque(malloc(100));
}

#if defined(__x86_64__)
/* DW_CFA_def_cfa_expression (0x0f) of 2 bytes: DW_OP_breg7 (0x77, rsp) plus 16. */
__asm__("    .text\n"
        "    .type by_assembly, @function\n"
        "by_assembly:\n"
        "    .cfi_startproc\n"
        "    push %rbx\n"
        "    .cfi_escape 0x0f, 0x02, 0x77, 0x10\n"
        "    call *%rdi\n"
        "    pop %rbx\n"
        "    .cfi_def_cfa rsp, 8\n"
        "    ret\n"
        "    .cfi_endproc\n"
        "    .size by_assembly, . - by_assembly\n");
char *by_assembly(char *(*function)(void));
#else
static char *by_assembly(char *(*function)(void)) {
    return function();
}
#endif

int main(void) {
    char *table = by_assembly(new_table);
    if (!table)
        return 3;
    free(table);
    puts("done");
    return 0;
}
