/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See suite_runner.h. What runners print and take is as their manuals have it:
 * google.github.io/googletest/advanced.html, Catch2's docs/command-line.md, doc.rust-lang.org/rustc/tests,
 * Check's manual (Selective Running of Tests, Test Logging), criterion.readthedocs.io, docs.pytest.org.
 */
#include "suite_runner.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

enum kind { GOOGLETEST, CATCH2, LIBTEST, CHECK, CRITERION, PYTEST, N_KINDS };
#define LIST_MOST 5

struct suite_runner {
    const char *harness;
    const char *list[2][LIST_MOST]; /* by way: arguments that list */
    const char
        *file_variable; /* names the file that it writes the list to; NULL = none */
    bool
        picks; /* an argument that is no option chooses tests: one more would add to them */
    const char *valued[16]; /* options whose next argument is theirs */
};

static const struct suite_runner runners[N_KINDS] = {
    [GOOGLETEST] = {"GoogleTest", {{"--gtest_list_tests"}}, NULL, false, {NULL}},
    /* that of version 2, then of 3; hidden tests are left out */
    [CATCH2] = {"Catch2",
                {{"--list-test-names-only", "~[.]"},
                 {"--list-tests", "--verbosity", "quiet", "~[.]"}},
                NULL,
                true,
                {"-r", "-o", "-n", "-d", "-w", "-v", "-x", "--reporter", "--out",
                 "--durations", "--warn", "--order", "--rng-seed", "--verbosity",
                 "--colour-mode"}},
    [LIBTEST] = {"libtest",
                 {{"--list", "--format", "terse"}},
                 NULL,
                 true,
                 {"--test-threads", "--skip", "--format", "--color", "--logfile", "-Z",
                  "--shuffle-seed"}},
    [CHECK] = {"Check", {{NULL}}, "CK_XML_LOG_FILE_NAME", false, {NULL}},
    [CRITERION] = {"Criterion", {{"--list", "--ascii"}}, NULL, false, {NULL}},
    [PYTEST] = {"pytest",
                {{"--collect-only", "--verbosity=-1"}},
                NULL,
                false,
                {"-k", "-m", "-p", "-c", "-o", "-W", "-n", "-r", "--rootdir",
                 "--confcutdir", "--basetemp", "--ignore", "--deselect", "--junitxml",
                 "--cov"}},
};

static enum kind kind_of(const struct suite_runner *runner) {
    return (enum kind)(runner - runners);
}

const struct suite_runner *suite_runner_find(const char *harness) {
    for (uint32_t i = 0; i < N_KINDS; i++)
        if (strcmp(runners[i].harness, harness) == 0)
            return &runners[i];
    return NULL;
}

const char *suite_runner_name(const struct suite_runner *runner) {
    return runner->harness;
}

static bool is_python(const char *name) {
    return strncmp(text_basename(name), "python", 6) == 0;
}

static bool names_pytest(const char *name) {
    const char *base = text_basename(name);
    return strcmp(base, "pytest") == 0 || strcmp(base, "py.test") == 0 ||
           strcmp(base, "pytest-3") == 0;
}

/* Where its own arguments begin; 0 = it is another command. */
static uint32_t after_pytest(char *const *argv) {
    for (uint32_t i = 1; argv[0] && is_python(argv[0]) && argv[i]; i++) {
        if (strcmp(argv[i], "-m") == 0 && argv[i + 1])
            return names_pytest(argv[i + 1]) ? i + 2 : 0;
        if (argv[i][0] != '-')
            return names_pytest(argv[i]) ? i + 1 : 0;
    }
    return 0;
}

bool suite_runner_is_pytest(char *const *argv) {
    return after_pytest(argv) > 0;
}

/* --- lists --- */

static void *free_list(char **list) {
    for (char **s = list; s && *s; s++)
        free(*s);
    free(list);
    return NULL;
}

void suite_start_deinit(struct suite_start *s) {
    s->argv = free_list(s->argv);
    s->more = free_list(s->more);
    free(s->shown);
    s->shown = NULL;
}

void suite_cases_deinit(struct suite_cases *cases) {
    for (uint32_t i = 0; i < cases->n; i++) {
        free(cases->items[i].name);
        free(cases->items[i].pattern);
        free(cases->items[i].group);
    }
    free(cases->items);
    *cases = (struct suite_cases){0};
}

static void add_case(struct suite_cases *cases, char *name, char *pattern, char *group) {
    for (uint32_t i = 0; i < cases->n; i++)
        if (strcmp(cases->items[i].pattern, pattern) == 0) { /* Check: of one case */
            free(name);
            free(pattern);
            free(group);
            return;
        }
    cases->items = text_grow(cases->items, cases->n, sizeof *cases->items);
    cases->items[cases->n++] = (struct suite_case){name, pattern, group};
}

bool suite_cases_group(struct suite_cases *cases) {
    struct suite_cases groups = {0};
    for (uint32_t i = 0; i < cases->n; i++)
        if (cases->items[i].group)
            add_case(&groups, text_dup(cases->items[i].group),
                     text_dup(cases->items[i].group), NULL);
    if (!groups.n || groups.n == cases->n) {
        suite_cases_deinit(&groups);
        return false;
    }
    suite_cases_deinit(cases);
    *cases = groups;
    return true;
}

