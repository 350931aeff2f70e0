/* SPDX-License-Identifier: Apache-2.0 */
/* The commands: each takes argv with its own name in argv[0] and returns an exit status. */
#ifndef DEARTH_COMMANDS_H
#define DEARTH_COMMANDS_H

#include <stdint.h>

#define COMMAND(name, help) int command_##name(int argc, char **argv);
#include "commands.def"
#undef COMMAND

/** Say what is wrong with options of `dearth replay`, and do nothing else. Return: an exit
 * status. */
int command_replay_options(int argc, char **argv);

struct replay_unit;
/**
 * `dearth replay` of a program of a suite, which first has to prove itself.
 * @unit: its proof is filled in; when it does not hold, the status is 0
 */
int command_replay_unit(int argc, char **argv, const struct replay_unit *unit);

/** Return: the first SIGINT, SIGQUIT, SIGTERM or SIGHUP that came while `dearth record` ran its program,
 * whoever answered it; 0 = none. */
int command_record_signal(void);

/** Return: the recording that `dearth record` made last in this process; 0 = none. */
int64_t command_record_id(void);

/** Say what is wrong with the file that `dearth report --baseline` is given. Return: an exit
 * status. */
int command_report_baseline(const char *path);

#endif
