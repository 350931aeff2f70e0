/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: bad_alloc is caught where the work can go on without the big table (handled),
 * and further out where it cannot (reported).
 *
 * expect: *big_table* once=handled
 * expect: *must_have* once=reported sticky=reported
 */
#include <cstdio>
#include <memory>
#include <new>
#include <vector>

__attribute__((noinline)) static std::vector<int> big_table() {
    return std::vector<int>(100000, 1);
}

__attribute__((noinline)) static std::unique_ptr<int> must_have() {
    return std::make_unique<int>(5);
}

int main() {
    try {
        try {
            std::vector<int> table = big_table();
            __asm__ volatile("" : : "r"(table.data()) : "memory");
        } catch (const std::bad_alloc &) {
        }
        std::unique_ptr<int> five = must_have();
        std::printf("%d\n", *five);
        return 0;
    } catch (const std::bad_alloc &) {
        std::fputs("out of memory\n", stderr);
        return 1;
    }
}
