/* SPDX-License-Identifier: Apache-2.0 */
/* What dearth was given as its standard descriptors: the program's own. */
#ifndef DEARTH_STANDARD_INPUT_H
#define DEARTH_STANDARD_INPUT_H

struct record_stdin;

/** Take what is closed of the first three: a descriptor of ours must not become the program's
 * standard output. */
void standard_input_fill(void);

/** What is standard input? @in: kind, path and offset; out, its path is the caller's. */
void standard_input_look(struct record_stdin *in);

#endif
