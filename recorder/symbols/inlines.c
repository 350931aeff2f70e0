/* SPDX-License-Identifier: Apache-2.0 */
/* Functions and inlined calls by address: see inlines.h. Reads files that may be damaged:
 * every step may fail, recursion is bounded, and what cannot be read is left out. */
#include "inlines.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define MAX_NESTING 256 /* of DIEs; GCC's C++ stays below 50 */

struct scope { /* one range of one inlined call */
    uint64_t lo, hi;
    uint32_t function; /* index before sorting: functions[].serial */
    uint32_t order;    /* of appearance: an outer call comes before its inner ones */
    Dwarf_Die die;
};

struct function { /* one range of a physical function */
    uint64_t lo, hi, entry;
    uint32_t serial;
    uint32_t first_scope, end_scope;
    Dwarf_Die die;
};

struct unit {
    Dwarf_Die die;      /* for lines */
    Dwarf_Die tree;     /* for functions: the split unit if there is one */
    const char *folder; /* DW_AT_comp_dir */
    bool loaded;
    struct function *functions;
    struct scope *scopes;
    uint32_t n_functions, n_scopes, n_serials;
};

struct unit_range {
    uint64_t lo, hi;
    uint32_t unit;
};

struct inlines {
    struct unit *units;
    struct unit_range *ranges;
    uint32_t n_units, n_ranges;
    bool split;
};

static int compare_ranges(const void *a, const void *b) {
    const struct unit_range *x = a, *y = b;
    return x->lo != y->lo ? (x->lo < y->lo ? -1 : 1)
                          : (x->unit > y->unit) - (x->unit < y->unit);
}

/* Next range of a DIE; @offset 0 begins. Return: > 0 while there is one. Ranges at 0
 * belong to code that the linker threw away. */
static ptrdiff_t next_range(Dwarf_Die *die, ptrdiff_t offset, uint64_t *lo,
                            uint64_t *hi) {
    Dwarf_Addr base, start, end;
    do {
        offset = dwarf_ranges(die, offset, &base, &start, &end);
    } while (offset > 0 && (start >= end || !start));
    *lo = start;
    *hi = end;
    return offset;
}

static void add_unit(struct inlines *in, Dwarf_Die *die, Dwarf_Die *split) {
    uint64_t lo, hi;
    uint32_t before = in->n_ranges;
    for (ptrdiff_t at = 0; (at = next_range(die, at, &lo, &hi)) > 0;) {
        in->ranges = text_grow(in->ranges, in->n_ranges, sizeof *in->ranges);
        in->ranges[in->n_ranges++] = (struct unit_range){lo, hi, in->n_units};
    }
    if (in->n_ranges == before)
        return;
    in->units = text_grow(in->units, in->n_units, sizeof *in->units);
    Dwarf_Attribute attribute;
    in->units[in->n_units++] = (struct unit){
        .die = *die,
        .tree = split && split->addr ? *split : *die,
        .folder = dwarf_formstring(dwarf_attr(die, DW_AT_comp_dir, &attribute)),
    };
}

struct inlines *inlines_new(Dwarf *dwarf) {
    struct inlines *in = text_alloc(sizeof *in);
    Dwarf_CU *cu = NULL;
    Dwarf_Half version;
    uint8_t type;
    Dwarf_Die die, split;
    while (dwarf_get_units(dwarf, cu, &cu, &version, &type, &die, &split) == 0) {
        in->split |= type == DW_UT_skeleton;
        if (type == DW_UT_compile || type == DW_UT_skeleton)
            add_unit(in, &die, type == DW_UT_skeleton ? &split : NULL);
    }
    if (!in->n_units)
        return inlines_free(in);
    qsort(in->ranges, in->n_ranges, sizeof *in->ranges, compare_ranges);
    return in;
}

bool inlines_are_split(const struct inlines *in) {
    return in->split;
}

struct inlines *inlines_free(struct inlines *in) {
    if (!in)
        return NULL;
    for (uint32_t i = 0; i < in->n_units; i++) {
        free(in->units[i].functions);
        free(in->units[i].scopes);
    }
    free(in->units);
    free(in->ranges);
    free(in);
    return NULL;
}

