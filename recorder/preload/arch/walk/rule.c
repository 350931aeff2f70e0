/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From .eh_frame to a rule (rule.h).
 *
 *   address - 1 ─► object (module.c) ─► .eh_frame_hdr, binary search ─► FDE ─► CIE
 *       CIE's program, then FDE's up to the address ─► a row: CFA, frame pointer, return address
 *       ─► one word, if that can say it
 *
 * Sections are the loader's and trusted as such: reads are bounded by each entry's length,
 * and what is not understood gives no rule. Rejected: libgcc's and libunwind's parsers, the
 * one because it takes part in the target's exceptions, the other because it locks.
 *
 * Who runs it: any thread, on a miss of the rule cache.
 */
#include "rule.h"
#include "module.h"
#include "preload.h"
#include "sys.h"

struct cfi_bytes {
    const uint8_t *p, *end;
    bool bad;
};

static uint64_t read_fixed(struct cfi_bytes *r, unsigned bytes) {
    uint64_t v = 0;
    if ((size_t)(r->end - r->p) < bytes) {
        r->bad = true;
        return 0;
    }
    __builtin_memcpy(&v, r->p, bytes);
    r->p += bytes;
    return v;
}

static uint64_t read_uleb(struct cfi_bytes *r) {
    uint64_t v = 0;
    for (unsigned shift = 0; r->p < r->end; shift += 7) {
        uint8_t byte = *r->p++;
        if (shift < 64)
            v |= (uint64_t)(byte & 127) << shift;
        if (!(byte & 128))
            return v;
    }
    r->bad = true;
    return 0;
}

static int64_t read_sleb(struct cfi_bytes *r) {
    uint64_t v = 0;
    for (unsigned shift = 0; r->p < r->end;) {
        uint8_t byte = *r->p++;
        if (shift < 64)
            v |= (uint64_t)(byte & 127) << shift;
        shift += 7;
        if (byte & 128)
            continue;
        if (shift < 64 && byte & 64)
            v |= -(UINT64_C(1) << shift);
        return (int64_t)v;
    }
    r->bad = true;
    return 0;
}

/* Pointer encodings. Source: Linux Standard Base 5.0, "DWARF Exception Header Encoding". */
enum { ENC_OMIT = 0xff, ENC_RELATIVE = 0x70, ENC_PCREL = 0x10, ENC_INDIRECT = 0x80 };

static uint64_t read_encoded(struct cfi_bytes *r, uint8_t encoding) {
    uintptr_t at = (uintptr_t)r->p;
    uint64_t v = 0;
    switch (encoding & 15) {
    case 0x0: /* absptr */
    case 0x4: /* udata8 */
    case 0xc: /* sdata8 */
        v = read_fixed(r, 8);
        break;
    case 0x1:
        v = read_uleb(r);
        break;
    case 0x2:
        v = read_fixed(r, 2);
        break;
    case 0x3:
        v = read_fixed(r, 4);
        break;
    case 0x9:
        v = (uint64_t)read_sleb(r);
        break;
    case 0xa:
        v = (uint64_t)(int64_t)(int16_t)read_fixed(r, 2);
        break;
    case 0xb:
        v = (uint64_t)(int64_t)(int32_t)read_fixed(r, 4);
        break;
    default:
        r->bad = true;
    }
    if ((encoding & ENC_RELATIVE) == ENC_PCREL)
        return v + at;
    r->bad |= (encoding & ENC_RELATIVE) != 0;
    return v;
}

/* How a register's value in the caller is found. */
enum saved {
    SAVED_NOT = 0, /* unchanged, or never said */
    SAVED_AT,      /* at CFA + offset */
    SAVED_EXPRESSION,
    SAVED_UNDEFINED,
    SAVED_OTHER,
};

struct location {
    enum saved how;
    int64_t offset;
    struct cfi_bytes expression;
};

/* A row of the CFI table, the columns that we follow. */
struct row {
    uint64_t cfa_register;
    int64_t cfa_offset;
    bool cfa_by_expression;
    struct cfi_bytes cfa_expression;
    struct location fp, ra;
};

