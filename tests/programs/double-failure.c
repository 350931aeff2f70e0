/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: a second failure while the first one is handled. What is said about it is composed in
 * memory too, and nobody looks whether there was any. Each failure alone ends as it should, and
 * when nothing can be allocated any more, new_log is the first to notice. Only the pair of a
 * failure and compose's crashes: --depth 2 (depth2.sh).
 *
 * expect: new_table once=reported sticky=reported
 * expect: new_row once=reported sticky=reported
 * expect fixed: new_table once=reported sticky=reported
 * expect fixed: new_row once=reported sticky=reported
 */
#include <unistd.h>

#include "program.h"

OWN_FRAME char *compose(const char *what) {
    char *message = opaque(malloc(strlen(what) + 32));
#ifdef FIXED
    if (!message)
        return NULL;
#endif
    return strcat(strcpy(message, "out of memory for the "), what);
}

OWN_FRAME char *new_log(void) {
    return opaque(malloc(100));
}

OWN_FRAME int complain(const char *what) {
    static const char plain[] = "out of memory\n";
    char *log = new_log();
    if (!log)
        return 2;
    char *message = compose(what);
    if (message)
        write(2, message, strlen(message));
    else
        write(2, plain, sizeof plain - 1);
    free(message);
    free(log);
    return 1;
}

OWN_FRAME int *new_table(void) {
    return opaque(calloc(16, sizeof(int)));
}

OWN_FRAME int *new_row(void) {
    return opaque(malloc(64));
}

int main(void) {
    static const char done[] = "done\n";
    int *table = new_table();
    if (!table)
        return complain("table");
    int *row = new_row();
    if (!row) {
        free(table);
        return complain("row");
    }
    write(1, done, sizeof done - 1);
    free(row);
    free(table);
    return 0;
}
