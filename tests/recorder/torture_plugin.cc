/* SPDX-License-Identifier: Apache-2.0 */
// A library that throws, loaded and unloaded by torture_exceptions.cc.
#include <cstdlib>
#include <stdexcept>

extern "C" [[gnu::noinline]] int plugin_throws(int i) {
    void *p = malloc(66);
    asm volatile("" : "+r"(p) : : "memory");
    free(p);
    if (i >= 0)
        throw std::runtime_error(
            "from the plugin, longer than any string that is kept inside");
    return i;
}
