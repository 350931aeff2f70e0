/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C++14. room() throws a type of the standard's at once, and says for what: a policy, be it inlined.
 * Flaws: std::bad_alloc cannot leave measure(), whose specification names nothing, although main() would catch it;
 * check() throws on what nobody has caught.
 * Fixed: the one may throw, the other returns.
 *
 * expect: measure* once=crashed sticky=crashed
 * expect: check* once=crashed
 * expect: begin* once=reported
 * expect: *room* once=aborted
 * expect fixed: measure* once=reported sticky=reported
 * expect fixed: check* once=reported sticky=reported
 * expect fixed: begin* once=reported
 * expect fixed: *room* once=aborted
 */
#include <cstdlib>
#include <new>
#include <stdexcept>

#define OWN_FRAME __attribute__((noinline, noclone))
#define KEEP(p)   __asm__ volatile("" : "+r"(p) : : "memory") /* may not be left out */

#ifdef FIXED
OWN_FRAME static int measure() {
#else
OWN_FRAME static int measure() throw() {
#endif
    int *p = new int[200];
    KEEP(p);
    p[0] = 7;
    int n = p[0];
    delete[] p;
    return n;
}

OWN_FRAME static int begin() {
    int *p = new int[100];
    KEEP(p);
    p[0] = 1;
    int n = p[0];
    delete[] p;
    return n;
}

OWN_FRAME static int check() {
    char *p = static_cast<char *>(std::malloc(300));
    KEEP(p);
    bool failed = p == nullptr;
    std::free(p);
#ifndef FIXED
    if (failed)
        throw;
#endif
    return failed;
}

static inline __attribute__((always_inline)) char *room() {
    char *p = static_cast<char *>(std::malloc(500));
    KEEP(p);
    if (!p)
        throw std::runtime_error("out of memory");
    return p;
}

int main() {
    int n;
    try {
        n = measure() - begin();
    } catch (const std::bad_alloc &) {
        return 1;
    }
    if (check())
        return 1;
    char *p = room();
    p[0] = static_cast<char>(n);
    n = p[0];
    std::free(p);
    return n != 6;
}
