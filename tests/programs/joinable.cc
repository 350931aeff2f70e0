/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: main() catches std::bad_alloc, but on its way there a thread that was not joined is destroyed.
 * Fixed: it is joined first.
 *
 * expect: collect* once=crashed sticky=crashed
 * expect fixed: collect* once=reported sticky=reported
 */
#include <cstdio>
#include <new>
#include <thread>

__attribute__((noinline)) static int collect(int &result) {
    int *room = new int[5000];
    __asm__ volatile("" : "+r"(room) : : "memory"); /* may not be left out */
    room[0] = result;
    int first = room[0];
    delete[] room;
    return first;
}

static int work() {
    int result = 0;
    std::thread worker([&] { result = 1; });
#ifdef FIXED
    worker.join();
    return collect(result);
#else
    int first = collect(result);
    worker.join();
    return first >= 0;
#endif
}

int main() {
    try {
        std::printf("%d\n", work());
    } catch (const std::bad_alloc &) {
        std::fputs("no memory\n", stderr);
        return 1;
    }
}
