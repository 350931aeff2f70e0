/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: the error path of open_reader() forgets the reader when its buffer cannot be had.
 * The verdict is that of the answer (reported); the leak comes on top of it.
 * Fixed: freed.
 *
 * expect: new_reader once=reported sticky=reported
 * expect: new_reader_buffer once=reported sticky=reported
 * expect fixed: new_reader once=reported sticky=reported
 * expect fixed: new_reader_buffer once=reported sticky=reported
 * leaks: new_reader_buffer new_reader
 */
#include "program.h"

struct reader {
    char *buffer;
    size_t used;
};

OWN_FRAME struct reader *new_reader(void) {
    return opaque(calloc(1, sizeof(struct reader)));
}

OWN_FRAME char *new_reader_buffer(void) {
    return opaque(malloc(65536));
}

OWN_FRAME struct reader *open_reader(void) {
    struct reader *reader = new_reader();
    if (!reader)
        return NULL;
    reader->buffer = new_reader_buffer();
    if (!reader->buffer) {
#ifdef FIXED
        free(reader);
#endif
        return NULL;
    }
    return reader;
}

int main(void) {
    struct reader *reader = open_reader();
    if (!reader) {
        fputs("cannot open a reader\n", stderr);
        return 1;
    }
    reader->used = 12;
    printf("%zu\n", reader->used);
    free(reader->buffer);
    free(reader);
    return 0;
}
