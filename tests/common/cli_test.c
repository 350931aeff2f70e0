/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines by a table: what each kind of option takes, where parsing ends, what is
 * refused. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "cli.h"
#include "text.h"

static struct seen {
    bool flag, on;
    const char *text;
    struct cli_list list;
    int64_t number;
    double real;
    uint64_t bytes, duration;
    int choice, n_operands;
    char **argv;
} seen;

static const struct cli_option options[] = {
    {'f', "flag", CLI_FLAG, &seen.flag, NULL, "a flag", NULL, false},
    {0, "on", CLI_FLAG, &seen.on, NULL, "on unless told", NULL, true},
    {'t', "text", CLI_TEXT, &seen.text, "TEXT", "a text", NULL, false},
    {'l', "list", CLI_LIST, &seen.list, "ITEM", "a list", NULL, false},
    {'n', "number", CLI_INT, &seen.number, "N", "a number", NULL, false},
    {0, "real", CLI_REAL, &seen.real, "X", "a real", NULL, false},
    {'b', "bytes", CLI_BYTES, &seen.bytes, "SIZE", "a size", NULL, false},
    {'d', "duration", CLI_DURATION, &seen.duration, "TIME", "a time", NULL, false},
    {'c', "choice", CLI_CHOICE, &seen.choice, NULL, "one of", "one|two|three", false},
    {0}};
static const struct cli_command command = {"try", "[options]", "Tries.", NULL, options};

/* Parse words separated by spaces. Return: cli_parse()'s. */
static int parse(const char *line, bool stop) {
    static char *copy, *words[32];
    int argc = 0;
    free(copy);
    cli_list_deinit(&seen.list);
    seen = (struct seen){.on = true};
    copy = text_dup(line);
    words[argc++] = (char *)"try";
    for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
        words[argc++] = w;
    words[argc] = NULL;
    seen.argv = words;
    return cli_parse(&command, argc, words, stop, &seen.n_operands);
}

/* A command can hand what it was given on to another. */
static void test_given(void) {
    struct cli_given given = {0};
    const struct cli_command keeps = {"try", "[options]", "Tries.",
                                      NULL,  options,     &given};
    char *words[] = {(char *)"try", (char *)"-fn7",  (char *)"--no-on",
                     (char *)"-t",  (char *)"a b=c", (char *)"--list=x",
                     (char *)"-d",  (char *)"250ms", (char *)"--flag",
                     NULL};
    static const char *const expected[] = {
        "--flag",   "--number=7",       "--no-on", "--text=a b=c",
        "--list=x", "--duration=250ms", "--flag"};
    const size_t n = sizeof expected / sizeof *expected;
    cli_list_deinit(&seen.list);
    MUST(cli_parse(&keeps, 9, words, false, &seen.n_operands) == CLI_RUN);
    MUST(given.n == n);
    for (size_t i = 0; i < n && i < given.n; i++) {
        AUTO_FREE char *text = cli_given_text(&given.items[i]);
        MUST_TEXT(expected[i], text);
    }
    cli_given_deinit(&given);
}

static void test_kinds(void) {
    MUST(parse("-f --no-on --text=a -t b --list x -l y -lz -n -5 --real 1e-3", false) ==
         CLI_RUN);
    MUST(seen.flag && !seen.on && seen.number == -5 && seen.real == 1e-3);
    MUST_TEXT("b", seen.text); /* the last one wins */
    MUST(seen.list.n == 3 && strcmp(seen.list.items[2], "z") == 0);
    MUST(parse("--bytes 64K -d 250ms --choice=three", false) == CLI_RUN);
    MUST(seen.bytes == 65536 && seen.duration == 250000000 && seen.choice == 2);
    MUST(parse("-fn7", false) == CLI_RUN && seen.flag && seen.number == 7);
    MUST(parse("--text=", false) == CLI_RUN);
    MUST_TEXT("", seen.text);
    MUST(parse("--text -x", false) == CLI_RUN); /* a value may begin with a dash */
    MUST_TEXT("-x", seen.text);
}

static void test_operands(void) {
    MUST(parse("a -f b -- -f c", false) == CLI_RUN && seen.flag && seen.n_operands == 4);
    MUST_TEXT("-f", seen.argv[3]);
    MUST(!seen.argv[5]);
    MUST(parse("-f prog -n 3 --text", true) == CLI_RUN && seen.n_operands == 4);
    MUST(seen.flag && seen.number == 0);
    MUST(parse("-f -- -n", true) == CLI_RUN && seen.n_operands == 1);
    MUST(parse("-", false) == CLI_RUN && seen.n_operands == 1);
    MUST(parse("", false) == CLI_RUN && seen.n_operands == 0);
}

static void test_refusals(void) {
    static const char *const lines[] = {"--nothing",
                                        "-x",
                                        "-fx",
                                        "--flag=yes",
                                        "--no-flag",
                                        "--text",
                                        "-n",
                                        "-n x",
                                        "-n 1x",
                                        "--number=",
                                        "-n 99999999999999999999",
                                        "--real x",
                                        "--bytes 1q",
                                        "-d 5x",
                                        "--choice four",
                                        "--choice t",
                                        "--choice one|two",
                                        "--tex a",
                                        "--no-nothing"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        MUST_CASE(lines[i], parse(lines[i], false) == -EINVAL);
}

int main(void) {
    if (!freopen("/dev/null", "w", stdout)) /* help is looked at in commands.sh */
        return 1;
    test_kinds();
    test_given();
    test_operands();
    test_refusals();
    MUST(parse("a --help", false) == CLI_DONE && parse("-fh", false) == CLI_DONE);
    MUST(parse("-- --help", false) == CLI_RUN);
    cli_list_deinit(&seen.list);
    return 0;
}
