/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth view`: look at a report, as one HTML page or here in the terminal.
 */
#include <errno.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "error.h"
#include "output.h"
#include "page.h"
#include "report_text.h"
#include "report_unseen.h"
#include "short_name.h"
#include "short_path.h"
#include "store.h"
#include "store_programs.h"
#include "terminal.h"
#include "tui.h"

struct view_options {
    struct cli_list accepted;
    const char *output, *program;
    bool keep_private, tui;
    int64_t recording, like;
};

static int show(const struct report_data *data, const struct view_options *options) {
    AUTO_TEXT struct text out = {0};
    struct report_text_options some = {
        .max_frames = 10, .max_members = 25, .max_untested = 20};
    int r = options->output ? page_write(data, &out)
                            : report_text_suit(data, true, SOURCES_AUTO, &some);
    if (r == 0 && !options->output)
        r = report_text(data, &some, &out);
    short_path_forget();
    if (r == 0)
        r = output_write(options->output, options->keep_private, &out);
    if (r == 0 && options->output && strcmp(options->output, "-") != 0)
        error_info("%s: open it in a browser", options->output);
    return r;
}

int command_view(int argc, char **argv) {
    const char *path = STORE_DEFAULT_PATH;
    struct view_options o = {0};
    const struct cli_option table[] = {
        {'o', "output", CLI_TEXT, &o.output, "FILE",
         "write the page there ('-': stdout): one file that needs no network; without "
         "this option a summary is printed here"},
        {0, "tui", CLI_FLAG, &o.tui, NULL,
         "look at it here, on the whole terminal: lists of findings, of what is untested, "
         "of sites and of leaks, with search and details; ? lists the keys, q ends it"},
        {0, "private", CLI_FLAG, &o.keep_private, NULL, OUTPUT_PRIVATE_HELP},
        SHORT_NAME_OPTION,
        TERMINAL_COLOR_OPTION,
        {0, "recording", CLI_INT, &o.recording, "ID",
         "show this recording alone; default: of each program the newest and all others "
         "of the same build"},
        {0, "like", CLI_INT, &o.like, "ID",
         "show this recording and all others of the same program in the same build"},
        {0, "program", CLI_TEXT, &o.program, "GLOB|ID", STORE_PROGRAM_HELP},
        {0, "accept-unseen", CLI_LIST, &o.accepted, "GLOB", REPORT_ACCEPT_HELP},
        {0},
    };
    const struct cli_command command = {
        "view", "[options] [FILE]", "Look at a report: one HTML page, or the terminal.",
        "FILE is the database (default: " STORE_DEFAULT_PATH ").", table};
    int n_operands, r = cli_parse(&command, argc, argv, false, &n_operands);
    if (r == CLI_DONE)
        return EXIT_OK;
    if (r < 0)
        return EXIT_CANNOT;
    if (n_operands > 1) {
        error_print(-EINVAL, "view: one database at a time, not also '%s'", argv[2]);
        return EXIT_CANNOT;
    }
    if (o.recording && o.like) {
        error_print(-EINVAL, "view: --recording or --like, not both");
        return EXIT_CANNOT;
    }
    if (o.program && (o.recording || o.like)) {
        error_print(-EINVAL, "view: --program, --recording or --like, not two of them");
        return EXIT_CANNOT;
    }
    if (o.tui && o.output) {
        error_print(-EINVAL, "view: --tui or --output, not both");
        return EXIT_CANNOT;
    }
    if (o.tui && tui_check() < 0)
        return EXIT_CANNOT;
    if (n_operands)
        path = argv[1];
    AUTO_STORE struct store *store = NULL;
    AUTO_REPORT struct report_data *data = NULL;
    int status = EXIT_CANNOT;
    const struct report_choice choice = {.recording = o.recording ? o.recording : o.like,
                                         .alike = !o.recording,
                                         .program = o.program};
    if (store_new(path, STORE_READ, &store) == 0 &&
        report_data_new(store, &choice, &data) == 0) {
        report_unseen_accept(data, &o.accepted);
        r = o.tui ? tui_run(data) : show(data, &o);
        status = r < 0 ? EXIT_CANNOT : r;
    }
    cli_list_deinit(&o.accepted);
    return status;
}
