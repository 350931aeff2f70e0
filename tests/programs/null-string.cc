/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: a std::string is made from a NULL that was not looked for: std::logic_error, which nobody catches.
 * It is no lack of memory that ends it.
 * Fixed: it is looked for.
 *
 * When memory stays short not even that exception can be made: std::bad_alloc takes its place.
 * expect: copy* once=crashed sticky=aborted
 * expect fixed: copy* once=reported sticky=reported
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

__attribute__((noinline)) static char *copy(const char *of) {
    return strdup(of);
}

int main() {
    char *name = copy("a name that is not short");
#ifdef FIXED
    if (!name)
        return 1;
#endif
    std::string first(name, name ? 5 : 0), whole(name);
    std::printf("%s %zu\n", first.c_str(), whole.size());
    std::free(name);
    return 0;
}
