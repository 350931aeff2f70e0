/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Print what symbols.c knows about addresses on stdin (hex, one a line), one line each:
 * address, then "function|file:line" innermost first. First line: where names come from.
 * usage: symbols_print FILE
 */
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbols.h"

int main(int argc, char **argv) {
    if (argc != 2)
        return 2;
    elf_version(EV_CURRENT);
    int fd = open(argv[1], O_RDONLY);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    const void *id = NULL;
    ssize_t n = dwelf_elf_gnu_build_id(elf, &id);
    if (n <= 0)
        return 3;
    struct symbols_wanted wanted = {argv[1], id, (uint32_t)n, false};
    struct symbols *symbols;
    enum symbols_outcome outcome = symbols_new(&wanted, &symbols);
    printf("%s\n", outcome == SYMBOLS_FOUND ? symbols_source(symbols) : "not found");
    char line[64];
    while (symbols && fgets(line, sizeof line, stdin)) {
        const struct symbol_line *found;
        uint64_t address = strtoull(line, NULL, 16);
        uint32_t k = symbols_look_up(symbols, address, &found);
        printf("0x%llx", (unsigned long long)address);
        for (uint32_t i = 0; i < k; i++)
            printf(" %s|%s:%u", found[i].function ? found[i].function : "??",
                   found[i].file ? found[i].file : "??", found[i].line);
        putchar('\n');
    }
    symbols_free(symbols);
    elf_end(elf);
    close(fd);
    return 0;
}
