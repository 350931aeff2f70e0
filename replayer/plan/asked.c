/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks for which sites: see asked.h. */
#include "asked.h"

#include "demand.h"
#include "error.h"

int asked_mark(const char *path, struct store *store, struct sites *sites) {
    struct demand wanted = {0}, here = {0};
    uint32_t n = 0;
    int r = demand_load(path, &wanted);
    if (r == 0)
        r = demand_read(store, &here);
    for (uint32_t i = 0; r == 0 && i < sites->input.n_sites; i++) {
        sites->list[i].demand = demand_calls(&wanted, &here, sites->list[i].key);
        n += sites->list[i].demand > 0;
    }
    if (r == 0 && !n)
        error_warn(
            "--demand %s: it has none of the sites that were recorded here, neither in "
            "these builds nor by their names",
            path);
    demand_deinit(&wanted);
    demand_deinit(&here);
    return r;
}
