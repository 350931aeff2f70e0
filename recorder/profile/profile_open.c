/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a recording for stats, export and diff. `dearth record --no-symbols` leaves functions and
 * lines to the next command: that is here, when the file can be written to and nobody is
 * recording into it. Else what is there is shown: module+offset.
 */
#include <errno.h>
#include <unistd.h>

#include "error.h"
#include "profile.h"
#include "resolve.h"
#include "store_programs.h"

static bool wants_symbols(struct store *store, int64_t recording_id) {
    AUTO_FREE char *sql = text_format("SELECT 1 FROM site_stat t JOIN site s ON s.id = "
                                      "t.site_id JOIN recording r ON r.id "
                                      "= t.recording_id WHERE t.recording_id = %lld AND "
                                      "s.location_id IS NULL AND r.state "
                                      "<> 'running' LIMIT 1",
                                      (long long)recording_id);
    return store_int(store, sql, 0) != 0;
}

/* A view of one recording is not to pass for one of all programs. */
static int check_one_program(struct store *store) {
    struct store_programs programs;
    int r = store_programs_load(store, NULL, &programs);
    if (r == 0 && programs.n > 1)
        r = error_print(-EINVAL,
                        "%s: holds %zu programs (%s, %s%s), and this is about one "
                        "recording: name it; 'dearth report' is about all",
                        store->path, programs.n, programs.items[0].name,
                        programs.items[1].name, programs.n > 2 ? ", ..." : "");
    store_programs_deinit(&programs);
    return r;
}

int profile_open(const char *path, int64_t wanted, struct store **out,
                 int64_t *recording_id) {
    struct store *store = NULL;
    int r = store_new(path, STORE_READ, &store);
    if (r < 0)
        return r;
    int64_t id = wanted ? 0 : check_one_program(store);
    if (id == 0)
        id = store_recording(store, wanted);
    if (id > 0 && wants_symbols(store, id)) {
        struct store *writable = NULL;
        if (access(path, W_OK) < 0 || store_new(path, STORE_WRITE, &writable) < 0)
            error_info(
                "%s: functions and lines are not known yet and cannot be stored: the "
                "file is read-only",
                path);
        else
            r = resolve_store(writable, !error_quiet() && isatty(STDERR_FILENO));
        store_free(writable);
    }
    if (id < 0 || r < 0) {
        store_free(store);
        return r < 0 ? r : (int)id;
    }
    *out = store;
    *recording_id = id;
    return 0;
}
