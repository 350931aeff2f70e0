/*
 * `dearth view`: look at a report, as one HTML page or here in the terminal.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../common/cli.h"
#include "../common/commands.h"
#include "../common/error.h"
#include "../common/report_text.h"
#include "../common/store.h"
#include "page.h"

/* Private like the database that it comes from; an existing file keeps its permissions.
 */
static int write_page(const char *path, const struct text *page) {
    mode_t mask = umask(077);
    FILE *file = fopen(path, "we");
    int error = errno;
    umask(mask);
    if (!file)
        return error_print_errno(-error, "%s: cannot write", path);
    bool good = fwrite(page->data, 1, page->n, file) == page->n;
    error = errno;
    if (fclose(file) != 0 && good) {
        good = false;
        error = errno;
    }
    if (!good)
        return error_print_errno(-error, "%s: cannot write", path);
    error_info("%s: open it in a browser", path);
    return 0;
}

static int show(const struct report_data *data, const char *output) {
    AUTO_TEXT struct text out = {0};
    struct report_text_options some = {
        .max_frames = 10, .max_members = 25, .max_untested = 20};
    if (output && strcmp(output, "-") != 0) {
        int r = page_write(data, &out);
        return r < 0 ? r : write_page(output, &out);
    }
    int r = output ? page_write(data, &out) : report_text(data, &some, &out);
    if (r < 0)
        return r;
    if (fwrite(out.data, 1, out.n, stdout) != out.n || fflush(stdout) != 0)
        return error_print_errno(-errno, "stdout: cannot write");
    return 0;
}

int command_view(int argc, char **argv) {
    const char *output = NULL, *path = STORE_DEFAULT_PATH;
    int64_t recording = 0;
    const struct cli_option table[] = {
        {'o', "output", CLI_TEXT, &output, "FILE",
         "write the page there ('-': stdout): one file that needs no network; without "
         "this option "
         "a summary is printed here"},
        {0, "recording", CLI_INT, &recording, "ID",
         "show this recording alone; default: the newest and all others of the same "
         "program in "
         "the same build"},
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
    if (n_operands)
        path = argv[1];
    AUTO_STORE struct store *store = NULL;
    AUTO_REPORT struct report_data *data = NULL;
    if (store_new(path, STORE_READ, &store) < 0 ||
        report_data_new(store, recording, &data) < 0 || show(data, output) < 0)
        return EXIT_CANNOT;
    return EXIT_OK;
}
