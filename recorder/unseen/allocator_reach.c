/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does an allocator come to malloc()? By the code of its entry functions and of what these call.
 *
 *   entry ─ call rel32 ─► function ─ call *GOT ─► malloc of another module
 *         └ jmp rel32 ──► PLT stub ─ jmp *GOT ──┘
 *
 * x86-64: instructions are not decoded. A call or jump counts where its four bytes of distance lead exactly to
 * a word that is relocated to malloc() or one of its kin, or into a function or a stub. That bytes in the
 * middle of another instruction do so by chance is out of reach.
 * AArch64: every instruction has four bytes. A word is reached by an adrp for its page and a load from there;
 * what branches to its content is taken for the next br or blr.
 * Elsewhere nothing is known to reach it, and stacks alone tell (unseen.c).
 */
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "allocator_reach.h"
#include "text.h"

#define DEPTH     4u
#define VISITS    256u
#define STUB      16u
#define NEAR      32u /* bytes between the instructions that load a word and branch to it */
#define SLOTS_MAX 64u

struct code {
    const uint8_t *bytes;
    uint64_t start, end;
    bool stubs; /* .plt and its like */
};

struct visit {
    struct function at;
    unsigned depth;
};

struct walk {
    Elf *elf;
    bool arm; /* AArch64 */
    struct code code[32];
    size_t n_code;
    uint64_t slots[SLOTS_MAX]; /* words relocated to malloc() and its kin */
    size_t n_slots;
    struct function *functions; /* of the symbol tables, by start */
    size_t n_functions;
    struct visit visits[VISITS];
    size_t n_visits;
};

