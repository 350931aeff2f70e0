/* SPDX-License-Identifier: Apache-2.0 */
/* See suite_names.h. */
#include "suite_names.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "suite_ask.h"
#include "text.h"

#define LIST_MOST_BYTES (64u << 20)
#define ASK_NS          20000000000u

/* A harness's list, by the folder and the command that it was read for. */
struct list {
    char *key;
    cJSON *tests; /* NULL = there is none */
};

struct suite_names {
    struct list *lists;
    uint32_t n;
};

struct suite_names *suite_names_new(void) {
    return text_alloc(sizeof(struct suite_names));
}

struct suite_names *suite_names_free(struct suite_names *names) {
    for (uint32_t i = 0; names && i < names->n; i++) {
        free(names->lists[i].key);
        cJSON_Delete(names->lists[i].tests);
    }
    if (names)
        free(names->lists);
    free(names);
    return NULL;
}

/* --- arguments, variables --- */

static const char *variable(const struct unit *u, const char *name) {
    size_t n = strlen(name);
    for (char **e = u ? u->envp : NULL; e && *e; e++)
        if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
            return *e + n + 1;
    return NULL;
}

/* What stands behind an option; NULL = it is not there. */
static const char *option(char *const *argv, const char *name) {
    size_t n = strlen(name);
    for (; *argv; argv++) {
        if (strcmp(*argv, name) == 0)
            return argv[1];
        if (strncmp(*argv, name, n) == 0 && (*argv)[n] == '=')
            return *argv + n + 1;
    }
    return NULL;
}

/* Among the first few arguments, where an interpreter has the name of its script: where it stands, from 1. */
static uint32_t is_command(char *const *argv, const char *name) {
    for (uint32_t i = 0; i < 3 && argv[i]; i++)
        if (strcmp(text_basename(argv[i]), name) == 0)
            return i + 1;
    return 0;
}

/* --- bats, cargo --- */

/* "test_it_copies_-28well-29": blanks are "_", other characters "-" and their two digits. */
static char *bats_name(const char *coded) {
    struct text t = {0};
    if (strncmp(coded, "test_", 5) == 0)
        coded += 5;
    for (const char *c = coded; *c; c++) {
        char digits[3] = {0};
        bool hex =
            *c == '-' && isxdigit((unsigned char)c[1]) && isxdigit((unsigned char)c[2]);
        if (hex)
            memcpy(digits, c + 1, 2);
        char one = hex ? (char)strtol(digits, NULL, 16) : *c == '_' ? ' ' : *c;
        text_add_n(&t, &one, 1);
        c += hex ? 2 : 0;
    }
    return text_take(&t);
}

static char *of_bats(const struct unit *u, const struct unit *parent) {
    const char *test = variable(u, "BATS_TEST_NAME"),
               *before = variable(parent, "BATS_TEST_NAME"),
               *file = variable(u, "BATS_TEST_FILENAME");
    if (!test || !file || !*test || (before && strcmp(before, test) == 0))
        return NULL;
    AUTO_FREE char *name = bats_name(test);
    return text_format("%s: %s", text_basename(file), name);
}

/* ".../deps/words-0123456789abcdef" */
static char *of_cargo(const struct unit *u) {
    const char *package = variable(u, "CARGO_PKG_NAME"), *name = text_basename(u->exe);
    const char *dash = strrchr(name, '-');
    if (!package || !dash || strlen(dash) != 17 ||
        strspn(dash + 1, "0123456789abcdef") != 16 || !strstr(u->exe, "/deps/"))
        return NULL;
    return text_format("%s: %.*s", package, (int)(dash - name), name);
}

static char *of_pytest(const struct unit *u, const struct unit *parent) {
    const char *test = variable(u, "PYTEST_CURRENT_TEST"),
               *before = variable(parent, "PYTEST_CURRENT_TEST");
    const char *phase = test ? strrchr(test, ' ') : NULL;
    if (!phase || (before && strcmp(before, test) == 0))
        return NULL;
    return text_format("%.*s", (int)(phase - test), test);
}

/* --- lists --- */

static bool same_program(const char *listed, const char *started) {
    return strcmp(listed, started) == 0 ||
           strcmp(text_basename(listed), text_basename(started)) == 0;
}

/* Is that its command line, perhaps behind an interpreter or a wrapper? */
static bool runs(const cJSON *command, char *const *argv) {
    uint32_t n = (uint32_t)cJSON_GetArraySize(command), n_argv = 0;
    while (argv[n_argv])
        n_argv++;
    if (!n || n > n_argv)
        return false;
    argv += n_argv - n;
    for (uint32_t i = 0; i < n; i++) {
        const char *word = cJSON_GetStringValue(cJSON_GetArrayItem(command, (int)i));
        if (!word || (i ? strcmp(word, argv[i]) != 0 : !same_program(word, argv[0])))
            return false;
    }
    return true;
}

