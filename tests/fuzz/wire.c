/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between dearth and its workers: a worker that went mad must not take dearth along. */
#include "wire.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "text.h"
#include "written.h"

/* What wire_send_...() puts on the line, at most 64 KiB. */
static struct text overhear(bool work) {
    int ends[2];
    struct text t = {0};
    char buffer[65536];
    ssize_t n;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        abort();
    if (work) {
        struct tagged_order orders[3] = {0};
        struct wire_work w = {.tag = 1, .n = 3, .orders = orders};
        wire_send_work(ends[0], &w);
    } else {
        struct crash_frame frames[2] = {
            {.module = (char *)"/lib/one", .function = (char *)"f"},
            {.module = (char *)"[anon]"}};
        struct leaked_site leaks[2] = {0};
        struct written_file file = {.path = (char *)"/tmp/x"};
        struct observation seen = {.proof.exe = (char *)"/bin/program",
                                   .output.stdout_data = (uint8_t *)"abc",
                                   .output.stdout_kept = 3,
                                   .output.stderr_tail = (char *)"x",
                                   .output.stderr_tail_n = 1,
                                   .crash.frames = frames,
                                   .crash.n_frames = 2,
                                   .leaks.sites = leaks,
                                   .leaks.n = 2,
                                   .output.files = &file,
                                   .output.n_files = 1};
        wire_send_result(ends[0], 1, &seen);
    }
    close(ends[0]);
    while ((n = recv(ends[1], buffer, sizeof buffer, 0)) > 0)
        text_add_n(&t, buffer, (size_t)n);
    close(ends[1]);
    return t;
}

static void touch(const void *p, uint64_t n) {
    for (uint64_t i = 0; i < n; i++)
        (void)*(const volatile uint8_t *)((const char *)p + i);
}

static void receive(bool work, const uint8_t *data, size_t n) {
    int ends[2];
    uint64_t tag;
    if (n > 65536 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return;
    if (send(ends[0], data, n, 0) != (ssize_t)n)
        abort();
    close(ends[0]);
    if (work) {
        struct wire_work w = {0};
        if (wire_receive_work(ends[1], &w) == 0) {
            touch(w.orders, w.n * sizeof *w.orders);
            free(w.orders);
        }
    } else {
        struct observation seen = {0};
        if (wire_receive_result(ends[1], &tag, &seen) == 0) {
            touch(seen.output.stdout_data, seen.output.stdout_kept);
            touch(seen.served.after_data, seen.served.after_kept);
            touch(seen.output.stderr_tail, seen.output.stderr_tail_n);
            touch(seen.leaks.sites, seen.leaks.n * sizeof *seen.leaks.sites);
            for (uint32_t i = 0; i < seen.output.n_files; i++)
                touch(seen.output.files[i].kept, seen.output.files[i].n_kept);
            observation_deinit(&seen);
        }
    }
    close(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n) {
    static struct text bases[2];
    struct fuzz f = {input, n};
    for (int i = 0; i < 2 && !bases[i].n; i++)
        bases[i] = overhear(i);
    bool work = fuzz_byte(&f) & 1;
    size_t n_edited;
    AUTO_FREE uint8_t *edited =
        fuzz_edit(&f, (const uint8_t *)bases[work].data, bases[work].n, &n_edited);
    receive(work, edited, n_edited);
    return 0;
}
