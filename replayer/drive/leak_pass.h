/* SPDX-License-Identifier: Apache-2.0 */
/* A second look at what went well, for leaks. */
#ifndef DEARTH_LEAK_PASS_H
#define DEARTH_LEAK_PASS_H

struct replay;

/** Run faults that went well again and look for leaks. Return: as drive_run(). */
int leak_pass_run(struct replay *r);

#endif
