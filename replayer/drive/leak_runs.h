/* SPDX-License-Identifier: Apache-2.0 */
/* A second look at what went well, for leaks. */
#ifndef DEARTH_LEAK_RUNS_H
#define DEARTH_LEAK_RUNS_H

struct replay;

/** Run faults that went well again and look for leaks. Return: as drive_run(). */
int leak_runs(struct replay *r);

#endif
