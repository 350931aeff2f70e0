/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit(), _exit() and its like, syscall(), dlsym() and dlvsym() as the program calls them. All but the second kind
 * go on by a jump, so that no frame of ours is on the stack of what they run (leak_exit.c, sandbox.c and
 * lookup.c say why).
 */
#include <sys/syscall.h>

__asm__(".pushsection .text\n"
        ".hidden leak_exit_context, leak_next_exit, leak_on_exit\n"
        ".globl exit\n"
        ".type exit, %function\n"
        "exit:\n"
        "  .cfi_startproc\n"
        "  hint #34\n" /* bti c */
        "  adrp x16, leak_exit_context\n"
        "  add x16, x16, :lo12:leak_exit_context\n"
        "  mov x17, sp\n"
        "  str x17, [x16]\n"
        "  stp x19, x20, [x16, #8]\n"
        "  stp x21, x22, [x16, #24]\n"
        "  stp x23, x24, [x16, #40]\n"
        "  stp x25, x26, [x16, #56]\n"
        "  stp x27, x28, [x16, #72]\n"
        "  stp x29, x30, [x16, #88]\n"
        "  stp x29, x30, [sp, #-32]!\n"
        "  .cfi_def_cfa_offset 32\n"
        "  .cfi_offset 29, -32\n"
        "  .cfi_offset 30, -24\n"
        "  mov x29, sp\n"
        "  str x0, [sp, #16]\n"
        "  mov w1, w0\n"
        "  mov x0, x29\n"
        "  bl leak_on_exit\n"
        "  ldr x0, [sp, #16]\n"
        "  ldp x29, x30, [sp], #32\n"
        "  .cfi_def_cfa_offset 0\n"
        "  .cfi_restore 29\n"
        "  .cfi_restore 30\n"
        "  adrp x16, leak_next_exit\n"
        "  ldr x16, [x16, :lo12:leak_next_exit]\n"
        "  br x16\n"
        "  .cfi_endproc\n"
        "  .size exit, . - exit\n"
        ".popsection\n");

/* A struct leak_context lies on the stack, of which a vfork child's end may not change more. */
#define LEAVE(name, to)                                                                  \
    __asm__(".pushsection .text\n"                                                       \
            ".hidden " #to "\n"                                                          \
            ".globl " #name "\n"                                                         \
            ".type " #name ", %function\n" #name ":\n"                                   \
            "  .cfi_startproc\n"                                                         \
            "  hint #34\n" /* bti c */                                                   \
            "  mov x16, sp\n"                                                            \
            "  sub sp, sp, #128\n"                                                       \
            "  .cfi_def_cfa_offset 128\n"                                                \
            "  stp x29, x30, [sp]\n"                                                     \
            "  .cfi_offset 29, -128\n"                                                   \
            "  .cfi_offset 30, -120\n"                                                   \
            "  str x16, [sp, #16]\n"                                                     \
            "  stp x19, x20, [sp, #24]\n"                                                \
            "  stp x21, x22, [sp, #40]\n"                                                \
            "  stp x23, x24, [sp, #56]\n"                                                \
            "  stp x25, x26, [sp, #72]\n"                                                \
            "  stp x27, x28, [sp, #88]\n"                                                \
            "  stp x29, x30, [sp, #104]\n"                                               \
            "  mov x29, sp\n"                                                            \
            "  mov x1, sp\n"                                                             \
            "  add x2, sp, #16\n"                                                        \
            "  bl " #to "\n"                                                             \
            "  brk #1\n"                                                                 \
            "  .cfi_endproc\n"                                                           \
            "  .size " #name ", . - " #name "\n"                                         \
            ".popsection\n")

LEAVE(_exit, leak_exit_now);
LEAVE(_Exit, leak_exit_c99);
LEAVE(quick_exit, leak_exit_quick);

_Static_assert(SYS_seccomp == 277 && SYS_prctl == 167, "as the code below has it");
__asm__("    .text\n"
        "    .hidden sandbox_forbidding_syscall, sandbox_next_syscall\n"
        "    .p2align 4\n"
        "    .globl syscall\n"
        "    .type syscall, %function\n"
        "syscall:\n"
        "    .cfi_startproc\n"
        "    hint #34\n" /* bti c */
        "    cmp x0, #277\n"
        "    b.eq sandbox_forbidding_syscall\n"
        "    cmp x0, #167\n"
        "    b.eq sandbox_forbidding_syscall\n"
        "    adrp x16, sandbox_next_syscall\n"
        "    ldr x16, [x16, :lo12:sandbox_next_syscall]\n"
        "    br x16\n"
        "    .cfi_endproc\n"
        "    .size syscall, . - syscall\n");

__asm__("    .text\n"
        "    .hidden lookup_choose\n"
        "    .p2align 4\n"
        "    .globl dlsym\n"
        "    .type dlsym, %function\n"
        "dlsym:\n"
        "    .cfi_startproc\n"
        "    hint #34\n" /* bti c */
        "    stp x29, x30, [sp, #-32]!\n"
        "    .cfi_def_cfa_offset 32\n"
        "    .cfi_offset 29, -32\n"
        "    .cfi_offset 30, -24\n"
        "    mov x29, sp\n"
        "    stp x0, x1, [sp, #16]\n"
        "    mov x2, x30\n"
        "    bl lookup_choose\n"
        "    mov x16, x0\n"
        "    ldp x0, x1, [sp, #16]\n"
        "    ldp x29, x30, [sp], #32\n"
        "    .cfi_def_cfa_offset 0\n"
        "    .cfi_restore 29\n"
        "    .cfi_restore 30\n"
        "    br x16\n"
        "    .cfi_endproc\n"
        "    .size dlsym, . - dlsym\n");

__asm__("    .text\n"
        "    .hidden lookup_choose_version\n"
        "    .p2align 4\n"
        "    .globl dlvsym\n"
        "    .type dlvsym, %function\n"
        "dlvsym:\n"
        "    .cfi_startproc\n"
        "    hint #34\n" /* bti c */
        "    stp x29, x30, [sp, #-48]!\n"
        "    .cfi_def_cfa_offset 48\n"
        "    .cfi_offset 29, -48\n"
        "    .cfi_offset 30, -40\n"
        "    mov x29, sp\n"
        "    stp x0, x1, [sp, #16]\n"
        "    str x2, [sp, #32]\n"
        "    mov x3, x30\n"
        "    bl lookup_choose_version\n"
        "    mov x16, x0\n"
        "    ldp x0, x1, [sp, #16]\n"
        "    ldr x2, [sp, #32]\n"
        "    ldp x29, x30, [sp], #48\n"
        "    .cfi_def_cfa_offset 0\n"
        "    .cfi_restore 29\n"
        "    .cfi_restore 30\n"
        "    br x16\n"
        "    .cfi_endproc\n"
        "    .size dlvsym, . - dlvsym\n");
