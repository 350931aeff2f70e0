/* SPDX-License-Identifier: Apache-2.0 */
/* What `dearth repro` says: of the fault and the command before, of the end after. */
#ifndef DEARTH_REPRO_TEXT_H
#define DEARTH_REPRO_TEXT_H

struct conditions;
struct repro_case;
struct observation;

/** Which finding, and what fails, on stderr. */
void repro_text_fault(const struct repro_case *e);
/** How to run it by hand, on stdout. @path: of the database */
void repro_text_command(const struct repro_case *e, const struct conditions *c,
                        const char *path);
/** What the program printed, on the same streams. Return: 0, or a negative errno after a message when
 * standard output does not take it. */
int repro_text_output(const struct observation *seen);
/** How it ended, and where, on stderr. */
void repro_text_end(const struct observation *seen);

#endif
