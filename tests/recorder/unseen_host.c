/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unseen_host FILE [deep|apart]: loads a plugin as usual, with RTLD_DEEPBIND, or by dlmopen(), and lets it make
 * blocks; then unloads it. As usual and deep, it also lets it grow and end a block of the host's own, 1234 bytes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    const char *how = argc > 2 ? argv[2] : "";
    int flags = RTLD_NOW | (strcmp(how, "deep") == 0 ? RTLD_DEEPBIND : 0);
    void *plugin = strcmp(how, "apart") == 0 ? dlmopen(LM_ID_NEWLM, argv[1], RTLD_NOW)
                                             : dlopen(argv[1], flags);
    if (!plugin)
        return 2;
    void *(*make)(size_t) = (void *(*)(size_t))dlsym(plugin, "make");
    void *(*grow)(void *, size_t) = (void *(*)(void *, size_t))dlsym(plugin, "grow");
    void (*end)(void *) = (void (*)(void *))dlsym(plugin, "end");
    for (size_t i = 0; i < 10; i++)
        end(grow(make(500 + i), 900));
    if (argc < 4 && strcmp(how, "apart") != 0)
        end(grow(malloc(1234), 2345));
    dlclose(plugin);
    puts("served");
    return 0;
}
