/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a function's entry to a call in it without a branch: see straight.h.
 *
 *   P:  call F ──┐      E8 and the distance: where F begins
 *   ◄── @outer   └─► F:  ...
 *                        call abort
 *                   ◄── @within
 *
 * x86-64, above: instructions are not decoded. A byte that could begin a branch, be it part of something else,
 * is taken for one. AArch64: the same with bl, and words of four bytes. Elsewhere nothing is known to lead there.
 * Sources: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, appendix A; Arm Architecture
 * Reference Manual for A-profile, C4.1.
 */
#include "straight.h"

#include <elf.h>
#include <string.h>

#include "arch.h"
#include "fetch.h"

#define CALL_BYTES 5u   /* E8 and a signed distance of 4 bytes */
#define WORD_BYTES 4u   /* AArch64: bl, and any other instruction */
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

static bool leads_on_x86(pid_t pid, uint64_t within, uint64_t outer) {
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
}

static bool is_bl(uint32_t word) {
    return word >> 26 == 0x25;
}

/* b, b.cond, cbz, cbnz, tbz, tbnz; br, ret and their like, but for blr. */
static bool is_branch(uint32_t word) {
    return word >> 26 == 0x05 || word >> 25 == 0x2a || (word >> 25 & 0x3f) == 0x1a ||
           (word >> 25 & 0x3f) == 0x1b ||
           (word >> 25 == 0x6b && (word >> 21 & 0xf) != 1 && (word >> 21 & 0xf) != 9);
}

static bool leads_on_arm(pid_t pid, uint64_t within, uint64_t outer) {
    uint32_t call, code[MOST_BYTES / WORD_BYTES];
    if (!fetch(pid, outer - WORD_BYTES, &call, sizeof call) || !is_bl(call))
        return false;
    int64_t words = (int32_t)(call << 6) >> 6;
    uint64_t entry = outer - WORD_BYTES + (uint64_t)(words * (int64_t)WORD_BYTES);
    uint64_t n = (within - entry) / WORD_BYTES;
    if (within < entry + WORD_BYTES || within - entry > MOST_BYTES ||
        !fetch(pid, entry, code, n * WORD_BYTES) || !is_bl(code[n - 1]))
        return false;
    for (uint64_t i = 0; i + 1 < n; i++)
        if (is_branch(code[i]))
            return false;
    return true;
}

bool straight_leads(pid_t pid, uint64_t within, uint64_t outer) {
    if (ARCH_MACHINE == EM_X86_64)
        return leads_on_x86(pid, within, outer);
    return ARCH_MACHINE == EM_AARCH64 && leads_on_arm(pid, within, outer);
}