struct cie {
    uint64_t code_align;
    int64_t data_align;
    uint8_t encoding;
    bool augmented; /* FDEs carry augmentation data too */
    bool signal;    /* the trampoline that signal handlers return to */
    struct cfi_bytes program;
};

struct cfi {
    const struct cie *cie;
    struct row now, initial;
    struct row stack[8];
    int depth;
    uintptr_t at, pc;
};

static void set_location(struct cfi *cfi, uint64_t reg, struct location location) {
    if (reg == REG_FP)
        cfi->now.fp = location;
    else if (reg == REG_RA)
        cfi->now.ra = location;
}

static void restore_location(struct cfi *cfi, uint64_t reg) {
    if (reg == REG_FP)
        cfi->now.fp = cfi->initial.fp;
    else if (reg == REG_RA)
        cfi->now.ra = cfi->initial.ra;
}

static struct cfi_bytes read_block(struct cfi_bytes *r) {
    uint64_t n = read_uleb(r);
    if (n > (uint64_t)(r->end - r->p)) {
        r->bad = true;
        n = 0;
    }
    struct cfi_bytes block = {r->p, r->p + n, false};
    r->p += n;
    return block;
}

/* Call frame instructions. Source: DWARF 5, 6.4.2 and 7.24. */
enum {
    CFA_ADVANCE_LOC = 0x40,
    CFA_OFFSET = 0x80,
    CFA_RESTORE = 0xc0,
    CFA_NOP = 0x00,
    CFA_SET_LOC = 0x01,
    CFA_ADVANCE_LOC1 = 0x02,
    CFA_ADVANCE_LOC2 = 0x03,
    CFA_ADVANCE_LOC4 = 0x04,
    CFA_OFFSET_EXTENDED = 0x05,
    CFA_RESTORE_EXTENDED = 0x06,
    CFA_UNDEFINED = 0x07,
    CFA_SAME_VALUE = 0x08,
    CFA_REGISTER = 0x09,
    CFA_REMEMBER_STATE = 0x0a,
    CFA_RESTORE_STATE = 0x0b,
    CFA_DEF_CFA = 0x0c,
    CFA_DEF_CFA_REGISTER = 0x0d,
    CFA_DEF_CFA_OFFSET = 0x0e,
    CFA_DEF_CFA_EXPRESSION = 0x0f,
    CFA_EXPRESSION = 0x10,
    CFA_OFFSET_EXTENDED_SF = 0x11,
    CFA_DEF_CFA_SF = 0x12,
    CFA_DEF_CFA_OFFSET_SF = 0x13,
    CFA_VAL_OFFSET = 0x14,
    CFA_VAL_OFFSET_SF = 0x15,
    CFA_VAL_EXPRESSION = 0x16,
    CFA_GNU_ARGS_SIZE = 0x2e,
};

static void save_at(struct cfi *cfi, uint64_t reg, int64_t factored) {
    int64_t offset = factored * cfi->cie->data_align;
    set_location(cfi, reg, (struct location){.how = SAVED_AT, .offset = offset});
}

static void define_cfa(struct cfi *cfi, uint64_t reg, int64_t offset) {
    cfi->now.cfa_register = reg;
    cfi->now.cfa_offset = offset;
    cfi->now.cfa_by_expression = false;
}

/* The operations that move the location. Return: whether @op was one. */
static bool advance(struct cfi *cfi, struct cfi_bytes *r, uint8_t op) {
    uint64_t by;
    if ((op & 0xc0) == CFA_ADVANCE_LOC)
        by = op & 0x3f;
    else if (op == CFA_ADVANCE_LOC1)
        by = read_fixed(r, 1);
    else if (op == CFA_ADVANCE_LOC2)
        by = read_fixed(r, 2);
    else if (op == CFA_ADVANCE_LOC4)
        by = read_fixed(r, 4);
    else if (op == CFA_SET_LOC) {
        cfi->at = read_encoded(r, cfi->cie->encoding);
        return true;
    } else {
        return false;
    }
    cfi->at += by * cfi->cie->code_align;
    return true;
}