static void add_to(char ***list, char *item) {
    uint32_t n = 0;
    while (*list && (*list)[n])
        n++;
    *list = text_realloc(*list, (n + 2) * sizeof **list);
    (*list)[n] = item;
    (*list)[n + 1] = NULL;
}

static bool takes_value(const struct suite_runner *r, const char *option) {
    for (uint32_t i = 0; i < sizeof r->valued / sizeof *r->valued && r->valued[i]; i++)
        if (strcmp(r->valued[i], option) == 0)
            return true;
    return false;
}

/* --- arguments --- */

/* "tests", "tests/test_x.py::test_y": what pytest is to collect from. */
static bool is_there(const char *argument, const char *cwd) {
    AUTO_FREE char *path = text_format(
        "%s%s%.*s", argument[0] == '/' ? "" : cwd, argument[0] == '/' ? "" : "/",
        (int)(strstr(argument, "::") ? strstr(argument, "::") - argument
                                     : (long)strlen(argument)),
        argument);
    return access(path, F_OK) == 0;
}

static bool picks_tests(const struct suite_runner *r, char *const *argv) {
    for (uint32_t i = 1; r->picks && argv[0] && argv[i]; i++)
        if (argv[i][0] != '-' && !takes_value(r, argv[i - 1]))
            return true;
    return false;
}

/* All of them; of pytest's, without what it collects from. */
static void copy_arguments(const struct suite_runner *r, char *const *argv,
                           const char *cwd, bool all, char ***out) {
    uint32_t from = kind_of(r) == PYTEST && !all ? after_pytest(argv) : UINT32_MAX;
    for (uint32_t i = 0; argv[i]; i++) {
        bool place = i >= from && argv[i][0] != '-' &&
                     (i == from || !takes_value(r, argv[i - 1])) &&
                     is_there(argv[i], cwd);
        if (!place)
            add_to(out, text_dup(argv[i]));
    }
}

uint32_t suite_runner_ways(const struct suite_runner *runner) {
    return runner->list[1][0] ? 2 : 1;
}

bool suite_runner_writes(const struct suite_runner *runner) {
    return runner->file_variable != NULL;
}

bool suite_runner_list(const struct suite_runner *r, uint32_t way, char *const *argv,
                       const char *cwd, const char *file, struct suite_start *out) {
    *out = (struct suite_start){0};
    if (!argv[0] || picks_tests(r, argv))
        return false;
    copy_arguments(r, argv, cwd, true, &out->argv);
    for (uint32_t i = 0; i < LIST_MOST && r->list[way][i]; i++)
        add_to(&out->argv, text_dup(r->list[way][i]));
    if (r->file_variable)
        add_to(&out->more, text_format("%s=%s", r->file_variable, file));
    return true;
}

/* A test's name as Catch2's own syntax takes it. */
static char *catch2_pattern(const char *name) {
    struct text t = {0};
    for (const char *c = name; *c; c++)
        text_addf(&t, strchr(",[]*\"\\", *c) || (c == name && *c == '~') ? "\\%c" : "%c",
                  *c);
    return text_take(&t);
}

static void show(struct suite_start *s, uint32_t from) {
    struct text t = {0};
    for (char **m = s->more; m && *m; m++) {
        text_add(&t, t.n ? " " : "");
        text_add_shell_shown(&t, *m);
    }
    for (char **a = s->argv + from; *a; a++) {
        text_add(&t, t.n ? " " : "");
        text_add_shell_shown(&t, *a);
    }
    s->shown = text_take(&t);
}

static uint32_t length(char *const *list) {
    uint32_t n = 0;
    while (list[n])
        n++;
    return n;
}

void suite_runner_choose(const struct suite_runner *r, const struct suite_case *test,
                         char *const *argv, const char *cwd, struct suite_start *out) {
    *out = (struct suite_start){0};
    copy_arguments(r, argv, cwd, false, &out->argv);
    uint32_t from = length(out->argv);
    const char *slash;
    switch (kind_of(r)) {
    case GOOGLETEST:
        add_to(&out->argv, text_format("--gtest_filter=%s", test->pattern));
        break;
    case LIBTEST:
        add_to(&out->argv, text_dup("--exact"));
        add_to(&out->argv, text_dup(test->pattern));
        break;
    case CRITERION:
        add_to(&out->argv, text_dup("--filter"));
        add_to(&out->argv, text_dup(test->pattern));
        break;
    case CHECK: /* "SUITE\nCASE", or "SUITE" */
        slash = strchr(test->pattern, '\n');
        add_to(&out->more, text_format("CK_RUN_SUITE=%.*s",
                                       (int)(slash ? slash - test->pattern
                                                   : (long)strlen(test->pattern)),
                                       test->pattern));
        if (slash)
            add_to(&out->more, text_format("CK_RUN_CASE=%s", slash + 1));
        break;
    case CATCH2:
    case PYTEST:
    case N_KINDS:
        add_to(&out->argv, text_dup(test->pattern));
        break;
    }
    show(out, from);
}

