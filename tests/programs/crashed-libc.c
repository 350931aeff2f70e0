/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: the copy of a name is handed to strlen() unchecked: the crash is inside libc, the
 * fault is the program's. Fixed: checked.
 *
 * expect: copy_name once=crashed sticky=crashed
 * expect fixed: copy_name once=reported sticky=reported
 */
#include "program.h"

OWN_FRAME char *copy_name(const char *name) {
    return opaque(strdup(name));
}

int main(int argc, char **argv) {
    char *name = copy_name(argc > 1 ? argv[1] : "crashed-libc");
#ifdef FIXED
    if (!name)
        return 1;
#endif
    size_t (*volatile length)(const char *) = strlen;
    printf("%zu\n", length(name));
    free(name);
    return 0;
}
