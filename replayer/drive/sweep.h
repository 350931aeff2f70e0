/* SPDX-License-Identifier: Apache-2.0 */
/* The loop for a program that takes many faults. */
#ifndef DEARTH_SWEEP_H
#define DEARTH_SWEEP_H

struct replay;

/** The same as drive_run() with one program that takes one fault after another. */
int sweep_run(struct replay *r);

#endif