/* --- their lists --- */

static void parse_googletest(const char *line, char **suite, struct suite_cases *out) {
    AUTO_FREE char *word = text_format(
        "%.*s", (int)strcspn(line + strspn(line, " "), " "), line + strspn(line, " "));
    size_t n = strlen(word);
    if (line[0] != ' ') { /* "Suite.", before it what main() prints */
        free(*suite);
        *suite = n > 1 && word[n - 1] == '.' ? text_dup(word) : NULL;
    } else if (*suite && strncmp(line, "  ", 2) == 0 && n && !strstr(word, "DISABLED_") &&
               !strstr(*suite, "DISABLED_")) {
        add_case(out, text_format("%s%s", *suite, word),
                 text_format("%s%s", *suite, word), text_format("%s*", *suite));
    }
}

static void parse_catch2(const char *line, struct suite_cases *out) {
    size_t n = strlen(line);
    AUTO_FREE char *name = text_dup(line);
    if (n > 2 && line[0] == '"' && line[1] == '#' && line[n - 1] == '"') {
        free(name);
        name = text_format("%.*s", (int)n - 2, line + 1);
    }
    if (n && line[0] != ' ' && name[0] != '-')
        add_case(out, text_dup(name), catch2_pattern(name), NULL);
}

static void parse_libtest(const char *line, struct suite_cases *out) {
    const char *end = strstr(line, ": test");
    if (end && strcmp(end, ": test") == 0)
        add_case(out, text_format("%.*s", (int)(end - line), line),
                 text_format("%.*s", (int)(end - line), line), NULL);
}

/* "words: 2 tests", then "|-- copies" and, as the last, "`-- two". */
static void parse_criterion(const char *line, char **suite, struct suite_cases *out) {
    const char *colon = strstr(line, ": "), *name = strstr(line, "-- ");
    if (name && *suite) {
        add_case(out, text_format("%s/%s", *suite, name + 3),
                 text_format("%s/%s", *suite, name + 3), text_format("%s/*", *suite));
    } else if (colon && strstr(colon, " test")) {
        free(*suite);
        *suite = text_format("%.*s", (int)(colon - line), line);
    }
}

/* Node ids, and nothing else that has "::" at its first blank. */
static void parse_pytest(const char *line, struct suite_cases *out) {
    const char *colons = strstr(line, "::"), *blank = strchr(line, ' ');
    if (!colons || (blank && blank < colons))
        return;
    add_case(out, text_dup(line), text_dup(line),
             text_format("%.*s", (int)(colons - line), line));
}

static char *from_xml(const char *s, size_t n) {
    static const char *const names[][2] = {
        {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}};
    struct text t = {0};
    for (const char *end = s + n; s < end; s++) {
        const char *as = NULL;
        for (size_t i = 0; i < sizeof names / sizeof *names && !as; i++)
            if (strncmp(s, names[i][0], strlen(names[i][0])) == 0) {
                as = names[i][1];
                s += strlen(names[i][0]) - 1;
            }
        text_add_n(&t, as ? as : s, 1);
    }
    return text_take(&t);
}

/* The text of an element of the log; NULL = another line. */
static char *element(const char *line, const char *name) {
    AUTO_FREE char *open = text_format("<%s>", name);
    AUTO_FREE char *close = text_format("</%s>", name);
    const char *start = strstr(line, open), *end = start ? strstr(start, close) : NULL;
    start = start ? start + strlen(open) : NULL;
    return end ? from_xml(start, (size_t)(end - start)) : NULL;
}

static void parse_check(const char *line, char **suite, struct suite_cases *out) {
    char *title = element(line, "title");
    AUTO_FREE char *name = element(line, "description");
    if (title) {
        free(*suite);
        *suite = title;
    }
    if (name && *suite && !strchr(name, '\n'))
        add_case(out, text_format("%s: %s", *suite, name),
                 text_format("%s\n%s", *suite, name), text_dup(*suite));
}

static void parse_line(const struct suite_runner *r, const char *line, char **suite,
                       struct suite_cases *out) {
    switch (kind_of(r)) {
    case GOOGLETEST:
        parse_googletest(line, suite, out);
        break;
    case CATCH2:
        parse_catch2(line, out);
        break;
    case LIBTEST:
        parse_libtest(line, out);
        break;
    case CHECK:
        parse_check(line, suite, out);
        break;
    case CRITERION:
        parse_criterion(line, suite, out);
        break;
    case PYTEST:
    case N_KINDS:
        parse_pytest(line, out);
        break;
    }
}

struct suite_cases suite_runner_parse(const struct suite_runner *r, const char *text) {
    struct suite_cases out = {0};
    AUTO_FREE char *suite = NULL;
    for (const char *line = text, *end; *line; line = *end ? end + 1 : end) {
        end = line + strcspn(line, "\n");
        AUTO_FREE char *one = text_format("%.*s", (int)(end - line), line);
        parse_line(r, one, &suite, &out);
    }
    return out;
}