/* The operations that say where a register is. Return: whether @op was one. */
static bool locate(struct cfi *cfi, struct cfi_bytes *r, uint8_t op) {
    if ((op & 0xc0) == CFA_OFFSET) {
        save_at(cfi, op & 0x3f, (int64_t)read_uleb(r));
        return true;
    }
    if ((op & 0xc0) == CFA_RESTORE) {
        restore_location(cfi, op & 0x3f);
        return true;
    }
    uint64_t reg;
    switch (op) {
    case CFA_OFFSET_EXTENDED:
        reg = read_uleb(r);
        save_at(cfi, reg, (int64_t)read_uleb(r));
        return true;
    case CFA_OFFSET_EXTENDED_SF:
        reg = read_uleb(r);
        save_at(cfi, reg, read_sleb(r));
        return true;
    case CFA_RESTORE_EXTENDED:
        restore_location(cfi, read_uleb(r));
        return true;
    case CFA_UNDEFINED:
        set_location(cfi, read_uleb(r), (struct location){.how = SAVED_UNDEFINED});
        return true;
    case CFA_SAME_VALUE:
        set_location(cfi, read_uleb(r), (struct location){.how = SAVED_NOT});
        return true;
    case CFA_REGISTER:
    case CFA_VAL_OFFSET:
    case CFA_VAL_OFFSET_SF: /* same length either way: the operand is skipped */
        set_location(cfi, read_uleb(r), (struct location){.how = SAVED_OTHER});
        read_uleb(r);
        return true;
    case CFA_EXPRESSION:
        reg = read_uleb(r);
        set_location(
            cfi, reg,
            (struct location){.how = SAVED_EXPRESSION, .expression = read_block(r)});
        return true;
    case CFA_VAL_EXPRESSION:
        set_location(cfi, read_uleb(r), (struct location){.how = SAVED_OTHER});
        read_block(r);
        return true;
    default:
        return false;
    }
}

/* The operations on the CFA and on whole rows. Return: whether @op was one. */
static bool define(struct cfi *cfi, struct cfi_bytes *r, uint8_t op) {
    const int64_t factor = cfi->cie->data_align;
    uint64_t reg;
    switch (op) {
    case CFA_NOP:
        return true;
    case CFA_GNU_ARGS_SIZE:
        read_uleb(r);
        return true;
    case CFA_REMEMBER_STATE:
        if (cfi->depth == 8)
            return false;
        cfi->stack[cfi->depth++] = cfi->now;
        return true;
    case CFA_RESTORE_STATE: /* the CFA too: what GCC and gas mean by it */
        if (cfi->depth == 0)
            return false;
        cfi->now = cfi->stack[--cfi->depth];
        return true;
    case CFA_DEF_CFA:
        reg = read_uleb(r);
        define_cfa(cfi, reg, (int64_t)read_uleb(r));
        return true;
    case CFA_DEF_CFA_SF:
        reg = read_uleb(r);
        define_cfa(cfi, reg, read_sleb(r) * factor);
        return true;
    case CFA_DEF_CFA_REGISTER:
        cfi->now.cfa_register = read_uleb(r);
        return true;
    case CFA_DEF_CFA_OFFSET:
        cfi->now.cfa_offset = (int64_t)read_uleb(r);
        return true;
    case CFA_DEF_CFA_OFFSET_SF:
        cfi->now.cfa_offset = read_sleb(r) * factor;
        return true;
    case CFA_DEF_CFA_EXPRESSION:
        cfi->now.cfa_expression = read_block(r);
        cfi->now.cfa_by_expression = true;
        return true;
    default:
        return walk_ignores(op);
    }
}

/* Run a CFI program up to the row of cfi->pc. Return: whether all of it was understood. */
static bool run(struct cfi *cfi, struct cfi_bytes r) {
    while (r.p < r.end && !r.bad) {
        uint8_t op = *r.p++;
        if (advance(cfi, &r, op)) {
            if (cfi->at > cfi->pc)
                return !r.bad;
        } else if (!locate(cfi, &r, op) && !define(cfi, &r, op)) {
            return false;
        }
    }
    return !r.bad;
}

