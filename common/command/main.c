/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dearth: what happens when an allocation fails?
 *
 *   program ─► recorder/preload ─► shared memory ─► recorder (collector) ─► SQLite
 *                  ▲  fault order                                              │
 *                  │                                                           ▼
 *             replayer/runner ◄──────────────── replayer/plan ◄──────────── store
 *                  │ observations
 *                  ▼
 *             replayer/verdict ─► report.json ─► viewer
 *
 * Which folder is which: README.md, Where things are. This file dispatches.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "error.h"
#include "folder.h"
#include "output.h"
#include "own_limits.h"
#include "own_memory.h"
#include "store_folder.h"
#include "suggest.h"
#include "terminal.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
#define COMMAND(name, help) {#name, command_##name, help},
#include "commands.def"
#undef COMMAND
};

static void print_usage(FILE *out) {
    fprintf(out,
            "usage: dearth COMMAND [OPTIONS]\n\n"
            "Records every allocation of a program, makes chosen ones fail, judges what "
            "happens, and says\nwhat was never tested.\n\ncommands:\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
    fprintf(out, "\n'dearth COMMAND --help' says more. Start with:\n"
                 "  dearth check -- PROGRAM ARGUMENTS\n");
}

static int unknown_command(const char *word) {
    struct suggest s = {.word = word, .n = strlen(word)};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        suggest_offer(&s, commands[i].name);
    char meant[SUGGEST_BYTES];
    suggest_say(&s, meant, sizeof meant);
    if (*meant)
        error_print(0, "there is no command '%s'%s 'dearth --help' lists them", word,
                    meant);
    else if (strchr(word, '/'))
        error_print(0,
                    "there is no command '%s': to try that program, 'dearth check -- %s'",
                    word, word);
    else
        error_print(0, "there is no command '%s'; 'dearth --help' lists them", word);
    return EXIT_CANNOT;
}

static int run_command(int argc, char **argv) {
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[0], commands[i].name) == 0)
            return own_memory_end(commands[i].run(argc, argv));
    return unknown_command(argv[0]);
}

static int run(int argc, char **argv) {
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_CANNOT;
    }
    bool help = strcmp(argv[1], "help") == 0;
    if (help && argc > 2 && argv[2][0] != '-' && strcmp(argv[2], "help") != 0) {
        char *of[] = {argv[2], (char *)"--help", NULL};
        return run_command(2, of);
    }
    if (help || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(stdout);
        return EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("dearth %s\n", DEARTH_VERSION);
        return EXIT_OK;
    }
    return run_command(argc - 1, argv + 1);
}

/* A command is done when what it has printed has arrived. */
static int run_whole(int argc, char **argv) {
    int status = run(argc, argv);
    if (output_flush() == 0 || (status != EXIT_OK && status != EXIT_GATE_FAILED))
        return status;
    return error_failed_status();
}

static const char *paint_warning(bool begin) {
    return terminal_sequence(STDERR_FILENO, begin ? COLOR_WARNING : N_COLORS);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "record") == 0)
        error_set_failed_status(EXIT_RECORD_FAILED);
    error_set_paint(paint_warning);
    output_prepare();
    store_folder_set_joiner(folder_join);
    own_memory_start();
    return own_limits_run(run_whole, argc, argv);
}
