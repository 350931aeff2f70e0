/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines: one table per command gives parsing, `--help` and errors that name the
 * option.
 */
#ifndef DEARTH_CLI_H
#define DEARTH_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_kind {
    CLI_FLAG,     /* bool *: --name sets true; --no-name sets false if `negatable` */
    CLI_TEXT,     /* const char **: the last one wins; points into argv */
    CLI_LIST,     /* struct cli_list *: may be given many times */
    CLI_INT,      /* int64_t * */
    CLI_REAL,     /* double * */
    CLI_BYTES,    /* uint64_t *: 64K, 1.5M ... */
    CLI_DURATION, /* uint64_t * in ns: 30s, 5m, ... */
    CLI_CHOICE,   /* int *: index into the `choices` list */
};

struct cli_list {
    const char **items; /* pointers into argv; the array is owned by the list */
    size_t n;
};
void cli_list_deinit(struct cli_list *list);

struct cli_option {
    char letter;      /* 0 = none */
    const char *name; /* long name without dashes; NULL ends the table */
    enum cli_kind kind;
    void *out;
    const char *value;   /* how --help names the value, e.g. "FILE"; NULL for flags */
    const char *help;    /* one line or more, wrapped by cli */
    const char *choices; /* CLI_CHOICE: "once|sticky|both" */
    bool negatable;
};

/* The options that a command line had, in its order; @value points into argv, NULL = a flag. */
struct cli_given {
    struct cli_given_option {
        const struct cli_option *option;
        const char *value;
        bool negated;
    } * items;
    size_t n;
};
void cli_given_deinit(struct cli_given *given);
/** The option as a command line of its own may have it, "--name=value"; owned by the caller. */
char *cli_given_text(const struct cli_given_option *given);

struct cli_command {
    const char *name;     /* "record" */
    const char *synopsis; /* "[options] -- PROGRAM [ARGUMENTS]" */
    const char *summary;  /* one sentence */
    const char *details;  /* paragraphs after the options; may be NULL */
    const struct cli_option *options;
    struct cli_given *given; /* out; NULL = not wanted */
};

enum cli_outcome { CLI_RUN = 0, CLI_DONE = 1 /* --help was printed */ };

/**
 * Parse @argv[1..] by @command's table. -h/--help and -q/--quiet are understood
 * everywhere. Options may stand anywhere before `--`; with `stop_at_operand` parsing ends
 * at the first operand (for `record PROGRAM ARGS` without `--`).
 * @argc, @argv: as main's; argv[0] is the command's name. Operands are moved together at
 * argv[1..];
 * @n_operands: how many there are, out
 * Return: CLI_RUN, CLI_DONE, or -EINVAL after a message.
 */
int cli_parse(const struct cli_command *command, int argc, char **argv,
              bool stop_at_operand, int *n_operands);

#endif
