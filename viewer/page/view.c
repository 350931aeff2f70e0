/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth view`: look at a report, as one HTML page (a file, or served) or here in the terminal.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "browser.h"
#include "cli.h"
#include "commands.h"
#include "error.h"
#include "interrupt.h"
#include "output.h"
#include "page.h"
#include "report_text.h"
#include "report_unseen.h"
#include "serve.h"
#include "short_name.h"
#include "short_path.h"
#include "store.h"
#include "store_programs.h"
#include "terminal.h"
#include "tui.h"

struct view_options {
    struct cli_list accepted;
    const char *output, *program;
    bool keep_private, tui, open, serve;
    int64_t recording, like, port;
    int sources; /* of --source */
    struct cli_list source_folders;
};

static int load(struct store *store, const struct view_options *o,
                struct report_data **out) {
    const struct report_choice choice = {.recording =
                                             o->recording ? o->recording : o->like,
                                         .alike = !o->recording,
                                         .program = o->program};
    int r = report_data_new(store, &choice, out);
    if (r == 0)
        report_unseen_accept(*out, &o->accepted);
    return r;
}

/* --- a summary, or a file --- */

static int print_summary(const struct report_data *data, const struct view_options *o) {
    AUTO_TEXT struct text out = {0};
    struct report_text_options some = {.max_frames = 10,
                                       .max_members = 25,
                                       .max_untested = 20,
                                       .source_folders = &o->source_folders};
    int r = report_text_suit(data, true, (enum report_sources)o->sources, &some);
    if (r == 0)
        r = report_text(data, &some, &out);
    short_path_forget();
    return r < 0 ? r : output_write(NULL, false, &out);
}

/* A page is passed on: sources are in it when they are asked for alone. */
static int make_page(const struct report_data *data, const struct report_data *before,
                     const struct view_options *o, struct text *out) {
    const struct report_source source = {data, &o->source_folders, 0};
    return page_write(data, before, o->sources == SOURCES_ALWAYS ? &source : NULL, out);
}

/* Where a page goes that is only to be looked at: a new file, for its owner alone. free() it; NULL after a message. */
static char *make_place(void) {
    const char *folder = getenv("XDG_RUNTIME_DIR");
    if (!folder || access(folder, W_OK) < 0)
        folder = getenv("TMPDIR");
    char *path =
        text_format("%s/dearth-XXXXXX.html", folder && *folder ? folder : "/tmp");
    int fd = mkstemps(path, (int)strlen(".html"));
    if (fd < 0) {
        error_print_errno(-errno, "%s: cannot write the page there; name a file with -o",
                          path);
        free(path);
        return NULL;
    }
    close(fd);
    return path;
}

static int write_page(const struct report_data *data, const struct report_data *before,
                      const struct view_options *o) {
    AUTO_TEXT struct text out = {0};
    AUTO_FREE char *place = o->output ? NULL : make_place();
    const char *path = o->output ? o->output : place;
    char whole[PATH_MAX];
    if (!path)
        return -EIO;
    int r = make_page(data, before, o, &out);
    if (r == 0)
        r = output_write(path, o->keep_private || place, &out);
    if (r < 0 || strcmp(path, "-") == 0)
        return r;
    if (!o->open)
        error_info("%s: open it in a browser", path);
    else if (place)
        error_info("%s: the page; remove it when you have seen enough", path);
    if (!o->open)
        return 0;
    return realpath(path, whole) ? browser_open(whole, true)
                                 : error_print_errno(-errno, "%s: cannot open", path);
}

/* --- over HTTP --- */

struct served {
    const struct view_options *options;
    struct store *store;
    bool made;
    int64_t
        version; /* of what was made: SQLite's, it changes when somebody else writes */
};

static int make(void *context, struct text *out) {
    struct served *s = context;
    AUTO_REPORT struct report_data *data = NULL;
    s->store->work = 0; /* as for the first one */
    int64_t version = store_int(s->store, "PRAGMA data_version", 0);
    if (s->made && version == s->version)
        return 0;
    int r = load(s->store, s->options, &data);
    if (r == 0)
        r = make_page(data, NULL, s->options, out);
    s->made = r == 0;
    s->version = version;
    return r < 0 ? r : 1;
}

static int serve(struct store *store, const struct view_options *o) {
    struct served served = {.options = o, .store = store};
    struct serve server;
    int r = serve_init(&server, (uint16_t)o->port);
    if (r < 0)
        return r;
    interrupt_install();
    printf("%s\n", server.url);
    fflush(stdout);
    error_info("for this machine alone, and for whoever has the address; Ctrl-C ends it");
    if (o->open)
        browser_open(server.url, false);
    r = serve_run(&server, make, &served);
    serve_deinit(&server);
    return r < 0 ? r : interrupt_status();
}

/* --- the command --- */

/* @before: what the page is compared with; NULL = nothing */
static int show(struct store *store, struct store *before_store,
                const struct view_options *o) {
    AUTO_REPORT struct report_data *data = NULL, *before = NULL;
    if (o->serve)
        return serve(store, o);
    int r = load(store, o, &data);
    if (r == 0 && before_store)
        r = load(before_store, o, &before);
    if (r < 0)
        return r;
    const struct report_source source = {data, &o->source_folders, 0};
    return o->tui ? tui_run(data, o->sources != SOURCES_NEVER ? &source : NULL)
           : o->output || o->open ? write_page(data, before, o)
                                  : print_summary(data, o);
}

static int check(const struct view_options *o, int n_operands, char **operands) {
    if (n_operands > 2)
        return error_print(-EINVAL, "view: two databases at most, not also '%s'",
                           operands[2]);
    if (n_operands > 1 && ((!o->output && !o->open) || o->serve))
        return error_print(-EINVAL,
                           "view: two databases are compared in a page: name it with -o; "
                           "'dearth diff' compares recordings in the terminal");
    if (n_operands > 1 && (o->recording || o->like))
        return error_print(-EINVAL,
                           "view: --recording and --like are about one database, "
                           "and two are named");
    if (o->recording && o->like)
        return error_print(-EINVAL, "view: --recording or --like, not both");
    if (o->program && (o->recording || o->like))
        return error_print(-EINVAL,
                           "view: --program, --recording or --like, not two of them");
    if (o->tui && (o->output || o->open || o->serve))
        return error_print(-EINVAL, "view: --tui or %s, not both",
                           o->output ? "--output"
                           : o->open ? "--open"
                                     : "--serve");
    if (o->serve && o->output)
        return error_print(-EINVAL, "view: --serve or --output, not both");
    if (o->open && o->output && strcmp(o->output, "-") == 0)
        return error_print(-EINVAL, "view: --open opens a file, not standard output");
    if (o->port < 0 || o->port > 65535 || (o->port && !o->serve))
        return error_print(-EINVAL, o->serve ? "view: --port takes 1 to 65535"
                                             : "view: --port goes with --serve");
    return o->tui ? tui_check() : 0;
}

static void options_deinit(struct view_options *o) {
    cli_list_deinit(&o->accepted);
    cli_list_deinit(&o->source_folders);
}

int command_view(int argc, char **argv) {
    struct view_options o = {0};
    const struct cli_option table[] = {
        {'o', "output", CLI_TEXT, &o.output, "FILE",
         "write the page there ('-': stdout): one file that needs no network; without "
         "this option a summary is printed here"},
        {0, "tui", CLI_FLAG, &o.tui, NULL,
         "look at it here, on the whole terminal: lists of findings, of what is untested, "
         "of sites and of leaks, with search and details; ? lists the keys, q ends it"},
        {0, "open", CLI_FLAG, &o.open, NULL,
         "open the page in a browser ($BROWSER, else xdg-open): that of --output or "
         "--serve, else in a file of its own"},
        {0, "serve", CLI_FLAG, &o.serve, NULL,
         "serve the page to this machine's browsers until Ctrl-C, made anew when the "
         "database has changed; the address is printed, with a token that lets nobody "
         "else read it"},
        {0, "port", CLI_INT, &o.port, "N", "of --serve (any that is free)"},
        {0, "private", CLI_FLAG, &o.keep_private, NULL, OUTPUT_PRIVATE_HELP},
        {0, "source", CLI_CHOICE, &o.sources, NULL,
         "show lines of the program's sources in findings: on a terminal, but not in a "
         "page, which is passed on (auto, the default), always, or never",
         "auto|always|never"},
        {0, "source-dir", CLI_LIST, &o.source_folders, "DIR",
         "look for the program's sources there first, by the whole of their paths or "
         "their ends (may be repeated)"},
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
        "view", "[options] [[BEFORE] FILE]",
        "Look at a report: one HTML page, or the terminal.",
        "FILE is the database (default: " STORE_DEFAULT_PATH
        "). With another before it, the "
        "page also says what has changed since that one.",
        table};
    int n_operands, r = cli_parse(&command, argc, argv, false, &n_operands);
    if (r == CLI_DONE)
        return EXIT_OK;
    if (r < 0)
        return EXIT_CANNOT;
    if (check(&o, n_operands, argv + 1) < 0) {
        options_deinit(&o);
        return EXIT_CANNOT;
    }
    AUTO_STORE struct store *store = NULL, *before = NULL;
    r = store_new(n_operands ? argv[n_operands] : STORE_DEFAULT_PATH, STORE_READ, &store);
    if (r == 0 && n_operands > 1)
        r = store_new(argv[1], STORE_READ, &before);
    if (r == 0)
        r = show(store, before, &o);
    options_deinit(&o);
    return r < 0 ? EXIT_CANNOT : r;
}
