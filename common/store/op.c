/* SPDX-License-Identifier: Apache-2.0 */
/* Names of allocation functions: see op.h. Pure. */
#include "op.h"

#include <string.h>

#include "shm.h"

static const char *const names[SHM_N_OPS] = {
    [SHM_OP_MALLOC] = "malloc",
    [SHM_OP_CALLOC] = "calloc",
    [SHM_OP_REALLOC] = "realloc",
    [SHM_OP_REALLOCARRAY] = "reallocarray",
    [SHM_OP_POSIX_MEMALIGN] = "posix_memalign",
    [SHM_OP_ALIGNED_ALLOC] = "aligned_alloc",
    [SHM_OP_MEMALIGN] = "memalign",
    [SHM_OP_VALLOC] = "valloc",
    [SHM_OP_PVALLOC] = "pvalloc",
    [SHM_OP_FREE] = "free",
    [SHM_OP_MMAP] = "mmap",
    [SHM_OP_MREMAP] = "mremap",
    [SHM_OP_MUNMAP] = "munmap",
    [SHM_OP_BRK] = "brk",
    [SHM_OP_SHOULD_FAIL] = "should_fail",
};

const char *op_name(uint32_t op) {
    return op < SHM_N_OPS && names[op] ? names[op] : "unknown";
}

uint32_t op_from_name(const char *name) {
    for (uint32_t op = 1; name && op < SHM_N_OPS; op++)
        if (strcmp(names[op], name) == 0)
            return op;
    return SHM_OP_NONE;
}
