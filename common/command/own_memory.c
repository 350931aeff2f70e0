/* SPDX-License-Identifier: Apache-2.0 */
/* Memory inside of libraries: see own_memory.h. */
#include "own_memory.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <malloc.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>

#include "error.h"
#include "text.h"

static sqlite3_mem_methods next;
static bool failed; /* relaxed: threads only ever set it */

static void *watched(void *p) {
    if (!p)
        __atomic_store_n(&failed, true, __ATOMIC_RELAXED);
    return p;
}

static void *watched_malloc(int n) {
    return watched(next.xMalloc(n));
}

static void *watched_realloc(void *p, int n) {
    return watched(next.xRealloc(p, n));
}

static void *get(size_t n) {
    void *p = malloc(n ? n : 1);
    if (!p)
        text_out_of_memory();
    return p;
}

#define HEAP_STEP_BYTES (512 << 10)
#define HEAP_KEPT_BYTES (32 << 20)
#define MAPPED_BYTES                                                                     \
    (8 << 20) /* glibc comes to this by itself, but not when told the others */

/* What SQLite gives back it wants again: the heap's end went up and down with every statement, and each
 * page was faulted in anew. */
static void keep_heap(void) {
#ifdef M_TOP_PAD /* glibc's */
    mallopt(M_TOP_PAD, HEAP_STEP_BYTES);
    mallopt(M_TRIM_THRESHOLD, HEAP_KEPT_BYTES);
    mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
#endif
}

/* Databases are one thread's at a time, and nobody asks SQLite how much memory it has: locks and counters
 * around each statement and block took a tenth of a short recording's instructions. */
static void keep_one_thread(void) {
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

void own_memory_start(void) {
    keep_heap();
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = get, .free_fn = free});
    keep_one_thread();
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &next) != SQLITE_OK)
        return;
    sqlite3_mem_methods methods = next;
    methods.xMalloc = watched_malloc;
    methods.xRealloc = watched_realloc;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}

int own_memory_end(int status) {
    if (status != EXIT_OK || !__atomic_load_n(&failed, __ATOMIC_RELAXED))
        return status;
    error_print(-ENOMEM,
                "memory ran out on the way: the result may not be whole; run the "
                "command again with more");
    return error_failed_status();
}
