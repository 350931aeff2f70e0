/* The commands: each takes argv with its own name in argv[0] and returns an exit status.
 */
#ifndef DEARTH_COMMANDS_H
#define DEARTH_COMMANDS_H

#define COMMAND(name, help) int command_##name(int argc, char **argv);
#include "commands.def"
#undef COMMAND

#endif
