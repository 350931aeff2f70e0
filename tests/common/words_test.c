/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vocabulary is said once, in words.def; what cannot be made from it is held against it here: an
 * enum of the report's schema for each list, and the verdicts in the man page.
 * Usage: words_test REPORT_SCHEMA MAN_PAGE
 */
#include <cjson/cJSON.h>

#include "check.h"
#include "text.h"
#include "words.h"

#define MAX_WORDS 32

struct list {
    const char *what;
    const char *names[MAX_WORDS];
    int n;
};

static struct list lists[] = {
    {.what = "verdicts",
     .names =
         {
#define VERDICT(constant, name, severity, meaning) name,
#include "words.def"
         }},
    {.what = "severities",
     .names =
         {
             "none",
#define SEVERITY(constant, name, plural) name,
#include "words.def"
         }},
    {.what = "reasons",
     .names =
         {
#define REASON(constant, name, meaning) name,
#include "words.def"
         }},
    {.what = "hangs",
     .names =
         {
#define HANG(constant, name, meaning) name,
#include "words.def"
         }},
    {.what = "differences",
     .names =
         {
#define DIFFERENCE(name, meaning) name,
#include "words.def"
         }},
    {.what = "modes",
     .names =
         {
#define MODE(constant, name) name,
#include "words.def"
         }},
    {.what = "roles of threads",
     .names =
         {
#define ROLE(constant, name) name,
#include "words.def"
         }},
    {.what = "ways to run",
     .names =
         {
#define HOW(constant, name) name,
#include "words.def"
         }},
    {.what = "what attempts run under",
     .names =
         {
#define UNDER(constant, name) name,
#include "words.def"
         }},
    {.what = "isolations", .names = {"overlay", "copy", "shared"}}, /* "auto" is a wish */
};
#define N_LISTS (int)(sizeof lists / sizeof *lists)

static char *read_all(const char *path) {
    struct text out = {0};
    char part[4096];
    size_t n;
    FILE *f = fopen(path, "r");
    MUST_CASE(path, f != NULL);
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        text_add_n(&out, part, n);
    fclose(f);
    return text_take(&out);
}

static bool has(const cJSON *words, const char *name) {
    const cJSON *word;
    cJSON_ArrayForEach(word, words) {
        if (cJSON_IsString(word) && strcmp(word->valuestring, name) == 0)
            return true;
    }
    return false;
}

/* The same words, in any order; null beside them is no word. */
static bool is_list(const cJSON *words, const struct list *list) {
    int n = 0;
    const cJSON *word;
    cJSON_ArrayForEach(word, words) n += cJSON_IsString(word);
    for (int i = 0; i < list->n; i++)
        if (!has(words, list->names[i]))
            return false;
    return n == list->n;
}

/* Is it the enum of something below @node? */
static bool is_in(const cJSON *node, const struct list *list) {
    const cJSON *child;
    cJSON_ArrayForEach(child, node) {
        bool found = child->string && strcmp(child->string, "enum") == 0
                         ? is_list(child, list)
                         : is_in(child, list);
        if (found)
            return true;
    }
    return false;
}

static void check_names(void) {
    for (enum verdict v = VERDICT_NONE + 1; v < N_VERDICTS; v++) {
        CHECK(verdict_name(v), verdict_from_name(verdict_name(v)) == v);
        CHECK(verdict_name(v), *verdict_meaning(v) != 0);
    }
    for (enum severity s = SEVERITY_NONE + 1; s < N_SEVERITIES; s++)
        CHECK(severity_name(s), severity_from_name(severity_name(s)) == s);
    for (enum reason r = REASON_TESTED + 1; r < N_REASONS; r++)
        CHECK(reason_name(r), reason_from_name(reason_name(r)) == r);
    CHECK("unknown", verdict_from_name("?") == VERDICT_NONE);
    CHECK("unknown", verdict_from_name(NULL) == VERDICT_NONE);
    CHECK("unknown", fault_mode_from_name("none") == MODE_ONCE);
    CHECK("worse", VERDICT_CRASHED > VERDICT_DEGRADED);
    CHECK("worse", SEVERITY_BUG > SEVERITY_WARNING);
    CHECK("tested", VERDICT_HANDLED > VERDICT_UNREACHED);
}

int main(int argc, char **argv) {
    MUST_CASE("usage: words_test REPORT_SCHEMA MAN_PAGE", argc == 3);
    AUTO_FREE char *schema_text = read_all(argv[1]), *page = read_all(argv[2]);
    cJSON *schema = cJSON_Parse(schema_text);
    MUST_CASE(argv[1], schema != NULL);
    for (int i = 0; i < N_LISTS; i++) {
        while (lists[i].n < MAX_WORDS && lists[i].names[lists[i].n])
            lists[i].n++;
        CHECK(lists[i].what, is_in(schema, &lists[i]));
    }
    for (int i = 0; i < lists[0].n; i++) {
        AUTO_FREE char *item = text_format("\n.B %s\n", lists[0].names[i]);
        CHECK(lists[0].names[i], strstr(page, item) != NULL);
    }
    check_names();
    cJSON_Delete(schema);
    return check_result();
}
