/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions of other types that nobody catches. Five stand for the lack of memory: one is thrown by
 * the function that was given NULL, one in the place of a std::bad_alloc that was caught, one derives from it,
 * one says so, and is thrown on by who cleans up, and a std::thread that could not be started throws std::system_error.
 * Flaw: remember() and keep() do not look at their NULL, and what verify() then throws says that the state is wrong, be it
 * thrown on or not;
 * index_of() throws a std::logic_error, which stands for a mistake and not for a lack of memory.
 * Fixed: both look, and the program ends with a status.
 *
 * expect: remember* once=crashed
 * expect: index_of* once=crashed
 * expect: keep* once=crashed
 * expect: name* once=aborted sticky=aborted
 * expect: buffer* once=aborted sticky=aborted
 * expect: make_table* once=aborted sticky=aborted
 * expect: late* once=aborted sticky=aborted
 * expect: begin* once=aborted
 * expect fixed: remember* once=reported
 * expect fixed: index_of* once=reported
 * expect fixed: keep* once=reported
 * expect fixed: name* once=aborted sticky=aborted
 * expect fixed: buffer* once=aborted sticky=aborted
 * expect fixed: make_table* once=aborted sticky=aborted
 * expect fixed: late* once=aborted sticky=aborted
 * expect fixed: begin* once=aborted
 */
#include <cstdio>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <thread>

namespace app {
struct error {
    explicit error(int of) : code(of) {
    }
    virtual ~error() = default;
    int code;
};
struct refused : std::runtime_error {
    using std::runtime_error::runtime_error;
};
struct misuse : std::logic_error {
    using std::logic_error::logic_error;
};
struct tagged {
    int tag = 7;
    virtual ~tagged() = default;
};
struct short_of_memory : tagged, std::bad_alloc {};
} // namespace app

#define OWN_FRAME __attribute__((noinline, noclone))
#define KEEP(p)   __asm__ volatile("" : "+r"(p) : : "memory") /* may not be left out */

static char *last;

OWN_FRAME static bool remember() {
    last = static_cast<char *>(std::malloc(300));
    KEEP(last);
#ifdef FIXED
    return last != nullptr;
#else
    return true;
#endif
}

OWN_FRAME static void verify() {
    if (!last)
        throw app::error(3);
}

static char *kept;

OWN_FRAME static bool keep() {
    kept = static_cast<char *>(std::malloc(1100));
    KEEP(kept);
#ifdef FIXED
    return kept != nullptr;
#else
    return true;
#endif
}

OWN_FRAME static void verify_kept() {
    if (!kept)
        throw app::refused("failed to find what was kept");
}

OWN_FRAME static char *name() {
    char *p = static_cast<char *>(std::malloc(1300));
    KEEP(p);
    if (!p)
        throw app::refused("failed to allocate a name");
    return p;
}

static int cleaned_up;

/* As containers do for what their elements throw. */
template <typename F> OWN_FRAME static auto cleaning_up(F f) {
    try {
        return f();
    } catch (...) {
        cleaned_up++;
        throw;
    }
}

OWN_FRAME static int *index_of() {
    int *index = static_cast<int *>(std::malloc(500));
    KEEP(index);
#ifndef FIXED
    if (!index)
        throw app::misuse("no index");
#endif
    return index;
}

OWN_FRAME static char *buffer() {
    char *p = static_cast<char *>(std::malloc(700));
    KEEP(p);
    if (!p)
        throw app::error(4);
    return p;
}

OWN_FRAME static int *make_table() {
    int *p = new int[200];
    KEEP(p);
    return p;
}

OWN_FRAME static int *table() {
    try {
        return make_table();
    } catch (const std::bad_alloc &) {
        throw app::refused("a table");
    }
}

static bool is_late;

OWN_FRAME static char *late() {
    char *p = static_cast<char *>(std::malloc(900));
    KEEP(p);
    is_late = !p;
    return p;
}

OWN_FRAME static void tell() {
    if (is_late)
        throw app::short_of_memory();
}

static void *hold(void *of) {
    KEEP(of);
    return of;
}

OWN_FRAME static void begin() {
    std::thread worker([] { hold(nullptr); });
    worker.join();
}

int main() {
    if (!remember())
        return 1;
    verify();
    int *index = index_of();
    if (!index)
        return 1;
    if (!keep())
        return 1;
    cleaning_up(verify_kept);
    char *named = cleaning_up(name);
    char *first = buffer();
    int *numbers = table();
    char *second = late();
    tell();
    begin();
    std::printf("%d\n", index && first && numbers && second);
    std::free(named);
    std::free(kept);
    std::free(second);
    delete[] numbers;
    std::free(first);
    std::free(index);
    std::free(last);
    return 0;
}
