/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to the user, one per failure, on stderr: see error.h. */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

static int quiet_mode;
static FILE *file; /* NULL = standard error */
static int failed_status = EXIT_CANNOT;
static error_paint *paint; /* NULL = plain */

/* One write per message, so that lines of parallel workers do not mix. What %s brings in may be
 * anybody's name: text.h. */
static void print_line(const char *prefix, const char *format, va_list args,
                       const char *reason) {
    char line[4096];
    int n = snprintf(line, sizeof line, "dearth: %s", prefix);
    int m = text_vsay(line + n, sizeof line - (size_t)n, format, args);
    if (m > 0)
        n += m;
    if (n > (int)sizeof line - 2)
        n = (int)sizeof line - 2;
    if (reason)
        n += snprintf(line + n, sizeof line - (size_t)n, ": %s", reason);
    if (n > (int)sizeof line - 2)
        n = (int)sizeof line - 2;
    line[n++] = '\n';
    FILE *to = file ? file : stderr;
    fflush(to);
    fwrite(line, 1, (size_t)n, to);
    fflush(to);
}

int error_print(int err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_line("", format, args, NULL);
    va_end(args);
    return err ? err : -EINVAL;
}

int error_print_errno(int err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_line("", format, args, strerror(err < 0 ? -err : err));
    va_end(args);
    return err ? err : -EINVAL;
}

bool error_is_shortage(int err) {
    int number = err < 0 ? -err : err;
    return number == EMFILE || number == ENFILE || number == ENOMEM;
}

void error_warn(const char *format, ...) {
    if (quiet_mode)
        return;
    va_list args;
    va_start(args, format);
    char prefix[32];
    bool painted = paint && !file;
    snprintf(prefix, sizeof prefix, "%swarning:%s ", painted ? paint(true) : "",
             painted ? paint(false) : "");
    print_line(prefix, format, args, NULL);
    va_end(args);
}

void error_info(const char *format, ...) {
    if (quiet_mode)
        return;
    va_list args;
    va_start(args, format);
    print_line("", format, args, NULL);
    va_end(args);
}

void error_tell(const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_line("", format, args, NULL);
    va_end(args);
}

void error_set_failed_status(int status) {
    failed_status = status;
}

int error_failed_status(void) {
    return failed_status;
}

void error_set_paint(error_paint *how) {
    paint = how;
}

void error_set_file(FILE *to) {
    file = to;
}

void error_set_quiet(int quiet) {
    quiet_mode = quiet;
}

int error_quiet(void) {
    return quiet_mode;
}
