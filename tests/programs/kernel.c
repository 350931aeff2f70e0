/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No target: it runs one under a kernel that does not wipe memory on fork, by a filter (seccomp) in front
 * of the real one.
 *
 * usage: kernel HOW COMMAND...
 *   refuses    MADV_WIPEONFORK is an error, as in Linux before 4.14
 *   ignores    it and any advice there is not are taken, and nothing comes of them, as under qemu-user
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LAST_ADVICE 1000 /* above all that there are */

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    const unsigned answer = strcmp(argv[1], "refuses") == 0 ? EINVAL : 0;
    const struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MADV_WIPEONFORK, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, answer ? UINT32_MAX : LAST_ADVICE, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof code / sizeof *code,
                                       (struct sock_filter *)code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
        perror("kernel: seccomp");
        return 77;
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 126;
}
