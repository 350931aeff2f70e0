/* SPDX-License-Identifier: Apache-2.0 */
/* Table test of the catalogue's syntax: what is refused, where, and what the built-in files hold. */
#include "catalogue.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "text.h"

static const struct {
    const char *name, *text;
    const char *error; /* a part of the message; NULL = none */
} cases[] = {
    {"nothing", "", NULL},
    {"comments and blanks", "# one\n\n   # two\n\t\n", NULL},
    {"no newline at the end", "[allocator]\nfunction f", NULL},
    {"lines of another system", "[allocator]\r\nfunction f\r\n", NULL},
    {"names with blanks", "[ policy  our own pool ]\nstack a b\nmessage x ... y\n", NULL},
    {"each kind of frame",
     "[own]\nfunction a\n[library]\nsymbol a\nmodule a\nfile a\nrust a\n"
     "rust-trait a\n[harness h]\nfunction a\n[machinery]\nsymbol a\n"
     "[reader]\nsymbol a\n[facility f]\neffect other words\nentry a\n",
     NULL},
    {"no section", "function f\n",
     "text:1: a line that belongs to no section; begin one"},
    {"no such kind", "\n[alocator]\n",
     "text:2: [alocator] is no kind of section; there are own, "
     "allocator, "},
    {"no bracket", "[allocator\n", "text:1: a section that does not end with ]"},
    {"empty", "[]\n", "text:1: [] is no kind of section"},
    {"a policy without a name", "[policy]\n",
     "text:1: a section of this kind has a name"},
    {"no such field", "[allocator]\n# x\nfunctoin f\n",
     "text:3: 'functoin' does not stand in [allocator]; its lines begin with function, "},
    {"a field of another kind", "[policy p]\nfunction f\n",
     "text:2: 'function' does not stand in [policy]; its lines begin with stack, message, libc-message, report"},
    {"no pattern", "[allocator]\nfunction   \n", "text:2: a line without a pattern"},
    {"parts of nothing", "[policy p]\nmessage  ... \n",
     "text:2: a line without a pattern"},
};

/* What catalogue_add_text() prints. */
static void check_case(size_t i) {
    struct catalogue *c = catalogue_new();
    char said[1024] = "";
    FILE *to = tmpfile();
    int saved = dup(STDERR_FILENO);
    fflush(stderr);
    dup2(fileno(to), STDERR_FILENO);
    int r = catalogue_add_text(c, "text", cases[i].text);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(to);
    said[fread(said, 1, sizeof said - 1, to)] = 0;
    fclose(to);
    CHECK(cases[i].name, (r < 0) == (cases[i].error != NULL));
    if (cases[i].error && !strstr(said, cases[i].error))
        CHECK_TEXT(cases[i].name, cases[i].error, said);
    if (r < 0) /* all or nothing */
        CHECK(cases[i].name, catalogue_users(c) == 0 && catalogue_texts(c) == 0);
    catalogue_free(c);
}

/* Nothing built in stands for nothing, and every kind that is looked for has something. */
static void check_builtin(void) {
    struct catalogue *c = catalogue_new();
    const struct catalogue_section *s;
    uint32_t kinds = 1u << CATALOGUE_OWN;
    for (uint32_t i = 0; (s = catalogue_section(c, i)); i++) {
        kinds |= 1u << s->kind;
        CHECK(s->name ? s->name : "section", s->n > 0);
        CHECK(s->name ? s->name : "section",
              (s->kind == CATALOGUE_FACILITY) == !!s->effect);
        for (uint32_t k = 0; k < s->n; k++)
            CHECK("line", s->lines[k].n > 0);
    }
    CHECK("all kinds", kinds == (1u << CATALOGUE_N_KINDS) - 1);
    catalogue_free(c);
}

int main(void) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(i);
    check_builtin();
    return check_result();
}
