/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: a constructor that throws after it has taken memory: no destructor runs, and the
 * member is a plain pointer. Fixed: a std::unique_ptr, whose destructor does.
 *
 * expect: *make_index* once=reported sticky=reported
 * expect fixed: *make_index* once=reported sticky=reported
 * leaks: *make_index* *make_buffer*
 */
#include <cstdio>
#include <memory>
#include <new>

__attribute__((noinline)) static char *make_buffer() {
    char *p = new char[4096]();
    p[0] = 'b';
    return p;
}

__attribute__((noinline)) static char *make_index() {
    char *p = new char[512]();
    p[0] = 'i';
    return p;
}

#ifdef FIXED
struct Session {
    std::unique_ptr<char[]> buffer{make_buffer()}, index{make_index()};
};
#else
struct Session {
    char *buffer = make_buffer();
    char *index = make_index();
    ~Session() {
        delete[] buffer;
        delete[] index;
    }
};
#endif

__attribute__((noinline)) static int work() {
    try {
        Session session;
        std::printf("%c%c\n", session.buffer[0], session.index[0]);
        return 0;
    } catch (const std::bad_alloc &) {
        std::fputs("out of memory\n", stderr);
        return 1;
    }
}

int main() {
    return work();
}
