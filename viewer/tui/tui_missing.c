/* SPDX-License-Identifier: Apache-2.0 */
/* In place of tui.c where dearth is built without ncurses. */
#include <errno.h>

#include "error.h"
#include "tui.h"

int tui_check(void) {
    return error_print(-ENOSYS,
                       "view: this dearth was built without ncurses, which --tui needs: "
                       "install libncurses-dev and build it again; without --tui the "
                       "same is printed");
}

int tui_run(const struct report_data *data, const struct report_source *source) {
    (void)data;
    (void)source;
    return tui_check();
}
