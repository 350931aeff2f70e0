/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no C program can do by itself: machine code that some targets consist of, for the processors that
 * have it here. Elsewhere the same in C, which is then an ordinary frame or register.
 */
#ifndef PROCESSOR_H
#define PROCESSOR_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)

/* Call @function, from a frame that tells where its caller's is by a DWARF expression:
 * DW_CFA_def_cfa_expression (0x0f) of 2 bytes: DW_OP_breg7 (0x77, rsp) plus 16. */
void *by_expression(void *(*function)(void));
__asm__("    .text\n"
        "    .type by_expression, @function\n"
        "by_expression:\n"
        "    .cfi_startproc\n"
        "    push %rbx\n"
        "    .cfi_escape 0x0f, 0x02, 0x77, 0x10\n"
        "    call *%rdi\n"
        "    pop %rbx\n"
        "    .cfi_def_cfa rsp, 8\n"
        "    ret\n"
        "    .cfi_endproc\n"
        "    .size by_expression, . - by_expression\n");

/* function(n), from a frame without unwinding information; and the same as bytes, for memory of no file. */
#define HAS_NO_CFI_CODE 1
void *no_cfi_code(size_t n, void *(*function)(size_t));
__asm__("    .text\n"
        "    .type no_cfi_code, @function\n"
        "no_cfi_code:\n"
        "    push %rbx\n"
        "    push %r12\n"
        "    sub $0x18, %rsp\n"
        "    call *%rsi\n"
        "    add $0x18, %rsp\n"
        "    pop %r12\n"
        "    pop %rbx\n"
        "    ret\n"
        "    .size no_cfi_code, . - no_cfi_code\n");
/* sub $8, %rsp; call *%rsi; add $8, %rsp; ret */
#define NO_CFI_BYTES 0x48, 0x83, 0xec, 8, 0xff, 0xd6, 0x48, 0x83, 0xc4, 8, 0xc3

/* Hold @p in a register that a callee saves, and nowhere else, for ever. */
#define HOLD_IN_REGISTER(p)                                                              \
    __asm__ volatile("mov %0, %%r12\n xor %0, %0\n 1: pause\n jmp 1b" : "+r"(p) : : "r12")

/* end(0), which does not return, with @p in such a register and nowhere else. */
#define END_HOLDING(p, end)                                                              \
    __asm__ volatile("mov %0, %%r12\n xor %0, %0\n xor %%edi, %%edi\n"                   \
                     "and $-16, %%rsp\n call *%1"                                        \
                     : "+r"(p)                                                           \
                     : "r"(end)                                                          \
                     : "r12", "rdi", "memory")

#else

static __attribute__((noinline, unused)) void *by_expression(void *(*function)(void)) {
    void *result = function();
    __asm__ volatile("" : "+r"(result));
    return result;
}

#define HAS_NO_CFI_CODE 0
static inline void *no_cfi_code(size_t n, void *(*function)(size_t)) {
    return function(n);
}
#define NO_CFI_BYTES    0

#define HOLD_IN_REGISTER(p)                                                              \
    for (;;)                                                                             \
    __asm__ volatile("" : "+r"(p))

#define END_HOLDING(p, end)                                                              \
    do {                                                                                 \
        (end)(0);                                                                        \
        __asm__ volatile("" : "+r"(p));                                                  \
    } while (0)

#endif
#endif
