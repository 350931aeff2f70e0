/* SPDX-License-Identifier: Apache-2.0 */
/* The scope of a failure that lasts: what each return address of a module is, known or not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "check.h"
#include "scope.h"
#include "shm.h"
#include "text.h"

#define LIST(...)                                                                        \
    (const char *const[]){__VA_ARGS__},                                                  \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

static const struct dearth_key program = {1, 1}, library = {2, 2};

/* f [0x100, 0x180), g [0x180, 0x1c0), nothing, a test harness's [0x200, 0x240) */
static const struct scope_function functions[] = {
    {0x100, 0x180, "f", "f", "/src/f.c"},
    {0x180, 0x1c0, "g", "g", "/src/g.c"},
    {0x200, 0x240, "testing::UnitTest::Run", NULL, NULL},
};

/* In g, at 0x190, f is inlined; in f, at 0x110, nothing is. */
static const char *const f_names[] = {"f"}, *const fg_names[] = {"f", "g"};
static const char *const f_files[] = {"/src/f.c"}, *const fg_files[] = {"/src/f.c",
                                                                        "/src/g.c"};
static const uint32_t lines[] = {1, 2};
static const struct plan_frame frames[] = {
    {.module = "/bin/prog",
     .module_key = {1, 1},
     .functions = fg_names,
     .files = fg_files,
     .lines = lines,
     .n_symbols = 2,
     .offset = 0x190},
    {.module = "/bin/prog",
     .module_key = {1, 1},
     .functions = f_names,
     .files = f_files,
     .lines = lines,
     .n_symbols = 1,
     .offset = 0x110},
};

static int add_classes(char *to, uint64_t classes) {
    static const char letters[] = "IXOPHE?";
    int n = 0;
    for (int bit = 0; letters[bit]; bit++)
        if (classes >> bit & 1)
            to[n++] = letters[bit];
    to[n] = '\0';
    return n;
}

/* "101:I? 110:I 111:I? ...": from which return address on it is what; before that, what it is before them. */
static const char *describe(const struct shm_scope *scope, uint32_t module) {
    static char line[512];
    const struct shm_scope_module *m = &scope->modules[module];
    int n = add_classes(line, m->classes);
    for (uint32_t i = 0; i < m->n; i++) {
        uint64_t entry = scope->entries[m->first + i];
        n += snprintf(line + n, sizeof line - (size_t)n, "%s%llx:", n ? " " : "",
                      (unsigned long long)(entry >> SHM_SCOPE_CLASS_BITS));
        n += add_classes(line + n, entry & 0xff);
    }
    return line;
}

static const struct {
    const char *name, *wanted;
    struct scope_rule rule;
    bool inlines, known;
} cases[] = {
    {"a function, where nothing is inlined",
     "101:I 181: 190:I 191: 201:H 241:",
     {.in = LIST("f")},
     false,
     true},
    {"and where something may be",
     "101:I? 110:I 111:I? 181:? 190:I 191:? 1c1: 201:H? 241:",
     {.in = LIST("f")},
     true,
     true},
    {"a source file, less a function",
     "101:O 181: 190:O 191: 201:H 241:",
     {.own = LIST("*.c"), .not_own = LIST("g")},
     false,
     true},
    {"what is left out", "181:X 1c1: 201:H 241:", {.not_in = LIST("g")}, false, true},
    {"a module, with the harness in it", "I", {.in = LIST("prog")}, false, true},
    {"functions that cannot be read",
     "? 110:I 111:? 190:I 191:?",
     {.in = LIST("f")},
     false,
     false},
};

static void test_addresses(const struct catalogue *catalogue) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct scope_module modules[] = {
            {.key = {2, 2}, .path = "/lib/other.so", .known = true},
            {.key = {1, 1},
             .path = "/bin/prog",
             .known = cases[i].known,
             .inlines = cases[i].inlines,
             .functions = functions,
             .n_functions = cases[i].known ? 3 : 0}};
        const struct scope_input input = {.frames = frames,
                                          .n_frames = 2,
                                          .modules = modules,
                                          .n_modules = 2,
                                          .catalogue = catalogue,
                                          .exe = "/bin/prog"};
        uint32_t left_out = 1;
        struct shm_scope *scope = scope_make(&input, &cases[i].rule, &left_out);
        CHECK_TEXT(cases[i].name, cases[i].wanted, describe(scope, 1));
        CHECK(cases[i].name, left_out == 0 && scope->n_modules == 2 &&
                                 key_equal(scope->modules[0].key, library) &&
                                 key_equal(scope->modules[1].key, program));
        free(scope);
    }
}

static void test_text(void) {
    const struct scope_rule none = {0},
                            rule = {.own = LIST("a*", "\"b\""), .not_in = LIST("c")},
                            suite = {.tree = "/src", .target = true};
    struct scope_rule read;
    AUTO_FREE char *text = scope_text(&rule);
    AUTO_FREE char *suite_text = scope_text(&suite);
    CHECK("none", !scope_is_given(&none) && !scope_text(&none));
    CHECK_TEXT("rule", "{\"own\":[\"a*\",\"\\\"b\\\"\"],\"not_in\":[\"c\"]}", text);
    scope_parse(text, &read);
    AUTO_FREE char *again = scope_text(&read);
    CHECK_TEXT("read and written again", text, again);
    scope_rule_deinit(&read);
    scope_parse(suite_text, &read);
    CHECK("a suite's", read.target && read.tree && strcmp(read.tree, "/src") == 0);
    scope_rule_deinit(&read);
    scope_parse(NULL, &read);
    CHECK("nothing", !scope_is_given(&read));
    CHECK("keys", !key_equal(scope_key(text), scope_key(suite_text)) &&
                      key_equal(scope_key(NULL), (struct dearth_key){0}));
}

int main(void) {
    struct catalogue *catalogue = catalogue_new();
    test_addresses(catalogue);
    test_text();
    catalogue_free(catalogue);
    return check_result();
}
