/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers of the fuzzers: see fuzz.h. */
#include "fuzz.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"
#include "text.h"

uint8_t fuzz_byte(struct fuzz *f) {
    if (!f->left)
        return 0;
    f->left--;
    return *f->at++;
}

uint32_t fuzz_number(struct fuzz *f, uint32_t below) {
    uint32_t high = fuzz_byte(f), value = high << 8 | fuzz_byte(f);
    return below ? value % below : 0;
}

/* Somewhere in @n bytes: two bytes reach as far as they can, and as near to the start. */
static size_t place(struct fuzz *f, size_t n) {
    size_t at = fuzz_number(f, 65536);
    return !n ? 0 : at & 1 ? at * n / 65536 : at / 2 % n;
}

uint8_t *fuzz_edit(struct fuzz *f, const uint8_t *base, size_t n, size_t *n_out) {
    size_t capacity = n + 8 * f->left + 16;
    uint8_t *out = text_alloc(capacity);
    memcpy(out, base, n);
    while (f->left && n) {
        uint8_t how = fuzz_byte(f) % 8, value = fuzz_byte(f);
        size_t at = place(f, n), more;
        switch (how) {
        case 0:
        case 1:
            out[at] = value;
            break;
        case 2:
            out[at] ^= (uint8_t)(1u << value % 8);
            break;
        case 3: /* a number of four bytes, near an edge */
            for (size_t i = 0; i < 4 && at + i < n; i++)
                out[at + i] = value & 1 ? 0xff : i ? 0 : value;
            break;
        case 4:
            if (n + 1 < capacity) {
                memmove(out + at + 1, out + at, n++ - at);
                out[at] = value;
            }
            break;
        case 5:
            memmove(out + at, out + at + 1, --n - at);
            break;
        case 6: /* repeat some of it elsewhere */
            more = place(f, n);
            for (size_t i = 0; i < value && at + i < n && more + i < n; i++)
                out[more + i] = out[at + i];
            break;
        default:
            if (value < 16)
                n = at;
        }
    }
    *n_out = n;
    return out;
}

void fuzz_silence(void) {
    FILE *nowhere = fopen("/dev/null", "we");
    if (!nowhere || !freopen("/dev/null", "we", stdout))
        abort();
    stderr = nowhere;
}

void fuzz_keep_alarm(void) {
    struct sigaction before;
    sigaction(SIGALRM, NULL, &before);
    interrupt_install(); /* once for all commands */
    sigaction(SIGALRM, &before, NULL);
}

const char *fuzz_path(const char *name) {
    static char path[4096];
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/dearth-fuzz-%d-%s", folder ? folder : "/tmp",
             (int)getpid(), name);
    return path;
}

void fuzz_write(const char *path, const uint8_t *data, size_t n) {
    FILE *file = fopen(path, "we");
    if (!file || fwrite(data, 1, n, file) != n || fclose(file) != 0)
        abort();
}

uint8_t *fuzz_read(const char *path, size_t *n) {
    FILE *file = fopen(path, "re");
    struct text t = {0};
    char buffer[65536];
    size_t got;
    while (file && (got = fread(buffer, 1, sizeof buffer, file)) > 0)
        text_add_n(&t, buffer, got);
    if (!file || fclose(file) != 0)
        abort();
    *n = t.n;
    return (uint8_t *)text_take(&t);
}