static const char *find_in(const cJSON *tests, const char *member, char *const *argv) {
    const cJSON *test;
    cJSON_ArrayForEach(test, tests) if (
        runs(cJSON_GetObjectItemCaseSensitive(test, member),
             argv)) return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(test,
                                                                                 "name"));
    return NULL;
}

static struct list *list_of(struct suite_names *names, char *key, bool *fresh) {
    *fresh = false;
    for (uint32_t i = 0; i < names->n; i++)
        if (strcmp(names->lists[i].key, key) == 0) {
            free(key);
            return &names->lists[i];
        }
    names->lists = text_grow(names->lists, names->n, sizeof *names->lists);
    names->lists[names->n] = (struct list){.key = key};
    *fresh = true;
    return &names->lists[names->n++];
}

/* Arguments that list; @there: it has gone to its folder by now. free() the array. */
static char **list_arguments(const struct unit *ctest, bool there) {
    uint32_t n = 0, k = 0;
    while (ctest->argv[n])
        n++;
    char **argv = text_alloc((n + 2) * sizeof *argv);
    for (uint32_t i = 0; i < n; i++)
        if (there && strcmp(ctest->argv[i], "--test-dir") == 0)
            i++;
        else if (!there || strncmp(ctest->argv[i], "--test-dir=", 11) != 0)
            argv[k++] = ctest->argv[i];
    argv[k] = (char *)"--show-only=json-v1";
    return argv;
}

/* ctest says itself what it would run, with the same arguments. */
static cJSON *ask_ctest(const struct unit *ctest, bool there) {
    struct text out = {0};
    char **argv = list_arguments(ctest, there);
    const struct suite_question question = {.exe = ctest->exe,
                                            .cwd = ctest->cwd,
                                            .argv = argv,
                                            .envp = ctest->envp,
                                            .limit_ns = ASK_NS};
    cJSON *tests = NULL;
    if (suite_ask(&question, &out) == 0) {
        cJSON *all = cJSON_Parse(out.data);
        tests = cJSON_DetachItemFromObjectCaseSensitive(all, "tests");
        cJSON_Delete(all);
    }
    text_deinit(&out);
    free(argv);
    if (cJSON_GetArraySize(tests) || there)
        return tests;
    cJSON_Delete(tests);
    return ask_ctest(ctest, true);
}

static char *of_ctest(struct suite_names *names, const struct unit *u,
                      const struct unit *parent) {
    bool fresh;
    if (!parent || strcmp(text_basename(parent->exe), "ctest") != 0)
        return NULL;
    struct text key = {0};
    text_addf(&key, "ctest\n%s", parent->cwd);
    for (char **a = parent->argv; *a; a++)
        text_addf(&key, "\n%s", *a);
    struct list *list = list_of(names, text_take(&key), &fresh);
    if (fresh)
        list->tests = ask_ctest(parent, false);
    return text_dup(find_in(list->tests, "command", u->argv));
}

static cJSON *read_json(const char *path) {
    struct text t = {0};
    char buffer[16384];
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (fd >= 0 && t.n < LIST_MOST_BYTES && (n = read(fd, buffer, sizeof buffer)) > 0)
        text_add_n(&t, buffer, (size_t)n);
    if (fd >= 0)
        close(fd);
    cJSON *json = n == 0 && t.n ? cJSON_ParseWithLength(t.data, t.n) : NULL;
    text_deinit(&t);
    return json;
}

static char *of_meson(struct suite_names *names, const struct unit *u,
                      const struct unit *parent) {
    bool fresh;
    uint32_t at = parent ? is_command(parent->argv, "meson") : 0;
    if (!at || !parent->argv[at] || strcmp(parent->argv[at], "test") != 0)
        return NULL;
    const char *folder = option(parent->argv + at, "-C");
    char *path =
        text_format("%s/%s/meson-info/intro-tests.json",
                    folder && folder[0] == '/' ? "" : parent->cwd, folder ? folder : ".");
    struct list *list = list_of(names, path, &fresh);
    if (fresh)
        list->tests = read_json(list->key);
    if (fresh && !list->tests) { /* it has gone to its folder by now */
        AUTO_FREE char *there =
            text_format("%s/meson-info/intro-tests.json", parent->cwd);
        list->tests = read_json(there);
    }
    return text_dup(find_in(list->tests, "cmd", u->argv));
}

/* --- all --- */

char *suite_names_find(struct suite_names *names, const struct unit *u,
                       const struct unit *parent, const char **harness) {
    char *name = NULL;
    if (!u->argv || !u->argv[0])
        return NULL;
    if (option(u->argv, "--log-file") && option(u->argv, "--trs-file")) {
        *harness = "automake";
        return text_dup(option(u->argv, "--test-name"));
    }
    if ((name = of_bats(u, parent)))
        *harness = "bats";
    else if ((name = of_pytest(u, parent)))
        *harness = "pytest";
    else if ((name = of_cargo(u)))
        *harness = "cargo";
    else if ((name = of_ctest(names, u, parent)))
        *harness = "CTest";
    else if ((name = of_meson(names, u, parent)))
        *harness = "meson";
    return name;
}
