/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an exception meets in a function, by the tables that its compiler made: as __gxx_personality_v0()
 * reads them, in the memory of a stopped process.
 *
 *   pc ─► .eh_frame_hdr, binary search ─► FDE ─► CIE: personality, encodings
 *                                          └► LSDA ─► call site of pc ─► actions ─► types
 *                                                └ none: nothing may be thrown from there
 *
 * Sources: Linux Standard Base, 10.6 (.eh_frame, .eh_frame_hdr); the table of call sites: gcc,
 * libstdc++-v3/libsupc++/eh_personality.cc. An encoding that no compiler here makes is "unknown".
 */
#include "landing.h"

#include <gelf.h>
#include <string.h>

#include "fetch.h"

/* --- memory of the other process --- */

/* A window of it, read through a cursor. @bad: it could not be read, or makes no sense. */
struct cursor {
    pid_t pid;
    uint64_t at;
    bool bad;
};

static uint64_t take(struct cursor *c, unsigned n_bytes) {
    uint64_t value = 0;
    c->bad |= !fetch(c->pid, c->at, &value, n_bytes);
    c->at += n_bytes;
    return c->bad ? 0 : value;
}

static uint64_t take_leb(struct cursor *c, bool is_signed) {
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = (uint8_t)take(c, 1);
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80 && shift < 63);
    if (is_signed && byte & 0x40)
        value |= ~0ull << shift;
    return value;
}

enum {
    ENC_OMIT = 0xff,
    ENC_PCREL = 0x10,
    ENC_DATAREL = 0x30,
    ENC_RELATIVE = 0x70,
    ENC_INDIRECT = 0x80,
};

static uint64_t take_value(struct cursor *c, uint8_t format) {
    switch (format & 0x0f) {
    case 0x00: /* a pointer */
    case 0x04:
    case 0x0c:
        return take(c, 8);
    case 0x01:
        return take_leb(c, false);
    case 0x02:
        return take(c, 2);
    case 0x03:
        return take(c, 4);
    case 0x09:
        return take_leb(c, true);
    case 0x0a:
        return (uint64_t)(int16_t)take(c, 2);
    case 0x0b:
        return (uint64_t)(int32_t)take(c, 4);
    default:
        c->bad = true;
        return 0;
    }
}

static uint64_t take_encoded(struct cursor *c, uint8_t encoding) {
    uint64_t at = c->at, value = take_value(c, encoding);
    uint8_t relative = encoding & ENC_RELATIVE;
    c->bad |= relative && relative != ENC_PCREL;
    if (!value || c->bad)
        return 0;
    value += relative ? at : 0;
    if (encoding & ENC_INDIRECT) {
        struct cursor there = {.pid = c->pid, .at = value};
        value = take(&there, 8);
        c->bad |= there.bad;
    }
    return value;
}

/* --- from the address to its tables --- */

struct tables {
    uint64_t personality, lsda, start; /* of the function */
};

/* Address of .eh_frame_hdr in the process, 0 = it has none. */
static uint64_t find_header(Dwfl_Module *module) {
    GElf_Addr bias;
    Elf *elf = dwfl_module_getelf(module, &bias);
    size_t n = 0;
    if (!elf || elf_getphdrnum(elf, &n) < 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        GElf_Phdr segment;
        if (gelf_getphdr(elf, (int)i, &segment) && segment.p_type == PT_GNU_EH_FRAME)
            return segment.p_vaddr + bias;
    }
    return 0;
}

/* Its table is sorted: offsets of functions and of their FDEs, from the header's own address. */
static uint64_t find_fde(pid_t pid, uint64_t header, uint64_t pc) {
    struct row {
        int32_t function, fde;
    } row = {0};
    struct {
        uint8_t version, pointer, count, table;
        int32_t frame;
        uint32_t n;
    } head = {0};
    if (!header || !fetch(pid, header, &head, sizeof head) || head.version != 1 ||
        head.count != 0x03 || head.table != (ENC_DATAREL | 0x0b))
        return 0;
    uint32_t low = 0, high = head.n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (!fetch(pid, header + sizeof head + middle * sizeof row, &row, sizeof row))
            return 0;
        if (header + (uint64_t)(int64_t)row.function <= pc)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low ||
        !fetch(pid, header + sizeof head + (low - 1) * sizeof row, &row, sizeof row))
        return 0;
    return header + (uint64_t)(int64_t)row.fde;
}

struct cie {
    uint8_t lsda_encoding, address_encoding;
    uint64_t personality;
};

static bool read_cie(pid_t pid, uint64_t at, struct cie *out) {
    struct cursor c = {.pid = pid, .at = at + 8};
    char augmentation[8] = "";
    *out = (struct cie){.lsda_encoding = ENC_OMIT};
    uint8_t version = (uint8_t)take(&c, 1);
    for (size_t i = 0; i < sizeof augmentation; i++)
        if (!(augmentation[i] = (char)take(&c, 1)))
            break;
    if (augmentation[sizeof augmentation - 1] || augmentation[0] != 'z')
        return false;
    take_leb(&c, false);
    take_leb(&c, true);
    if (version == 1)
        take(&c, 1);
    else
        take_leb(&c, false);
    take_leb(&c, false); /* how much follows */
    for (const char *a = augmentation + 1; *a; a++)
        if (*a == 'P') {
            uint8_t encoding = (uint8_t)take(&c, 1);
            out->personality = take_encoded(&c, encoding);
        } else if (*a == 'L') {
            out->lsda_encoding = (uint8_t)take(&c, 1);
        } else if (*a == 'R') {
            out->address_encoding = (uint8_t)take(&c, 1);
        }
    return !c.bad;
}

