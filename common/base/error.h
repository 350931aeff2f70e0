/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to the user. Whoever first sees a failure prints it once, on stderr, naming
 * the thing and the way out; callers pass the negative errno up unchanged and add
 * nothing.
 */
#ifndef DEARTH_ERROR_H
#define DEARTH_ERROR_H

#include <stdbool.h>
#include <stdio.h>

/* Exit statuses of every command. `dearth record` passes the program's
 * own on. */
enum exit_status {
    EXIT_OK = 0,
    EXIT_GATE_FAILED = 1,
    EXIT_CANNOT = 2,          /* dearth could not do its job, or was called wrongly */
    EXIT_INTERRUPTED = 130,   /* the user ended it (interrupt.h); what was done is kept */
    EXIT_RECORD_FAILED = 125, /* `dearth record` itself failed */
    EXIT_NOT_EXECUTABLE = 126,
    EXIT_NOT_FOUND = 127,
};

/**
 * Print "dearth: MESSAGE" and hand the error through.
 * @err: a negative errno, or 0 when errno says nothing about it (returns -EINVAL then)
 * What %s brings in is escaped here as elsewhere below (text_say() in text.h): a message is the
 * line that its format lays out.
 * Return: @err, for `return error_print(err, ...)`. strerror is not appended: say it in
 * words or use error_print_errno().
 */
int error_print(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Like error_print(), with ": strerror(-err)" appended. */
int error_print_errno(int err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Is it for want of descriptors or memory, which says nothing of what was asked for? @err: errno or -errno */
bool error_is_shortage(int err);

/** What this command ends with when dearth itself failed, said by main(): @status, else EXIT_CANNOT. */
void error_set_failed_status(int status);
/** Return: that status. For whoever cannot pass an error up. */
int error_failed_status(void);

/** Print "dearth: warning: MESSAGE" (hidden by -q). */
void error_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Print "dearth: MESSAGE" for information (hidden by -q). */
void error_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Print "dearth: MESSAGE", also with -q: what a command was asked for. */
void error_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** What begins a warning's first word on standard error, or ends it: a sequence, or "". */
typedef const char *error_paint(bool begin);
/** Colour warnings from here on. @how: NULL = plain, as at first */
void error_set_paint(error_paint *how);

/** Where messages go from here on, the caller's; NULL = standard error. */
void error_set_file(FILE *to);

/** Hide (1) or show (0) information and warnings. */
void error_set_quiet(int quiet);
/** Are information and warnings hidden? */
int error_quiet(void);

#endif
