/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: see command_line.h. */
#include "command_line.h"

#include <stdlib.h>

#include "text.h"

static void append(char ***list, int n, char *item) {
    *list = text_realloc(*list, ((size_t)n + 2) * sizeof **list);
    (*list)[n] = item;
    (*list)[n + 1] = NULL;
}

void command_line_add(struct command_line *line, char *item) {
    append(&line->argv, line->argc, item);
    append(&line->items, line->argc, item);
    line->argc++;
}

void command_line_add_list(struct command_line *line, const char *option,
                           const struct cli_list *list) {
    for (size_t i = 0; i < list->n; i++)
        command_line_add(line, text_format("--%s=%s", option, list->items[i]));
}

void command_line_add_time(struct command_line *line, const char *option, uint64_t ns) {
    if (ns)
        command_line_add(line, text_format("--%s=%llu.%09llus", option,
                                           (unsigned long long)(ns / 1000000000),
                                           (unsigned long long)(ns % 1000000000)));
}

void command_line_deinit(struct command_line *line) {
    for (int i = 0; i < line->argc; i++)
        free(line->items[i]);
    free(line->items);
    free(line->argv);
    *line = (struct command_line){0};
}
