/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes, renames and removes files in its working directory and in the directory it is
 * given; when memory runs out it leaves a torn file behind. Nobody may find a trace of an
 * attempt afterwards.
 *
 * usage: files [DIRECTORY]
 * expect: new_page once=reported sticky=reported
 */
#include <unistd.h>

#include "program.h"

OWN_FRAME char *new_page(void) {
    return opaque(malloc(512));
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    if (!file) {
        perror(path);
        exit(4);
    }
    fputs(text, file);
    fclose(file);
}

int main(int argc, char **argv) {
    char path[1000];
    write_text("new-file", "half");
    write_text("existing", "torn");
    if (argc > 1) {
        snprintf(path, sizeof path, "%s/outside", argv[1]);
        write_text(path, "torn");
    }
    char *page = new_page();
    if (!page)
        return 1;
    strcpy(page, "whole\n");
    write_text("existing", page);
    rename("new-file", "renamed");
    remove("to-remove");
    free(page);
    puts("written");
    return 0;
}