/* Return: whether the function around @pc is known; lsda 0 = it has none. */
static bool find_tables(pid_t pid, uint64_t header, uint64_t pc, struct tables *out) {
    struct cursor c = {.pid = pid, .at = find_fde(pid, header, pc)};
    struct cie cie;
    if (!c.at)
        return false;
    uint64_t length = take(&c, 4), id_at = c.at, id = take(&c, 4);
    if (c.bad || length == 0xffffffffu || !id || !read_cie(pid, id_at - id, &cie))
        return false;
    out->start = take_encoded(&c, cie.address_encoding);
    uint64_t size = take_value(&c, cie.address_encoding);
    out->personality = cie.personality;
    out->lsda = 0;
    if (take_leb(&c, false) && cie.lsda_encoding != ENC_OMIT)
        out->lsda = take_encoded(&c, cie.lsda_encoding);
    return !c.bad && pc >= out->start && pc - out->start < size;
}

/* --- the call site and its actions --- */

struct lsda {
    uint64_t types;
    uint8_t type_encoding;
    uint64_t actions;
};

static bool is_named(pid_t pid, uint64_t type_info, const char *name) {
    uint64_t at = 0;
    char there[32] = "";
    if (!fetch(pid, type_info + 8, &at, sizeof at) ||
        !fetch(pid, at, there, sizeof there - 1))
        return false;
    return strcmp(there[0] == '*' ? there + 1 : there, name) == 0;
}

static unsigned bytes_of(uint8_t encoding) {
    static const uint8_t bytes[16] = {
        [0x0] = 8, [0x2] = 2, [0x3] = 4, [0x4] = 8, [0xa] = 2, [0xb] = 4, [0xc] = 8};
    return bytes[encoding & 0x0f];
}

static enum landing catches(pid_t pid, const struct lsda *l, uint64_t filter) {
    struct cursor c = {.pid = pid, .at = l->types - filter * bytes_of(l->type_encoding)};
    uint64_t type = take_encoded(&c, l->type_encoding);
    if (c.bad)
        return LANDING_UNKNOWN;
    if (!type)
        return LANDING_CATCHES_ALL;
    return is_named(pid, type, "St9bad_alloc") || is_named(pid, type, "St9exception")
               ? LANDING_CATCHES
               : LANDING_PASSES;
}

static enum landing act(pid_t pid, const struct lsda *l, uint64_t action) {
    struct cursor c = {.pid = pid, .at = l->actions + action - 1};
    for (int i = 0; i < 64 && !c.bad; i++) {
        int64_t filter = (int64_t)take_leb(&c, true);
        uint64_t at = c.at;
        int64_t next = (int64_t)take_leb(&c, true);
        enum landing found =
            filter > 0 ? catches(pid, l, (uint64_t)filter) : LANDING_PASSES;
        if (found != LANDING_PASSES || !next)
            return c.bad ? LANDING_UNKNOWN : found;
        c.at = at + (uint64_t)next;
    }
    return LANDING_UNKNOWN;
}

static bool is_handler(enum landing l) {
    return l == LANDING_CATCHES || l == LANDING_CATCHES_ALL;
}

/* A call that throws nothing is not listed, but those next to it in the same try block are. */
static enum landing between(enum landing before, enum landing after) {
    if (before == LANDING_CATCHES || after == LANDING_CATCHES)
        return LANDING_GUARDED;
    return is_handler(before) || is_handler(after) ? LANDING_GUARDED_ALL
                                                   : LANDING_TERMINATES;
}

static enum landing look(pid_t pid, const struct tables *t, uint64_t pc) {
    struct cursor c = {.pid = pid, .at = t->lsda};
    struct lsda l = {0};
    uint8_t start_encoding = (uint8_t)take(&c, 1);
    if (start_encoding != ENC_OMIT)
        take_encoded(&c, start_encoding);
    l.type_encoding = (uint8_t)take(&c, 1);
    if (l.type_encoding != ENC_OMIT) {
        uint64_t offset = take_leb(&c, false);
        l.types = c.at + offset;
    }
    uint8_t encoding = (uint8_t)take(&c, 1);
    uint64_t length = take_leb(&c, false);
    l.actions = c.at + length;
    enum landing before = LANDING_UNKNOWN;
    while (!c.bad && c.at < l.actions) {
        uint64_t from = take_value(&c, encoding), n = take_value(&c, encoding);
        uint64_t pad = take_value(&c, encoding), action = take_leb(&c, false);
        enum landing here = !pad || !action ? LANDING_PASSES : act(pid, &l, action);
        if (c.bad)
            break;
        if (pc - t->start < from) /* they are sorted */
            return between(before, here);
        if (pc - t->start - from < n)
            return here;
        before = here;
    }
    return c.bad ? LANDING_UNKNOWN : between(before, LANDING_UNKNOWN);
}

static bool is_cxx(Dwfl *dwfl, uint64_t personality) {
    Dwfl_Module *module = dwfl_addrmodule(dwfl, personality);
    const char *name = module ? dwfl_module_addrname(module, personality) : NULL;
    return name && strncmp(name, "__gxx_personality", 17) == 0;
}

enum landing landing_of(Dwfl *dwfl, pid_t pid, Dwarf_Addr pc) {
    Dwfl_Module *module = dwfl_addrmodule(dwfl, pc - 1);
    struct tables tables;
    if (!module || !find_tables(pid, find_header(module), pc - 1, &tables) ||
        (tables.lsda && !is_cxx(dwfl, tables.personality)))
        return LANDING_UNKNOWN;
    return tables.lsda ? look(pid, &tables, pc - 1) : LANDING_PASSES;
}
