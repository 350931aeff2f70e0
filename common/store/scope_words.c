/* SPDX-License-Identifier: Apache-2.0 */
/* See scope_words.h. */
#include "scope_words.h"

#include <cjson/cJSON.h>

#include "text.h"

/* As the options that gave them. @n: of those before */
static void add_globs(const cJSON *scope, const char *name, const char *option, int *n,
                      struct text *out) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(scope, name);
    for (const cJSON *item = list ? list->child : NULL; item; item = item->next) {
        if (!cJSON_IsString(item))
            continue;
        text_addf(out, "%s%s ", (*n)++ ? " " : "", option);
        text_add_shell_shown(out, item->valuestring);
    }
}

void scope_words_add(const char *text, struct text *out) {
    cJSON *scope = text ? cJSON_Parse(text) : NULL;
    AUTO_TEXT struct text globs = {0};
    int n = 0;
    if (!scope)
        return;
    add_globs(scope, "own", "--own", &n, &globs);
    add_globs(scope, "not_own", "--not-own", &n, &globs);
    add_globs(scope, "in", "--in", &n, &globs);
    add_globs(scope, "not_in", "--not-in", &n, &globs);
    bool suite = cJSON_HasObjectItem(scope, "tree");
    text_add(out, suite ? " in what is the project's own" : " in the scope");
    if (n)
        text_addf(out, " (%s)", globs.data);
    cJSON_Delete(scope);
}
