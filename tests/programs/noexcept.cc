/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: main() catches std::bad_alloc, but it cannot leave twice(), which is noexcept, nor a destructor.
 * Fixed: nobody catches it, so that noexcept makes no difference: a policy.
 *
 * expect: twice* once=crashed sticky=crashed
 * expect: Report::~Report* once=crashed sticky=crashed
 * expect fixed: twice* once=aborted sticky=aborted
 * expect fixed: Report::~Report* once=aborted sticky=aborted
 */
#include <cstdio>
#include <new>
#include <string>
#include <vector>

using numbers = std::vector<int>;

__attribute__((noinline)) static numbers twice(const numbers &of) noexcept {
    numbers result(of);
    for (int &x : result)
        x *= 2;
    return result;
}

struct Report {
    int n;
    __attribute__((noinline)) ~Report() {
        std::string line(100, 'r');
        std::printf("%s %d\n", line.c_str(), n);
    }
};

static int run() {
    static const numbers three(3, 7);
    std::puts("a report"); /* makes stdout's buffer */
    Report report{0};
    report.n = twice(three)[1];
    return 0;
}

int main() {
#ifdef FIXED
    return run();
#else
    try {
        return run();
    } catch (const std::bad_alloc &) {
        std::fputs("no memory\n", stderr);
        return 1;
    }
#endif
}
