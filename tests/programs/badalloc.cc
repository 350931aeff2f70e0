/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy, no bug: std::bad_alloc is caught nowhere, so std::terminate() aborts.
 * Fixed: caught in main() and reported; an entry that the vector cannot take is lost.
 *
 * expect: *Ledger::add* once=aborted sticky=aborted
 * expect fixed: *Ledger::add* once=reported sticky=reported
 * leaks fixed: *Ledger::add* *Ledger::add*
 */
#include <cstdio>
#include <new>
#include <string>
#include <vector>

struct Ledger {
    std::vector<int *> entries;
    __attribute__((noinline)) void add(int amount) {
        entries.push_back(new int(amount));
    }
    ~Ledger() {
        for (int *entry : entries)
            delete entry;
    }
};

static int run() {
    Ledger ledger;
    int sum = 0;
    for (int i = 0; i < 20; i++)
        ledger.add(i);
    for (int *entry : ledger.entries)
        sum += *entry;
    std::printf("%d\n", sum);
    return 0;
}

int main() {
#ifdef FIXED
    try {
        return run();
    } catch (const std::bad_alloc &) {
        std::fputs("out of memory\n", stderr);
        return 1;
    }
#else
    return run();
#endif
}
