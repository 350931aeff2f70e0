/* SPDX-License-Identifier: Apache-2.0 */
/* Command-line parsing from one table per command: see cli.h. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "suggest.h"
#include "text.h"

void cli_list_deinit(struct cli_list *list) {
    free(list->items);
    *list = (struct cli_list){0};
}

void cli_given_deinit(struct cli_given *given) {
    free(given->items);
    *given = (struct cli_given){0};
}

char *cli_given_text(const struct cli_given_option *given) {
    const char *name = given->option->name;
    if (!given->value)
        return text_format("--%s%s", given->negated ? "no-" : "", name);
    return text_format("--%s=%s", name, given->value);
}

/* Print @s in lines of at most 78 columns, each but the first indented by @indent. */
static void print_wrapped(const char *s, int indent) {
    int column = indent;
    bool blank = false;
    while (*s) {
        int word = (int)strcspn(s, " \n");
        if (column > indent && column + blank + word > 78) {
            printf("\n%*s", indent, "");
            column = indent;
            blank = false;
        }
        column += printf("%s%.*s", blank ? " " : "", word, s);
        s += word;
        blank = *s == ' ';
        if (*s == '\n') {
            printf("\n%*s", s[1] == '\n' ? 0 : indent, "");
            column = indent;
        }
        s += *s != 0;
    }
    putchar('\n');
}

static void print_option(char letter, const char *name, const char *value,
                         const char *help) {
    char left[64];
    char letters[8] = "    ";
    if (letter)
        snprintf(letters, sizeof letters, "-%c, ", letter);
    int n = snprintf(left, sizeof left, "  %s--%s%s%s", letters, name, value ? " " : "",
                     value ? value : "");
    printf("%-30s", left);
    if (n >= 29)
        printf("\n%30s", "");
    print_wrapped(help, 30);
}

static void print_help(const struct cli_command *c) {
    printf("usage: dearth %s %s\n\n", c->name, c->synopsis);
    print_wrapped(c->summary, 0);
    printf("\noptions:\n");
    for (const struct cli_option *o = c->options; o && o->name; o++) {
        const char *value = o->kind == CLI_CHOICE ? o->choices : o->value;
        print_option(o->letter, o->name, value, o->help);
    }
    print_option('q', "quiet", NULL, "no progress, information or warnings");
    print_option('h', "help", NULL, "this text");
    if (c->details) {
        putchar('\n');
        print_wrapped(c->details, 0);
    }
}

static int set_choice(const struct cli_option *o, const char *value) {
    size_t len = strlen(value);
    int i = 0;
    for (const char *p = o->choices; *p; i++) {
        size_t n = strcspn(p, "|");
        if (n == len && memcmp(p, value, n) == 0) {
            *(int *)o->out = i;
            return 0;
        }
        p += n + (p[n] == '|');
    }
    return -EINVAL;
}

static int set_value(const struct cli_option *o, const char *value) {
    char *end = NULL;
    errno = 0;
    switch (o->kind) {
    case CLI_FLAG:
        *(bool *)o->out = true;
        return 0;
    case CLI_TEXT:
        *(const char **)o->out = value;
        return 0;
    case CLI_LIST: {
        struct cli_list *list = o->out;
        list->items = text_grow(list->items, list->n, sizeof *list->items);
        list->items[list->n++] = value;
        return 0;
    }
    case CLI_INT:
        *(int64_t *)o->out = strtoll(value, &end, 0);
        return end == value || *end || errno ? -EINVAL : 0;
    case CLI_REAL:
        *(double *)o->out = strtod(value, &end);
        return end == value || *end || errno ? -EINVAL : 0;
    case CLI_BYTES:
        return text_parse_bytes(value, o->out);
    case CLI_DURATION:
        return text_parse_duration(value, o->out);
    case CLI_CHOICE:
        return set_choice(o, value);
    }
    return -EINVAL;
}

static const char *value_hint(const struct cli_option *o) {
    switch (o->kind) {
    case CLI_INT:
        return "a whole number";
    case CLI_REAL:
        return "a number";
    case CLI_BYTES:
        return "a size such as 512, 64K or 1.5M";
    case CLI_DURATION:
        return "a time such as 250ms, 30s, 5m or 1h";
    case CLI_CHOICE:
        return o->choices;
    default:
        return o->value;
    }
}

static const struct cli_option *find_long(const struct cli_command *c, const char *name,
                                          size_t n, bool *negated) {
    *negated = false;
    for (const struct cli_option *o = c->options; o && o->name; o++) {
        if (strlen(o->name) == n && memcmp(o->name, name, n) == 0)
            return o;
        if (o->negatable && n > 3 && memcmp(name, "no-", 3) == 0 &&
            strlen(o->name) == n - 3 && memcmp(o->name, name + 3, n - 3) == 0) {
            *negated = true;
            return o;
        }
    }
    return NULL;
}

