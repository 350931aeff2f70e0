/* SPDX-License-Identifier: Apache-2.0 */
/* Among the programs of a suite: see shared.h. */
#include "shared.h"

void replay_shared_deinit(struct replay_shared *shared) {
    scoping_modules_deinit(&shared->modules);
}
