/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's own handler ends it, and says nothing of the exception. That none of its functions catches
 * std::bad_alloc is a policy as ever.
 * Flaws: std::bad_alloc cannot leave twice(), although its caller would catch it; pick() throws since load() had
 * no memory before.
 * Fixed: it can, and load() says so.
 *
 * expect: twice* once=crashed sticky=crashed
 * expect: load* once=crashed
 * expect: begin* once=reported sticky=reported
 * expect: last* once=aborted sticky=aborted
 * expect fixed: twice* once=reported sticky=reported
 * expect fixed: load* once=reported sticky=reported
 * expect fixed: begin* once=reported sticky=reported
 * expect fixed: last* once=aborted sticky=aborted
 */
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <stdexcept>

#define OWN_FRAME __attribute__((noinline, noclone))
#define KEEP(p)   __asm__ volatile("" : "+r"(p) : : "memory") /* may not be left out */

static void end_it() {
    std::fputs("ended\n", stderr);
    std::abort();
}

#ifdef FIXED
OWN_FRAME static int twice(int n) {
#else
OWN_FRAME static int twice(int n) noexcept {
#endif
    int *p = new int[200];
    KEEP(p);
    p[0] = n;
    int sum = p[0] + n;
    delete[] p;
    return sum;
}

OWN_FRAME static int begin() {
    int *p = new int[150];
    KEEP(p);
    p[0] = 1;
    int n = p[0];
    delete[] p;
    return n;
}

static bool is_loaded;

OWN_FRAME static bool load() {
    char *p = static_cast<char *>(std::malloc(300));
    KEEP(p);
    is_loaded = p != nullptr;
    std::free(p);
#ifdef FIXED
    return is_loaded;
#else
    return true;
#endif
}

OWN_FRAME static int pick() {
    if (!is_loaded)
        throw std::out_of_range("pick");
    return 1;
}

OWN_FRAME static int last() {
    int *p = new int[100];
    KEEP(p);
    p[0] = 3;
    int n = p[0];
    delete[] p;
    return n;
}

int main() {
    std::set_terminate(end_it);
    int n;
    try {
        n = twice(4) + begin();
    } catch (const std::bad_alloc &) {
        return 1;
    }
    if (!load())
        return 1;
    return n + pick() + last() == 13 ? 0 : 2;
}
