/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth report`: what was tested, what was never tested, what went wrong.
 *
 *   database ─► report_data ─► json | text | markdown | sarif | junit | lcov ─► stdout or FILE
 *                  └──► gate ─► exit status
 */
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "commands.h"
#include "error.h"
#include "gate.h"
#include "output.h"
#include "project.h"
#include "report_demand.h"
#include "report_scope.h"
#include "report_text.h"
#include "report_unseen.h"
#include "short_name.h"
#include "short_path.h"
#include "store.h"
#include "store_programs.h"
#include "terminal.h"

enum format {
    FORMAT_JSON,
    FORMAT_TEXT,
    FORMAT_MARKDOWN,
    FORMAT_SARIF,
    FORMAT_JUNIT,
    FORMAT_LCOV
};

struct report_options {
    const char *path, *output, *baseline, *program, *demand;
    int64_t recording, like;
    int format;  /* -1 = not given */
    int sources; /* index of the choices */
    struct cli_list source_folders;
    int by; /* enum report_by */
    bool stacks, brief, gate, keep_private;
    int fail_on; /* index of the choices; -1 = not given */
    struct gate_options rules;
    struct cli_list accepted, own, not_own, in, blame;
};

static bool for_stdout(const struct report_options *options) {
    return !options->output || strcmp(options->output, "-") == 0;
}

/* Does a person read it here? */
static bool for_person(const struct report_options *options) {
    return for_stdout(options) && terminal_is(STDOUT_FILENO);
}

static int add_text(const struct report_data *data, const struct report_options *options,
                    struct text *out) {
    struct report_text_options all = {0};
    struct report_text_options some = {
        .max_frames = 10, .max_members = 25, .max_untested = 20};
    struct report_text_options few = {
        .max_frames = 6, .max_findings = 20, .max_members = 10, .max_untested = 5};
    struct report_text_options o = options->stacks ? all : options->brief ? few : some;
    o.source_folders = &options->source_folders;
    o.by = (enum report_by)options->by;
    int r = report_text_suit(data, for_stdout(options),
                             (enum report_sources)options->sources, &o);
    return r < 0 ? r : report_text(data, &o, out);
}

static int render(const struct report_data *data, const struct report_options *options,
                  struct text *out) {
    switch ((enum format)options->format) {
    case FORMAT_JSON:
        return report_json(data, options->stacks, out);
    case FORMAT_TEXT:
        return add_text(data, options, out);
    case FORMAT_MARKDOWN:
        return report_markdown(data, out);
    case FORMAT_SARIF:
        return report_sarif(data, out);
    case FORMAT_JUNIT:
        return report_junit(data, out);
    case FORMAT_LCOV:
        return report_lcov(data, out);
    }
    return -EINVAL;
}

static int judge(const struct report_data *data, const struct report_options *options) {
    AUTO_TEXT struct text why = {0};
    terminal_use(STDERR_FILENO);
    int r = gate_judge(data, &options->rules, &why);
    if (r < 0)
        return EXIT_CANNOT;
    fputs(why.data, stderr);
    return r == GATE_FAILED      ? EXIT_GATE_FAILED
           : r == GATE_UNDECIDED ? EXIT_CANNOT
                                 : EXIT_OK;
}

static int run_demand(const struct report_options *options) {
    AUTO_STORE struct store *store = NULL;
    AUTO_TEXT struct text content = {0};
    uint32_t most = options->stacks ? 0 : options->brief ? 10 : 40;
    bool json = options->format == FORMAT_JSON;
    if (store_new(options->path, STORE_READ, &store) < 0 ||
        report_demand(store, options->demand, json, most, &content) < 0 ||
        output_write(options->output, options->keep_private, &content) < 0)
        return EXIT_CANNOT;
    return EXIT_OK;
}

static int run(const struct report_options *options) {
    AUTO_STORE struct store *store = NULL;
    AUTO_REPORT struct report_data *data = NULL;
    AUTO_TEXT struct text content = {0};
    const struct report_choice choice = {
        .recording = options->recording ? options->recording : options->like,
        .alike = !options->recording,
        .program = options->program,
        .own = &options->own,
        .not_own = &options->not_own,
        .in = &options->in,
        .blame = &options->blame};
    if (store_new(options->path, STORE_READ, &store) < 0 ||
        report_data_new(store, &choice, &data) < 0)
        return EXIT_CANNOT;
    report_unseen_accept(data, &options->accepted);
    if ((options->baseline && gate_mark_known(data, options->baseline) < 0) ||
        render(data, options, &content) < 0 ||
        output_write(options->output, options->keep_private, &content) < 0)
        return EXIT_CANNOT;
    return options->gate ? judge(data, options) : EXIT_OK;
}

static int check(struct report_options *options, int n_operands, char **operands) {
    /* In the order of the choices below. */
    static const enum severity severities[] = {SEVERITY_NONE,   SEVERITY_LOOK,
                                               SEVERITY_POLICY, SEVERITY_WARNING,
                                               SEVERITY_BUG,    SEVERITY_BUG};
    enum { SILENT = 4 };
    if (n_operands > 1)
        return error_print(-EINVAL, "report: one database at a time, not also '%s'",
                           operands[1]);
    if (n_operands)
        options->path = operands[0];
    if (options->format < 0)
        options->format = options->by || for_person(options) ? FORMAT_TEXT : FORMAT_JSON;
    if (options->recording && options->like)
        return error_print(-EINVAL, "report: --recording or --like, not both");
    if (options->program && (options->recording || options->like))
        return error_print(-EINVAL,
                           "report: --program, --recording or --like, not two of them");
    if (options->recording < 0 || options->like < 0)
        return error_print(-EINVAL, "report: recordings are numbered from 1");
    if (!(options->rules.min_coverage >= 0 && options->rules.min_coverage <= 100))
        return error_print(-EINVAL,
                           "report: --min-coverage takes a percentage, 0 to 100");
    bool narrowed = options->recording || options->like || options->program ||
                    options->in.n || options->blame.n;
    if (options->demand && (narrowed || options->gate || options->baseline ||
                            options->fail_on >= 0 || options->rules.min_coverage > 0))
        return error_print(-EINVAL,
                           "report: --demand is about all of both databases, and "
                           "has no gate");
    if (options->demand && options->format > FORMAT_TEXT)
        return error_print(-EINVAL, "report: --demand is json or text");
    if (options->by && options->format != FORMAT_TEXT)
        return error_print(-EINVAL, "report: --by is for --format text; JSON has what it "
                                    "is made from");
    options->gate |= options->fail_on >= 0 || options->rules.runtime ||
                     options->baseline || options->rules.min_coverage > 0;
    options->rules.baseline = options->baseline != NULL;
    options->rules.fail_on =
        options->fail_on < 0 ? SEVERITY_BUG : severities[options->fail_on];
    options->rules.silent = options->fail_on == SILENT;
    return 0;
}

int command_report_baseline(const char *path) {
    return gate_check_baseline(path) < 0 ? EXIT_CANNOT : EXIT_OK;
}

static int fill(struct project *project, struct report_options *options) {
    int r = project_load(project);
    project_fill(project, "own", &options->own);
    project_fill(project, "not-own", &options->not_own);
    project_fill(project, "in", &options->in);
    project_fill(project, "blame", &options->blame);
    return r;
}

int command_report(int argc, char **argv) {
    struct report_options o = {.path = STORE_DEFAULT_PATH, .fail_on = -1, .format = -1};
    const struct cli_option table[] = {
        {'f', "format", CLI_CHOICE, &o.format, NULL,
         "json (schemas/report.schema.json; the default but on a terminal), text for "
         "people (the default on a terminal), markdown for a pull request, sarif for code scanning, junit for CI, lcov for coverage "
         "viewers",
         "json|text|markdown|sarif|junit|lcov"},
        {'o', "output", CLI_TEXT, &o.output, "FILE", "write there instead of to stdout"},
        {0, "private", CLI_FLAG, &o.keep_private, NULL, OUTPUT_PRIVATE_HELP},
        {0, "recording", CLI_INT, &o.recording, "ID",
         "report on this recording alone; default: of each program the newest and all "
         "others of the same build"},
        {0, "like", CLI_INT, &o.like, "ID",
         "report on this recording and all others of the same program in the same build"},
        {0, "program", CLI_TEXT, &o.program, "GLOB|ID", STORE_PROGRAM_HELP},
        {0, "demand", CLI_TEXT, &o.demand, "FILE",
         "instead: which of the sites that another database's programs came to, in "
         "production say, were never failed here, by how often and how large (json: "
         "schemas/demand.schema.json)"},
        {0, "stacks", CLI_FLAG, &o.stacks, NULL,
         "json: the stack of every site too; text: whole stacks, everything listed"},
        {0, "by", CLI_CHOICE, &o.by, NULL,
         "text: a table of targets, or sites, and findings for each test of a suite, each "
         "program, or each folder of source files",
         "nothing|test|program|directory"},
        {0, "brief", CLI_FLAG, &o.brief, NULL,
         "text: shorter, as at the end of 'dearth check'"},
        {0, "source", CLI_CHOICE, &o.sources, NULL,
         "text: show lines of the program's sources in findings: on a terminal (auto, the "
         "default), always, or never",
         "auto|always|never"},
        {0, "source-dir", CLI_LIST, &o.source_folders, "DIR", REPORT_SOURCE_DIR_HELP},
        SHORT_NAME_OPTION,
        TERMINAL_COLOR_OPTION,
        {0, "gate", CLI_FLAG, &o.gate, NULL,
         "judge: exit 1 when there is a finding at or above --fail-on, or coverage is "
         "too low; the four options below imply it"},
        {0, "fail-on", CLI_CHOICE, &o.fail_on, NULL,
         "the least severity that fails the gate (default: bug); silent: a bug, or a "
         "wrong answer with status 0 and no word on stderr",
         "none|look|policy|warning|silent|bug"},
        {0, "fail-on-runtime", CLI_FLAG, &o.rules.runtime, NULL,
         "let findings count that went wrong inside the C library, the C++ runtime or "
         "the loader: no change of the program mends those"},
        {0, "baseline", CLI_TEXT, &o.baseline, "REPORT",
         "an earlier JSON report: its findings are known, only new ones fail the gate"},
        {0, "min-coverage", CLI_REAL, &o.rules.min_coverage, "PERCENT",
         "fail the gate when fewer of the testable sites are tested"},
        {0, "in", CLI_LIST, &o.in, "GLOB", REPORT_IN_HELP},
        {0, "own", CLI_LIST, &o.own, "GLOB", REPORT_OWN_HELP},
        {0, "not-own", CLI_LIST, &o.not_own, "GLOB", "of what --own names, what is not"},
        {0, "blame", CLI_LIST, &o.blame, "GLOB", REPORT_BLAME_HELP},
        {0, "accept-unseen", CLI_LIST, &o.accepted, "GLOB", REPORT_ACCEPT_HELP},
        {0},
    };
    const struct cli_command command = {
        "report", "[options] [FILE]",
        "Say what was tested, what was never tested, and what went wrong.",
        "FILE is the database (default: " STORE_DEFAULT_PATH
        "). The same database gives the same bytes. Exit status: 0, 1 when the gate "
        "failed, 2 when dearth could not do its job.",
        table};
    int n_operands, r = cli_parse(&command, argc, argv, false, &n_operands);
    if (r == CLI_DONE)
        return EXIT_OK;
    struct project project = {0};
    int status = r < 0 || check(&o, n_operands, argv + 1) < 0 || fill(&project, &o) < 0
                     ? EXIT_CANNOT
                 : o.demand ? run_demand(&o)
                            : run(&o);
    project_deinit(&project);
    short_path_forget();
    cli_list_deinit(&o.accepted);
    cli_list_deinit(&o.own);
    cli_list_deinit(&o.not_own);
    cli_list_deinit(&o.source_folders);
    cli_list_deinit(&o.in);
    cli_list_deinit(&o.blame);
    return status;
}