static void add_function(struct unit *u, Dwarf_Die *die, uint32_t serial) {
    uint64_t lo, hi;
    Dwarf_Addr entry = 0;
    if (dwarf_entrypc(die, &entry) != 0)
        entry = 0;
    for (ptrdiff_t at = 0; (at = next_range(die, at, &lo, &hi)) > 0;) {
        u->functions = text_grow(u->functions, u->n_functions, sizeof *u->functions);
        u->functions[u->n_functions++] = (struct function){
            .lo = lo, .hi = hi, .entry = entry, .serial = serial, .die = *die};
    }
}

static void add_scope(struct unit *u, Dwarf_Die *die, uint32_t serial) {
    uint64_t lo, hi;
    for (ptrdiff_t at = 0; (at = next_range(die, at, &lo, &hi)) > 0;) {
        u->scopes = text_grow(u->scopes, u->n_scopes, sizeof *u->scopes);
        u->scopes[u->n_scopes] = (struct scope){
            .lo = lo, .hi = hi, .function = serial, .order = u->n_scopes, .die = *die};
        u->n_scopes++;
    }
}

/* Collect below @parent. @serial: of the function we are in, 0 = none. */
static void collect(struct unit *u, Dwarf_Die *parent, uint32_t serial, int nesting) {
    Dwarf_Die die;
    if (nesting > MAX_NESTING || dwarf_child(parent, &die) != 0)
        return;
    do {
        switch (dwarf_tag(&die)) {
        case DW_TAG_subprogram:
            add_function(u, &die, ++u->n_serials);
            collect(u, &die, u->n_serials, nesting + 1);
            break;
        case DW_TAG_inlined_subroutine:
            if (serial)
                add_scope(u, &die, serial);
            collect(u, &die, serial, nesting + 1);
            break;
        case DW_TAG_lexical_block:
        case DW_TAG_namespace:
        case DW_TAG_module:
        case DW_TAG_class_type:
        case DW_TAG_structure_type:
        case DW_TAG_union_type:
        case DW_TAG_enumeration_type: /* Rust: methods of an enum */
        case DW_TAG_interface_type:
            collect(u, &die, serial, nesting + 1);
            break;
        default:
            break;
        }
    } while (dwarf_siblingof(&die, &die) == 0);
}

static int compare_functions(const void *a, const void *b) {
    const struct function *x = a, *y = b;
    return x->lo != y->lo ? (x->lo < y->lo ? -1 : 1)
                          : (x->serial > y->serial) - (x->serial < y->serial);
}

static int compare_scopes(const void *a, const void *b) {
    const struct scope *x = a, *y = b;
    return x->function != y->function ? (x->function < y->function ? -1 : 1)
                                      : (x->order > y->order) - (x->order < y->order);
}

static void load_unit(struct unit *u) {
    u->loaded = true;
    collect(u, &u->tree, 0, 0);
    if (u->n_functions)
        qsort(u->functions, u->n_functions, sizeof *u->functions, compare_functions);
    if (u->n_scopes)
        qsort(u->scopes, u->n_scopes, sizeof *u->scopes, compare_scopes);
    uint32_t *first = text_alloc((u->n_serials + 2u) * sizeof *first);
    for (uint32_t i = 0; i < u->n_scopes; i++)
        first[u->scopes[i].function + 1]++;
    for (uint32_t s = 1; s < u->n_serials + 2u; s++)
        first[s] += first[s - 1];
    for (uint32_t i = 0; i < u->n_functions; i++) {
        struct function *f = &u->functions[i];
        f->first_scope = first[f->serial];
        f->end_scope = first[f->serial + 1];
    }
    free(first);
}

/* Ranges hardly ever overlap (one linker's duplicate, a nested function): look a few
 * back. */
#define LOOK_BACK 16u

static struct unit *unit_of(struct inlines *in, uint64_t address) {
    uint32_t lo = 0, hi = in->n_ranges;
    while (lo < hi) {
        uint32_t middle = lo + (hi - lo) / 2;
        if (in->ranges[middle].lo <= address)
            lo = middle + 1;
        else
            hi = middle;
    }
    for (uint32_t i = 0; i < LOOK_BACK && lo > i; i++)
        if (address < in->ranges[lo - 1 - i].hi)
            return &in->units[in->ranges[lo - 1 - i].unit];
    return NULL;
}

