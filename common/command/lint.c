/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth lint`: the infallible allocations of a Rust crate, by the names on their stacks; nothing is made to
 * fail for it. lint_private.h names the parts.
 *
 *   lint -- cargo test ─► record (sites alone) ─► lint_find ─► file:line:column via Vec::push
 *   lint FILE ────────────────────────────────────┘
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalogue.h"
#include "cli.h"
#include "commands.h"
#include "error.h"
#include "interrupt.h"
#include "lint_private.h"
#include "project.h"
#include "record.h"
#include "resolve.h"
#include "short_name.h"
#include "store_programs.h"
#include "temporary.h"
#include "text.h"

struct lint_line {
    struct cli_list own, not_own, catalogues;
    const char *tree, *program, *output;
    bool tests;
    int format; /* index into "text|json" */
};

enum { FORMAT_TEXT, FORMAT_JSON };

/* --- recording --- */

/* What the tests print is no part of what lint prints. Return: what standard output was, -1 = as it is. */
static int turn_output_away(void) {
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    if (saved >= 0 && error_quiet() && !freopen("/dev/null", "w", stdout))
        error_print_errno(-errno, "/dev/null: cannot open");
    else if (saved >= 0 && !error_quiet())
        dup2(STDERR_FILENO, STDOUT_FILENO);
    return saved;
}

static void turn_output_back(int saved) {
    fflush(stdout);
    if (saved < 0)
        return;
    dup2(saved, STDOUT_FILENO);
    close(saved);
}

/* Return: an exit status; @id: the recording. */
static int record(const struct lint_line *line, const char *path, int n, char **program,
                  int64_t *id) {
    struct record_options o = record_defaults();
    int status = 0, r = 0;
    o.output = path;
    o.sites_only = true;
    o.no_summary = !line->output;
    o.catalogue = catalogue_new();
    for (size_t i = 0; r == 0 && i < line->catalogues.n; i++)
        r = catalogue_add_file(o.catalogue, line->catalogues.items[i]) < 0 ? -EINVAL : 0;
    int saved = turn_output_away();
    if (r == 0)
        r = record_run(&o, n, program, id, &status);
    turn_output_back(saved);
    catalogue_free(o.catalogue);
    if (command_record_signal() || interrupt_wanted())
        return EXIT_INTERRUPTED;
    if (r != 0)
        return EXIT_CANNOT;
    if (status)
        error_warn(
            "the command ended with status %d: what it did until then is looked at",
            status);
    return EXIT_OK;
}

/* --- judging --- */

static int judge(const struct lint_line *line, const char *path, int64_t recording) {
    AUTO_STORE struct store *store = NULL;
    struct lint lint = {0};
    const struct lint_scope scope = {.own = line->own.items,
                                     .n_own = (uint32_t)line->own.n,
                                     .not_own = line->not_own.items,
                                     .n_not_own = (uint32_t)line->not_own.n,
                                     .tree = line->tree,
                                     .tests = line->tests,
                                     .program = line->program,
                                     .recording = recording};
    int status = EXIT_CANNOT, r = store_new(path, STORE_READ, &store);
    if (r == 0)
        r = lint_find(store, &scope, &lint);
    if (r == 0 && line->format == FORMAT_JSON)
        lint_text_json(&lint);
    else if (r == 0)
        lint_text(&lint);
    if (r == 0 && lint_count(&lint, RUST_CALL_INFALLIBLE))
        status = EXIT_GATE_FAILED;
    else if (r == 0 && !lint_count(&lint, RUST_CALL_UNKNOWN) && !lint.n_unseen)
        status = EXIT_OK;
    lint_deinit(&lint);
    return status;
}

static int record_and_judge(const struct lint_line *line, int n, char **program) {
    struct temporary place = {0};
    int64_t id = 0;
    if (!line->output && temporary_new("dearth-lint", &place) < 0)
        return EXIT_CANNOT;
    const char *path = line->output ? line->output : place.path;
    interrupt_install();
    int status = record(line, path, n, program, &id);
    if (status == EXIT_OK)
        status = judge(line, path, id);
    temporary_remove(&place);
    return status;
}

/* --- the command --- */

/* Before the command line is taken apart: is there a command to record? */
static bool has_command(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--") == 0)
            return true;
    return false;
}

static int run(const struct lint_line *line, bool command, int n, char **operands) {
    if (command && n)
        return record_and_judge(line, n, operands);
    if (command || n > 1 || (!n && line->output)) {
        error_print(-EINVAL, "lint: what is to be recorded? For example: dearth lint -- "
                             "cargo test; or one FILE that was recorded before");
        return EXIT_CANNOT;
    }
    if (line->output) {
        error_print(-EINVAL, "lint: --output is for a recording: dearth lint -o FILE -- "
                             "COMMAND");
        return EXIT_CANNOT;
    }
    return judge(line, n ? operands[0] : STORE_DEFAULT_PATH, 0);
}

int command_lint(int argc, char **argv) {
    struct project project = {0};
    struct lint_line line = {0};
    bool command = has_command(argc, argv);
    int n, status = EXIT_CANNOT;
    const struct cli_option table[] = {
        {0, "own", CLI_LIST, &line.own, "CRATE|GLOB",
         "what is yours: crates, or modules, functions and source files (may be repeated; "
         "default: what lies below the project's folder)"},
        {0, "not-own", CLI_LIST, &line.not_own, "CRATE|GLOB", "what is not, of the same"},
        {0, "tests", CLI_FLAG, &line.tests, NULL, "look at your tests' own code as well"},
        {0, "tree", CLI_TEXT, &line.tree, "DIR",
         "the project's folder (default: the one under version control around where the "
         "command was recorded, else that one)"},
        {0, "program", CLI_TEXT, &line.program, "GLOB|ID", STORE_PROGRAM_HELP},
        {0, "format", CLI_CHOICE, &line.format, NULL,
         "a line for each infallible call, or all calls with how they were judged (text)",
         "text|json"},
        {'o', "output", CLI_TEXT, &line.output, "FILE",
         "keep the recording in this database, made if need be"},
        {0, "catalogue", CLI_LIST, &line.catalogues, "FILE",
         "what your functions are known for, beside the built-in catalogue: "
         "dearth-catalogue(5)"},
        SHORT_NAME_OPTION,
        {0}};
    const struct cli_command about = {
        "lint", "[OPTIONS] -- COMMAND [ARGUMENTS], or [OPTIONS] [FILE]",
        "List the calls of a Rust crate that end the program when there is no memory.",
        "COMMAND is recorded, with all that it starts; FILE was recorded before (default: "
        "dearth.db). Each call is a line on standard output, "
        "'src/lib.rs:12:9 via Vec::push'; what the command prints goes to standard error.\n\n"
        "Exit status: 0 there is none, 1 there are some, 2 dearth could not do its job, "
        "130 interrupted.",
        table};
    int r = cli_parse(&about, argc, argv, command, &n);
    if (r == CLI_DONE)
        status = EXIT_OK;
    else if (r == CLI_RUN && project_load(&project) == 0) {
        project_fill(&project, "own", &line.own);
        project_fill(&project, "not-own", &line.not_own);
        project_fill(&project, "catalogue", &line.catalogues);
        status = run(&line, command, n, argv + 1);
    }
    project_deinit(&project);
    cli_list_deinit(&line.own);
    cli_list_deinit(&line.not_own);
    cli_list_deinit(&line.catalogues);
    return status;
}
