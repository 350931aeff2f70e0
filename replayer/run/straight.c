/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a function's entry to a call in it without a branch: see straight.h.
 *
 *   P:  call F ──┐      E8 and the distance: where F begins
 *   ◄── @outer   └─► F:  ...
 *                        call abort
 *                   ◄── @within
 *
 * Instructions are not decoded: a byte that could begin a branch, be it part of something else, is taken
 * for one. Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, appendix A.
 */
#include "straight.h"

#include <string.h>
#include <sys/uio.h>

#define CALL_BYTES 5u   /* E8 and a signed distance of 4 bytes */
#define MOST_BYTES 128u /* of a function that does little else */

static bool may_branch(const uint8_t *code, size_t n) {
    for (size_t i = 0; i < n; i++) {
        bool is_short = (code[i] & 0xf0) == 0x70 ||           /* Jcc */
                        (code[i] >= 0xe0 && code[i] <= 0xe3); /* LOOP, JRCXZ */
        bool is_near = code[i] == 0x0f && i + 1 < n && (code[i + 1] & 0xf0) == 0x80;
        bool leaves = code[i] == 0xeb || code[i] == 0xe9 || /* JMP */
                      code[i] == 0xc3 || code[i] == 0xc2;   /* RET */
        if (is_short || is_near || leaves)
            return true;
    }
    return false;
}

static bool fetch(pid_t pid, uint64_t address, void *to, size_t n) {
    struct iovec local = {to, n}, remote = {(void *)(uintptr_t)address, n};
    return process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)n;
}

bool straight_leads(pid_t pid, uint64_t within, uint64_t outer) {
#ifdef __x86_64__
    uint8_t call[CALL_BYTES], code[MOST_BYTES];
    int32_t distance;
    if (!fetch(pid, outer - CALL_BYTES, call, sizeof call) || call[0] != 0xe8)
        return false;
    memcpy(&distance, call + 1, sizeof distance);
    uint64_t entry = outer + (uint64_t)(int64_t)distance;
    return within > entry && within - entry <= MOST_BYTES &&
           within - entry >= CALL_BYTES && fetch(pid, entry, code, within - entry) &&
           code[within - entry - CALL_BYTES] == 0xe8 &&
           !may_branch(code, within - entry - CALL_BYTES);
#else
    (void)pid, (void)within, (void)outer, (void)may_branch, (void)fetch;
    return false;
#endif
}