static int usage_error(const struct cli_command *c, const char *what, const char *arg) {
    return error_print(-EINVAL, "%s: %s '%s' (see 'dearth %s --help')", c->name, what,
                       arg, c->name);
}

/* The option that @shown, "--nmae=value" or "-name", may stand for. */
static int unknown_option(const struct cli_command *c, const char *shown) {
    const char *name = shown + strspn(shown, "-");
    struct suggest s = {.word = name, .n = strcspn(name, "=")};
    bool negated = s.n > 3 && memcmp(name, "no-", 3) == 0;
    if (negated)
        s = (struct suggest){.word = name + 3, .n = s.n - 3};
    for (const struct cli_option *o = c->options; o && o->name; o++)
        if (!negated || o->negatable)
            suggest_offer(&s, o->name);
    if (!negated)
        suggest_offer(&s, "quiet");
    if (!negated)
        suggest_offer(&s, "help");
    const char *best = suggest_best(&s);
    if (!best)
        return usage_error(c, "unknown option", shown);
    return error_print(
        -EINVAL,
        "%s: unknown option '%s': did you mean '--%s%s'? (see 'dearth %s --help')",
        c->name, shown, negated ? "no-" : "", best, c->name);
}

static void remember(const struct cli_command *c, const struct cli_option *o,
                     const char *value, bool negated) {
    struct cli_given *g = c->given;
    if (!g)
        return;
    g->items = text_grow(g->items, g->n, sizeof *g->items);
    g->items[g->n++] =
        (struct cli_given_option){.option = o, .value = value, .negated = negated};
}

/* Apply one option; @next is the following argument. Return: arguments used, or -EINVAL. */
static int apply(const struct cli_command *c, const struct cli_option *o,
                 const char *shown, const char *attached, const char *next) {
    const char *value = attached;
    int used = 1;
    if (o->kind == CLI_FLAG) {
        if (attached)
            return usage_error(c, "no value is taken by option", shown);
    } else if (!value) {
        if (!next)
            return usage_error(c, "a value is missing after option", shown);
        value = next;
        used = 2;
    }
    if (set_value(o, value) < 0)
        return error_print(-EINVAL, "%s: option '%s' takes %s, not '%s'", c->name, shown,
                           value_hint(o), value);
    remember(c, o, value, false);
    return used;
}

static int parse_long(const struct cli_command *c, char **arg) {
    const char *name = arg[0] + 2;
    size_t n = strcspn(name, "=");
    bool negated;
    const struct cli_option *o = find_long(c, name, n, &negated);
    if (!o)
        return unknown_option(c, arg[0]);
    if (negated) {
        *(bool *)o->out = false;
        remember(c, o, NULL, true);
        return 1;
    }
    return apply(c, o, arg[0], name[n] ? name + n + 1 : NULL, arg[1]);
}

static int parse_short(const struct cli_command *c, char **arg) {
    for (const char *p = arg[0] + 1; *p; p++) {
        if (*p == 'q') {
            error_set_quiet(1);
            continue;
        }
        if (*p == 'h') {
            print_help(c);
            return 0;
        }
        const struct cli_option *o = c->options;
        while (o && o->name && o->letter != *p)
            o++;
        if (!o || !o->name)
            return unknown_option(c, arg[0]);
        if (o->kind != CLI_FLAG)
            return apply(c, o, arg[0], p[1] ? p + 1 : NULL, arg[1]);
        set_value(o, NULL);
        remember(c, o, NULL, false);
    }
    return 1;
}

int cli_parse(const struct cli_command *c, int argc, char **argv, bool stop_at_operand,
              int *n_operands) {
    int n = 0;
    for (int i = 1; i < argc;) {
        char *a = argv[i];
        if (strcmp(a, "--") == 0 || (a[0] != '-' && stop_at_operand) ||
            (strcmp(a, "-") == 0 && stop_at_operand)) {
            for (i += a[0] == '-' && a[1] == '-'; i < argc; i++)
                argv[1 + n++] = argv[i];
            break;
        }
        if (a[0] != '-' || !a[1]) {
            argv[1 + n++] = a;
            i++;
            continue;
        }
        if (strcmp(a, "--help") == 0) {
            print_help(c);
            return CLI_DONE;
        }
        if (strcmp(a, "--quiet") == 0) {
            error_set_quiet(1);
            i++;
            continue;
        }
        int used = a[1] == '-' ? parse_long(c, argv + i) : parse_short(c, argv + i);
        if (used < 0)
            return used;
        if (used == 0)
            return CLI_DONE;
        i += used;
    }
    argv[1 + n] = NULL;
    *n_operands = n;
    return CLI_RUN;
}