static struct cfi_bytes read_entry(const uint8_t *p) {
    uint32_t length;
    __builtin_memcpy(&length, p, 4);
    bool usable = length && length != UINT32_MAX; /* 64-bit DWARF: never seen */
    return (struct cfi_bytes){p + 4, p + 4 + (usable ? length : 0), !usable};
}

/* The augmentation of a CIE. Return: false for what we do not know. */
static bool parse_augmentation(struct cie *cie, const char *letters,
                               struct cfi_bytes *r) {
    if (!letters[0])
        return true;
    if (letters[0] != 'z')
        return false;
    cie->augmented = true;
    struct cfi_bytes data = read_block(r);
    for (const char *c = letters + 1; *c; c++) {
        if (*c == 'R') {
            cie->encoding = (uint8_t)read_fixed(&data, 1);
        } else if (*c == 'P') { /* personality: only its length matters */
            uint8_t encoding = (uint8_t)read_fixed(&data, 1);
            if ((encoding & ENC_RELATIVE) == 0x50) /* aligned */
                return false;
            read_encoded(&data, encoding & 15);
        } else if (*c == 'L') {
            read_fixed(&data, 1);
        } else if (*c == 'S') {
            cie->signal = true;
        } else if (!__builtin_strchr(WALK_AUGMENTATIONS, *c)) {
            return false;
        }
    }
    return !data.bad;
}

static bool parse_cie(const uint8_t *at, struct cie *cie) {
    struct cfi_bytes r = read_entry(at);
    read_fixed(&r, 4); /* CIE id */
    uint64_t version = read_fixed(&r, 1);
    const char *letters = (const char *)r.p;
    while (r.p < r.end && *r.p)
        r.p++;
    read_fixed(&r, 1);
    cie->code_align = read_uleb(&r);
    cie->data_align = read_sleb(&r);
    uint64_t ra = version == 1 ? read_fixed(&r, 1) : read_uleb(&r);
    if (r.bad || ra != REG_RA || !parse_augmentation(cie, letters, &r))
        return false;
    cie->program = r;
    return !r.bad;
}

/* FDE of @pc by the binary search table of .eh_frame_hdr. Return: NULL if there is none. */
static const uint8_t *find_fde(const uint8_t *hdr, uintptr_t pc) {
    const uint8_t table_encoding = 0x3b; /* datarel | sdata4: all linkers write this */
    if (hdr[0] != 1 || hdr[3] != table_encoding)
        return NULL;
    struct cfi_bytes r = {hdr + 4, hdr + 64, false};
    read_encoded(&r, hdr[1]);
    uint64_t n = read_encoded(&r, hdr[2]);
    const int32_t *table = (const int32_t *)r.p;
    int64_t relative = (int64_t)(pc - (uintptr_t)hdr);
    if (r.bad || !n || relative < table[0])
        return NULL;
    uint64_t low = 0, high = n;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (table[2 * middle] <= relative)
            low = middle;
        else
            high = middle;
    }
    return hdr + table[2 * low + 1];
}

/* DW_OP_breg n of the frame pointer, and with @deref a DW_OP_deref behind it, and nothing else. */
static bool is_fp_relative(struct cfi_bytes r, bool deref, int64_t *offset) {
    const uint8_t op_breg = 0x70 + REG_FP, op_deref = 0x06;
    if (read_fixed(&r, 1) != op_breg)
        return false;
    *offset = read_sleb(&r);
    if (deref && read_fixed(&r, 1) != op_deref)
        return false;
    return !r.bad && r.p == r.end;
}