static const struct function *function_of(const struct unit *u, uint64_t address) {
    uint32_t lo = 0, hi = u->n_functions;
    while (lo < hi) {
        uint32_t middle = lo + (hi - lo) / 2;
        if (u->functions[middle].lo <= address)
            lo = middle + 1;
        else
            hi = middle;
    }
    for (uint32_t i = 0; i < LOOK_BACK && lo > i; i++)
        if (address < u->functions[lo - 1 - i].hi)
            return &u->functions[lo - 1 - i];
    return NULL;
}

static const char *text_attribute(Dwarf_Die *die, unsigned name) {
    Dwarf_Attribute attribute;
    return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

static void name_of(Dwarf_Die *die, struct inline_line *out) {
    *out = (struct inline_line){.name = dwarf_diename(die),
                                .linkage_name = text_attribute(die, DW_AT_linkage_name)};
    if (!out->linkage_name)
        out->linkage_name = text_attribute(die, DW_AT_MIPS_linkage_name);
}

/* The row of the line table for @address. A row of line 0 is code without a source line:
 * the nearest row before it in the same file stands in, not below @lowest, where the
 * innermost function begins. */
static void source_of(struct unit *u, uint64_t lowest, uint64_t address,
                      struct inline_line *out) {
    Dwarf_Line *line = dwarf_getsrc_die(&u->die, address);
    int number = 0, column = 0;
    while (line && dwarf_lineno(line, &number) == 0) {
        const char *file = dwarf_linesrc(line, NULL, NULL);
        Dwarf_Addr at;
        if (out->file && (!file || strcmp(file, out->file) != 0))
            return;
        out->file = file;
        out->line = number > 0 ? (uint32_t)number : 0;
        out->column = out->line && dwarf_linecol(line, &column) == 0 && column > 0
                          ? (uint32_t)column
                          : 0;
        if (out->line || dwarf_lineaddr(line, &at) != 0 || at <= lowest)
            return;
        line = dwarf_getsrc_die(&u->die, at - 1);
    }
}

/* Functions may be in a file that is not there (-gsplit-dwarf): the line table still is. */
static uint32_t line_alone(struct unit *u, uint64_t address, struct inline_line *out) {
    *out = (struct inline_line){.folder = u->folder};
    source_of(u, address, address, out);
    return out->file && out->line;
}

/* Where the inlined call @die was written. */
static void call_site_of(struct unit *u, Dwarf_Die *die, struct inline_line *out) {
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    Dwarf_Files *files;
    size_t n;
    if (dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &attribute), &value) == 0)
        out->line = (uint32_t)value;
    if (dwarf_formudata(dwarf_attr(die, DW_AT_call_column, &attribute), &value) == 0)
        out->column = (uint32_t)value;
    if (dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &attribute), &value) == 0 &&
        dwarf_getsrcfiles(&u->tree, &files, &n) == 0 && value < n)
        out->file = dwarf_filesrc(files, value, NULL, NULL);
}

uint32_t inlines_look_up(struct inlines *in, uint64_t address,
                         struct inline_line out[static INLINES_MAX]) {
    struct unit *u = unit_of(in, address);
    if (!u)
        return 0;
    if (!u->loaded)
        load_unit(u);
    const struct function *f = function_of(u, address);
    if (!f)
        return line_alone(u, address, &out[0]);
    struct scope *chain[INLINES_MAX - 1]; /* outer to inner */
    uint32_t depth = 0;
    for (uint32_t i = f->first_scope; i < f->end_scope && depth < INLINES_MAX - 1; i++)
        if (u->scopes[i].lo <= address && address < u->scopes[i].hi)
            chain[depth++] = &u->scopes[i];
    uint32_t n = 0;
    for (uint32_t i = depth; i-- > 0;)
        name_of(&chain[i]->die, &out[n++]);
    Dwarf_Die physical = f->die;
    name_of(&physical, &out[n++]);
    out[n - 1].start = f->entry;
    source_of(u, depth ? chain[depth - 1]->lo : f->lo, address, &out[0]);
    for (uint32_t i = 1; i < n; i++)
        call_site_of(u, &chain[depth - i]->die, &out[i]);
    for (uint32_t i = 0; i < n; i++)
        out[i].folder = u->folder;
    return n;
}