static bool is_target(const char *name) {
    static const char *const names[] = {"malloc",         "calloc",        "realloc",
                                        "posix_memalign", "aligned_alloc", "memalign",
                                        "reallocarray",   "valloc"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static const char *rela_name(Elf *elf, const GElf_Shdr *header, uint64_t index) {
    Elf_Scn *table = elf_getscn(elf, header->sh_link);
    GElf_Shdr symbols;
    GElf_Sym symbol;
    Elf_Data *data = table ? elf_getdata(table, NULL) : NULL;
    if (!data || !gelf_getshdr(table, &symbols) ||
        !gelf_getsym(data, (int)index, &symbol) || symbol.st_shndx != SHN_UNDEF)
        return NULL;
    return elf_strptr(elf, symbols.sh_link, symbol.st_name);
}

static void find_slots(struct walk *w, Elf_Scn *section, const GElf_Shdr *header) {
    Elf_Data *data = elf_getdata(section, NULL);
    size_t n = data && header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
    for (size_t i = 0; i < n && w->n_slots < SLOTS_MAX; i++) {
        GElf_Rela rela;
        if (!gelf_getrela(data, (int)i, &rela) || !GELF_R_SYM(rela.r_info))
            continue;
        const char *name = rela_name(w->elf, header, GELF_R_SYM(rela.r_info));
        if (name && is_target(name))
            w->slots[w->n_slots++] = rela.r_offset;
    }
}

static void add_functions(struct walk *w, Elf_Scn *section, const GElf_Shdr *header) {
    Elf_Data *data = elf_getdata(section, NULL);
    size_t n = data && header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
    w->functions =
        text_realloc(w->functions, (w->n_functions + n + 1) * sizeof *w->functions);
    for (size_t i = 1; i < n; i++) {
        GElf_Sym symbol;
        if (gelf_getsym(data, (int)i, &symbol) &&
            GELF_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_size)
            w->functions[w->n_functions++] =
                (struct function){symbol.st_value, symbol.st_value + symbol.st_size};
    }
}

static int by_start(const void *a, const void *b) {
    uint64_t x = ((const struct function *)a)->start;
    uint64_t y = ((const struct function *)b)->start;
    return (x > y) - (x < y);
}

static void find_code(struct walk *w) {
    size_t names = 0;
    elf_getshdrstrndx(w->elf, &names);
    for (Elf_Scn *s = NULL; (s = elf_nextscn(w->elf, s));) {
        GElf_Shdr header;
        if (!gelf_getshdr(s, &header))
            continue;
        if (header.sh_type == SHT_RELA && header.sh_flags & SHF_ALLOC)
            find_slots(w, s, &header);
        if (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM)
            add_functions(w, s, &header);
        if (header.sh_type != SHT_PROGBITS || !(header.sh_flags & SHF_EXECINSTR) ||
            w->n_code == sizeof w->code / sizeof *w->code)
            continue;
        Elf_Data *data = elf_getdata(s, NULL);
        const char *name = elf_strptr(w->elf, names, header.sh_name);
        if (data && data->d_buf)
            w->code[w->n_code++] =
                (struct code){data->d_buf, header.sh_addr, header.sh_addr + data->d_size,
                              name && strncmp(name, ".plt", 4) == 0};
    }
    if (w->n_functions)
        qsort(w->functions, w->n_functions, sizeof *w->functions, by_start);
}

static const struct code *code_at(const struct walk *w, uint64_t address) {
    for (size_t i = 0; i < w->n_code; i++)
        if (address >= w->code[i].start && address < w->code[i].end)
            return &w->code[i];
    return NULL;
}

/* The function that begins at @address: as the symbols have it, or a stub. */
static bool function_at(const struct walk *w, uint64_t address, struct function *out) {
    const struct code *code = code_at(w, address);
    if (!code)
        return false;
    if (code->stubs) {
        *out = (struct function){address, address + STUB};
        return true;
    }
    const struct function key = {address, 0};
    const struct function *found =
        w->n_functions ? bsearch(&key, w->functions, w->n_functions, sizeof key, by_start)
                       : NULL;
    if (found)
        *out = *found;
    return found != NULL;
}

static void visit(struct walk *w, struct function at, unsigned depth) {
    for (size_t i = 0; i < w->n_visits; i++)
        if (w->visits[i].at.start == at.start)
            return;
    if (w->n_visits < VISITS)
        w->visits[w->n_visits++] = (struct visit){at, depth};
}

static bool is_slot(const struct walk *w, uint64_t address) {
    for (size_t i = 0; i < w->n_slots; i++)
        if (w->slots[i] == address)
            return true;
    return false;
}

enum step { STEP_NONE, STEP_CALL, STEP_JUMP };

/* --- x86-64 --- */

static int32_t distance(const uint8_t *p) {
    int32_t d;
    memcpy(&d, p, sizeof d);
    return d;
}

static bool x86_loads_slot(const struct walk *w, const uint8_t *p, uint64_t address) {
    return is_slot(w, address + 6 + (uint64_t)(int64_t)distance(p + 2));
}

/* A call or jump by a distance. */
static enum step x86_branch(const uint8_t *p, uint64_t address, uint64_t *to) {
    *to = address + 5 + (uint64_t)(int64_t)distance(p + 1);
    return p[0] == 0xe8 ? STEP_CALL : p[0] == 0xe9 ? STEP_JUMP : STEP_NONE;
}

static enum step x86_branch_by_slot(const struct walk *w, const uint8_t *p,
                                    uint64_t address) {
    if (p[0] != 0xff || (p[1] != 0x15 && p[1] != 0x25) || !x86_loads_slot(w, p, address))
        return STEP_NONE;
    return p[1] == 0x15 ? STEP_CALL : STEP_JUMP;
}

/* --- AArch64. Source: Arm Architecture Reference Manual for A-profile, C6.2 --- */

static uint32_t instruction(const uint8_t *p) {
    uint32_t i;
    memcpy(&i, p, sizeof i);
    return i;
}

/* bl and b */
static enum step arm_branch(const uint8_t *p, uint64_t address, uint64_t *to) {
    uint32_t i = instruction(p);
    int64_t words = (int32_t)(i << 6) >> 6;
    *to = address + (uint64_t)(words * 4);
    return i >> 26 == 0x25 ? STEP_CALL : i >> 26 == 0x05 ? STEP_JUMP : STEP_NONE;
}

/* adrp: its register, and the page. */
static bool arm_page(uint32_t i, uint64_t address, uint32_t *reg, uint64_t *page) {
    int64_t pages = (int64_t)((uint64_t)(i >> 5 & 0x7ffff) << 45) >> 43 | (i >> 29 & 3);
    *reg = i & 31;
    *page = (address & ~(uint64_t)4095) + (uint64_t)(pages * 4096);
    return (i & 0x9f000000) == 0x90000000;
}

/* ldr x, [@reg, #offset] of a slot. @into: the register that gets its content */
static bool arm_loads_slot(const struct walk *w, uint32_t i, uint32_t reg, uint64_t page,
                           uint32_t *into) {
    *into = i & 31;
    return (i & 0xffc00000) == 0xf9400000 && (i >> 5 & 31) == reg &&
           is_slot(w, page + (i >> 10 & 0xfff) * 8ull);
}

/* The adrp at @p begins a call or jump to what a slot holds. @n: bytes from there on */
static enum step arm_branch_by_slot(const struct walk *w, const uint8_t *p,
                                    uint64_t address, uint64_t n) {
    uint32_t base, reg = 32;
    uint64_t page;
    if (!arm_page(instruction(p), address, &base, &page))
        return STEP_NONE;
    for (uint64_t at = 4; at + 4 <= n && at <= NEAR; at += 4) {
        uint32_t i = instruction(p + at), into;
        if (arm_loads_slot(w, i, base, page, &into))
            reg = into;
        else if ((i & 0xffdffc1f) == 0xd61f0000 && (i >> 5 & 31) == reg)
            return i >> 21 & 1 ? STEP_CALL : STEP_JUMP;
    }
    return STEP_NONE;
}

/* --- both --- */

static enum step branch(const struct walk *w, const uint8_t *p, uint64_t address,
                        uint64_t *to) {
    return w->arm ? arm_branch(p, address, to) : x86_branch(p, address, to);
}

/* @n: bytes of code from @p on, at least 6 (AArch64: 4). */
static enum step branch_by_slot(const struct walk *w, const uint8_t *p, uint64_t address,
                                uint64_t n) {
    return w->arm ? arm_branch_by_slot(w, p, address, n)
                  : x86_branch_by_slot(w, p, address);
}

/* From one place where an instruction may begin to the next, and bytes that one has at most. */
static uint64_t stride(const struct walk *w) {
    return w->arm ? 4 : 1;
}
static uint64_t longest(const struct walk *w) {
    return w->arm ? 4 : 6;
}

/* Does the stub at @address lead to malloc()? */
static bool is_stub_of_target(const struct walk *w, uint64_t address) {
    const struct code *code = code_at(w, address);
    if (!code || !code->stubs)
        return false;
    const uint8_t *p = code->bytes + (address - code->start);
    uint64_t room = code->end - address;
    for (uint64_t i = 0; i + longest(w) <= STUB && i + longest(w) <= room; i += stride(w))
        if (branch_by_slot(w, p + i, address + i, room - i) == STEP_JUMP)
            return true;
    return false;
}

/* The step to malloc() in the bytes at @p, which lie at @address; @n: bytes of the function from there on. */
static enum step step_at(struct walk *w, const uint8_t *p, uint64_t address, uint64_t n,
                         unsigned depth) {
    uint64_t to;
    struct function next;
    enum step step = branch_by_slot(w, p, address, n);
    if (step)
        return step;
    step = branch(w, p, address, &to);
    if (!step)
        return STEP_NONE;
    if (is_stub_of_target(w, to))
        return step;
    if (depth < DEPTH && function_at(w, to, &next))
        visit(w, next, depth + 1);
    return STEP_NONE;
}

static void walk_function(struct walk *w, size_t i, struct allocator *a) {
    const struct visit v = w->visits[i];
    const struct code *code = code_at(w, v.at.start);
    enum step found = STEP_NONE;
    if (!code)
        return;
    uint64_t end = v.at.end < code->end ? v.at.end : code->end;
    for (uint64_t at = v.at.start; at + longest(w) <= end; at += stride(w)) {
        enum step step =
            step_at(w, code->bytes + (at - code->start), at, end - at, v.depth);
        a->reaches |= step != STEP_NONE;
        a->jumps |= step == STEP_JUMP;
        a->at_once |= step != STEP_NONE && v.depth == 0;
        found = step ? step : found;
    }
    if (!found || v.depth == 0)
        return;
    a->functions = text_grow(a->functions, a->n_functions, sizeof *a->functions);
    a->functions[a->n_functions++] = v.at;
}

/* Does code outside of the allocator's own functions call one of them directly? */
static bool is_called(const struct walk *w, const struct allocator *a) {
    for (size_t i = 0; i < w->n_code; i++) {
        const struct code *code = &w->code[i];
        for (uint64_t at = code->start; at + (w->arm ? 4 : 5) <= code->end;
             at += stride(w)) {
            uint64_t to;
            if (!branch(w, code->bytes + (at - code->start), at, &to))
                continue;
            bool inside = false, hit = false;
            for (size_t k = 0; k < a->n_functions; k++) {
                hit |= k < a->n_entries && a->functions[k].start == to;
                inside |= at >= a->functions[k].start && at < a->functions[k].end;
            }
            if (hit && !inside)
                return true;
        }
    }
    return false;
}

void allocator_reach(Elf *elf, struct allocator *a) {
    GElf_Ehdr header;
    if (!a->n_functions || !gelf_getehdr(elf, &header) ||
        (header.e_machine != EM_X86_64 && header.e_machine != EM_AARCH64))
        return;
    struct walk *w = text_alloc(sizeof *w);
    w->elf = elf;
    w->arm = header.e_machine == EM_AARCH64;
    find_code(w);
    a->n_entries = a->n_functions;
    a->called = a->kind == ALLOCATOR_MALLOC && is_called(w, a);
    for (size_t i = 0; i < a->n_functions; i++)
        visit(w, a->functions[i], 0);
    for (size_t i = 0; i < w->n_visits; i++)
        walk_function(w, i, a);
    free(w->functions);
    free(w);
}
