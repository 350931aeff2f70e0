/* SPDX-License-Identifier: Apache-2.0 */
/* RUST_BACKTRACE and its kin: see backtrace.h. */
#include "backtrace.h"

#include <stdlib.h>
#include <string.h>

#include "store.h"

static const char *const names[] = {"RUST_BACKTRACE", "RUST_LIB_BACKTRACE"};

bool backtrace_is_variable(const char *name, size_t n) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
            return true;
    return false;
}

bool backtrace_leave_out(void) {
    bool any = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        any |= getenv(names[i]) != NULL;
        unsetenv(names[i]);
    }
    return any;
}

bool backtrace_has_rust(struct store *store) {
    return store_int(store, "SELECT 1 FROM symbol WHERE file GLOB '*.rs' LIMIT 1", 0);
}
