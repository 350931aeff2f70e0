/* SPDX-License-Identifier: Apache-2.0 */
/* A report for people, on a terminal or in a CI log. The same values give
 * the same text, but for lines of sources. */
#ifndef DEARTH_REPORT_TEXT_H
#define DEARTH_REPORT_TEXT_H

#include "report_data.h"
#include "report_tests.h"
#include "terminal.h"

struct report_text_options {
    uint32_t max_frames;   /* of each stack; 0 = all */
    uint32_t max_findings; /* groups of bugs and warnings shown in full; 0 = all */
    uint32_t max_members;  /* listed of each group; 0 = all */
    uint32_t max_untested; /* locations listed; 0 = all */
    unsigned width;        /* of a terminal: lines are broken to fit; 0 = they are not */
    bool sources;          /* show lines of the program's sources where they are found */
    const struct cli_list *source_folders; /* looked into first; NULL = none */
    enum report_by by;                     /* a table of these, too */
};

/* What --help says of --source-dir. */
#define REPORT_SOURCE_DIR_HELP                                                           \
    "text: look for the program's sources there first, by the whole of their paths or "  \
    "their ends (may be repeated)"

struct report_text_place { /* a run of data->untested with one location */
    size_t first, n;
    uint64_t bytes;
};
/** Untested sites that can be tested, by location, most bytes first. @out: free() it. Return: how many. */
size_t report_text_untested(const struct report_data *data,
                            struct report_text_place **out);

enum report_sources { SOURCES_AUTO, SOURCES_ALWAYS, SOURCES_NEVER }; /* --source */

/**
 * Suit a report to whoever reads it: colours, and where that is a person at a terminal its width, sources, and their paths
 * without the folder that they have in common (short_path_forget() ends that).
 * @here: it goes to standard output
 * Return: 0, or negative errno after a message.
 */
int report_text_suit(const struct report_data *data, bool here,
                     enum report_sources sources, struct report_text_options *options);

/** What a severity is shown in. */
enum color report_text_color(enum severity severity);

/**
 * Append the report, in colours where terminal_use() found that they are wanted.
 * Names and the program's stderr are escaped as text.h says, so that they cannot send sequences to
 * the reader's terminal nor forge lines. Return: 0, or negative errno
 * after a message (a stack could not be read).
 */
int report_text(const struct report_data *data, const struct report_text_options *options,
                struct text *out);

#endif