static rule_bits rule_of_row(const struct row *row) {
    int64_t cfa, fp;
    if (row->ra.how == SAVED_UNDEFINED)
        return rule_of(RULE_END, 0, 0, -8);
    if (row->ra.how != SAVED_AT)
        return 0;
    if (row->cfa_by_expression) {
        bool drap = row->fp.how == SAVED_EXPRESSION &&
                    is_fp_relative(row->cfa_expression, true, &cfa) &&
                    is_fp_relative(row->fp.expression, false, &fp);
        return drap ? rule_of(RULE_DRAP, cfa, fp, row->ra.offset) : 0;
    }
    cfa = row->cfa_offset;
    fp = row->fp.how == SAVED_AT ? row->fp.offset : 0;
    if (row->fp.how > SAVED_AT || (row->fp.how == SAVED_AT && !fp))
        return 0;
    if (row->cfa_register == REG_SP)
        return rule_of(RULE_SP, cfa, fp, row->ra.offset);
    return row->cfa_register == REG_FP ? rule_of(RULE_FP, cfa, fp, row->ra.offset) : 0;
}

/* Read an FDE's head and its CIE. @r: its augmentation and program follow. */
static bool open_fde(const uint8_t *fde, struct cie *cie, struct cfi_bytes *r,
                     uintptr_t *start, uintptr_t *size) {
    *r = read_entry(fde);
    const uint8_t *cie_pointer = r->p;
    uint32_t back = (uint32_t)read_fixed(r, 4);
    if (r->bad || !parse_cie(cie_pointer - back, cie))
        return false;
    *start = read_encoded(r, cie->encoding);
    *size = read_encoded(r, cie->encoding & 15);
    return !r->bad;
}

/* Do signal handlers return to it? */
static bool is_sigreturn(uintptr_t address) {
    static const uint8_t code[] = {WALK_SIGRETURN};
    return !__builtin_memcmp((const void *)address, code, sizeof code);
}

/* The same of code that no module's CFI speaks of, as the kernel's own may be. */
static bool is_bare_sigreturn(uintptr_t address) {
    static const uint8_t code[] = {WALK_SIGRETURN};
    return sys_readable((const void *)address) &&
           sys_readable((const void *)(address + sizeof code - 8)) &&
           is_sigreturn(address);
}

static rule_bits rule_of_fde(const uint8_t *fde, uintptr_t pc) {
    struct cie cie = {0};
    struct cfi_bytes r;
    uintptr_t start, size;
    if (!open_fde(fde, &cie, &r, &start, &size) || pc < start || pc >= start + size)
        return 0;
    if (cie.signal)
        return is_sigreturn(pc + 1) ? rule_of(RULE_SIGNAL, 0, 0, -8) : 0;
    if (cie.augmented)
        read_block(&r);
    struct cfi cfi = {.cie = &cie, .pc = UINTPTR_MAX};
    if (!run(&cfi, cie.program))
        return 0;
    cfi.initial = cfi.now;
    cfi.at = start;
    cfi.pc = pc;
    return run(&cfi, r) ? rule_of_row(&cfi.now) : 0;
}

/* A return address that is the start of a function was put there by hand: makecontext()
 * lets a coroutine "return" into __start_context. Outward of it there are no frames. */
static bool is_made_up(const uint8_t *eh_frame_hdr, uintptr_t address) {
    const uint8_t *fde = find_fde(eh_frame_hdr, address);
    struct cie cie = {0};
    uintptr_t start, size;
    struct cfi_bytes r;
    return fde && open_fde(fde, &cie, &r, &start, &size) && start == address;
}

static rule_bits rule_by_cfi(uintptr_t address) {
    uintptr_t pc = address - 1; /* a call may be the last instruction of its function */
    struct object object;
    if (!module_find(pc, &object) || !object.eh_frame_hdr)
        return 0;
    const uint8_t *fde = find_fde(object.eh_frame_hdr, pc);
    rule_bits rule = fde ? rule_of_fde(fde, pc) : 0;
    if (rule)
        return rule;
    /* ld.so's entry point, from which constructors are called, has no CFI. */
    if (pc - module_loader_start < module_loader_end - module_loader_start ||
        is_made_up(object.eh_frame_hdr, address))
        return rule_of(RULE_END, 0, 0, -8);
    return 0;
}

COLD rule_bits rule_evaluate(uintptr_t address) {
    rule_bits rule = rule_by_cfi(address);
    return !rule && is_bare_sigreturn(address) ? rule_of(RULE_SIGNAL, 0, 0, -8) : rule;
}
