/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit(), _exit() and its like, syscall(), dlsym() and dlvsym() as the program calls them. All but the second kind
 * go on by a jump, so that no frame of ours is on the stack of what they run (leak_exit.c, sandbox.c and
 * lookup.c say why).
 */
#include <sys/syscall.h>

__asm__(".pushsection .text\n"
        ".globl arch_restorer\n"
        ".hidden arch_restorer\n"
        ".type arch_restorer, @function\n"
        "arch_restorer:\n"
        "  mov $15, %eax\n" /* rt_sigreturn */
        "  syscall\n"
        ".popsection\n");

__asm__(".pushsection .text\n"
        ".hidden leak_exit_context, leak_next_exit, leak_on_exit\n"
        ".globl exit\n"
        ".type exit, @function\n"
        "exit:\n"
        "  .cfi_startproc\n"
        "  endbr64\n"
        "  lea leak_exit_context(%rip), %rax\n"
        "  mov %rsp, 0(%rax)\n"
        "  mov %rbx, 8(%rax)\n"
        "  mov %rbp, 16(%rax)\n"
        "  mov %r12, 24(%rax)\n"
        "  mov %r13, 32(%rax)\n"
        "  mov %r14, 40(%rax)\n"
        "  mov %r15, 48(%rax)\n"
        "  push %rbp\n"
        "  .cfi_adjust_cfa_offset 8\n"
        "  .cfi_rel_offset %rbp, 0\n"
        "  mov %rsp, %rbp\n"
        "  .cfi_def_cfa_register %rbp\n"
        "  push %rdi\n"
        "  sub $8, %rsp\n"
        "  mov %edi, %esi\n"
        "  mov %rbp, %rdi\n"
        "  call leak_on_exit\n"
        "  mov -8(%rbp), %rdi\n"
        "  mov %rbp, %rsp\n"
        "  pop %rbp\n"
        "  .cfi_def_cfa %rsp, 8\n"
        "  .cfi_restore %rbp\n"
        "  mov leak_next_exit(%rip), %rax\n"
        "  jmp *%rax\n"
        "  .cfi_endproc\n"
        "  .size exit, . - exit\n"
        ".popsection\n");

/* A struct leak_context lies on the stack, of which a vfork child's end may not change more. */
#define LEAVE(name, to)                                                                  \
    __asm__(".pushsection .text\n"                                                       \
            ".hidden " #to "\n"                                                          \
            ".globl " #name "\n"                                                         \
            ".type " #name ", @function\n" #name ":\n"                                   \
            "  .cfi_startproc\n"                                                         \
            "  endbr64\n"                                                                \
            "  push %rbp\n"                                                              \
            "  .cfi_adjust_cfa_offset 8\n"                                               \
            "  .cfi_rel_offset %rbp, 0\n"                                                \
            "  mov %rsp, %rbp\n"                                                         \
            "  .cfi_def_cfa_register %rbp\n"                                             \
            "  sub $64, %rsp\n"                                                          \
            "  lea 16(%rbp), %rax\n"                                                     \
            "  mov %rax, 0(%rsp)\n"                                                      \
            "  mov %rbx, 8(%rsp)\n"                                                      \
            "  mov (%rbp), %rax\n"                                                       \
            "  mov %rax, 16(%rsp)\n"                                                     \
            "  mov %r12, 24(%rsp)\n"                                                     \
            "  mov %r13, 32(%rsp)\n"                                                     \
            "  mov %r14, 40(%rsp)\n"                                                     \
            "  mov %r15, 48(%rsp)\n"                                                     \
            "  mov %rbp, %rsi\n"                                                         \
            "  mov %rsp, %rdx\n"                                                         \
            "  call " #to "\n"                                                           \
            "  ud2\n"                                                                    \
            "  .cfi_endproc\n"                                                           \
            "  .size " #name ", . - " #name "\n"                                         \
            ".popsection\n")

LEAVE(_exit, leak_exit_now);
LEAVE(_Exit, leak_exit_c99);
LEAVE(quick_exit, leak_exit_quick);

_Static_assert(SYS_seccomp == 317 && SYS_prctl == 157, "as the code below has it");
__asm__("    .text\n"
        "    .hidden sandbox_forbidding_syscall, sandbox_next_syscall\n"
        "    .p2align 4\n"
        "    .globl syscall\n"
        "    .type syscall, @function\n"
        "syscall:\n"
        "    .cfi_startproc\n"
        "    endbr64\n"
        "    cmp $317, %rdi\n"
        "    je sandbox_forbidding_syscall\n"
        "    cmp $157, %rdi\n"
        "    je sandbox_forbidding_syscall\n"
        "    jmp *sandbox_next_syscall(%rip)\n"
        "    .cfi_endproc\n"
        "    .size syscall, . - syscall\n");

__asm__("    .text\n"
        "    .hidden lookup_choose\n"
        "    .p2align 4\n"
        "    .globl dlsym\n"
        "    .type dlsym, @function\n"
        "dlsym:\n"
        "    .cfi_startproc\n"
        "    endbr64\n"
        "    mov (%rsp), %rdx\n"
        "    push %rdi\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    push %rsi\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    sub $8, %rsp\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    call lookup_choose\n"
        "    add $8, %rsp\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    pop %rsi\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    pop %rdi\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    jmp *%rax\n"
        "    .cfi_endproc\n"
        "    .size dlsym, . - dlsym\n");

__asm__("    .text\n"
        "    .hidden lookup_choose_version\n"
        "    .p2align 4\n"
        "    .globl dlvsym\n"
        "    .type dlvsym, @function\n"
        "dlvsym:\n"
        "    .cfi_startproc\n"
        "    endbr64\n"
        "    mov (%rsp), %rcx\n"
        "    push %rdi\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    push %rsi\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    push %rdx\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    call lookup_choose_version\n"
        "    pop %rdx\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    pop %rsi\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    pop %rdi\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    jmp *%rax\n"
        "    .cfi_endproc\n"
        "    .size dlvsym, . - dlvsym\n");
