/* SPDX-License-Identifier: Apache-2.0 */
/* Results over the wire come back as they were sent; damage is an error. Digests do not depend on how
 * the bytes came. */
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "digest.h"

static struct observation make_observation(void) {
    struct observation seen = {
        .proof.fired = true, .end.exit_code = -1, .end.exit_signal = 11};
    seen.proof.exe = strdup("/bin/program");
    seen.output.stdout_data = (uint8_t *)strdup("a\nb");
    seen.output.stdout_kept = 3;
    seen.output.stderr_tail = calloc(1, 3);
    memcpy(seen.output.stderr_tail, "\0x", 2);
    seen.output.stderr_tail_n = 2;
    seen.crash.n_frames = 2;
    seen.crash.frames = calloc(2, sizeof *seen.crash.frames);
    seen.crash.frames[0].module = strdup("/lib/one");
    seen.crash.frames[0].function = strdup("broken");
    seen.crash.frames[0].offset = 0x123;
    seen.crash.frames[1].module = strdup("[anon]");
    return seen;
}

static void test_result(void) {
    int ends[2];
    struct observation sent = make_observation(), got = {0};
    uint64_t tag = 0;
    CHECK("result", socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK("result", wire_send_result(ends[0], 42, &sent) == 0);
    CHECK("result", wire_receive_result(ends[1], &tag, &got) == 0);
    CHECK("result", tag == 42 && got.proof.fired && got.end.exit_code == -1 &&
                        got.end.exit_signal == 11);
    CHECK("result", strcmp(got.proof.exe, sent.proof.exe) == 0 && got.crash.exe == NULL);
    CHECK("result",
          got.output.stdout_kept == 3 && memcmp(got.output.stdout_data, "a\nb", 3) == 0);
    CHECK("result",
          got.output.stderr_tail_n == 2 && memcmp(got.output.stderr_tail, "\0x", 2) == 0);
    CHECK("result", got.crash.n_frames == 2 && got.crash.frames[0].offset == 0x123);
    CHECK("result", strcmp(got.crash.frames[0].function, "broken") == 0);
    CHECK("result", got.crash.frames[1].function == NULL);
    CHECK("result", strcmp(got.crash.frames[1].module, "[anon]") == 0);
    observation_deinit(&sent);
    observation_deinit(&got);
    close(ends[0]);
    CHECK("result", wire_receive_result(ends[1], &tag, &got) == -EPIPE);
    close(ends[1]);
}

/* A worker that died in the middle, or an end that is no worker at all. */
static void test_damage(void) {
    struct observation sent = make_observation(), got = {0};
    uint64_t tag;
    char bytes[8192];
    int ends[2], broken[2];
    CHECK("damage", socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK("damage", wire_send_result(ends[0], 1, &sent) == 0);
    ssize_t n = recv(ends[1], bytes, sizeof bytes, 0);
    CHECK("damage", n > 100);
    for (ssize_t cut = 1; cut < n; cut += 37) {
        CHECK("damage", socketpair(AF_UNIX, SOCK_STREAM, 0, broken) == 0);
        CHECK("damage", send(broken[0], bytes, (size_t)cut, 0) == cut);
        close(broken[0]);
        CHECK("damage", wire_receive_result(broken[1], &tag, &got) == -EPIPE);
        close(broken[1]);
    }
    bytes[0] ^= 1;
    CHECK("damage", send(ends[0], bytes, (size_t)n, 0) == n);
    CHECK("damage", wire_receive_result(ends[1], &tag, &got) == -EPROTO);
    observation_deinit(&sent);
    close(ends[0]);
    close(ends[1]);
}

static void test_digest(void) {
    static uint8_t data[3 * DIGEST_BLOCK_BYTES + 5];
    uint8_t whole[16], pieces[16], other[16];
    static struct digest a, b, c, none;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    digest_add(&a, data, sizeof data);
    digest_end(&a, whole);
    for (size_t at = 0, step = 1; at < sizeof data; at += step, step = step % 4999 + 13) {
        size_t left = sizeof data - at;
        digest_add(&b, data + at, step < left ? step : left);
    }
    digest_end(&b, pieces);
    CHECK("digest", memcmp(whole, pieces, 16) == 0);
    data[DIGEST_BLOCK_BYTES] ^= 1;
    digest_add(&c, data, sizeof data);
    digest_end(&c, other);
    CHECK("digest", memcmp(whole, other, 16) != 0);
    memset(other, 0, 16);
    digest_end(&none, pieces);
    CHECK("digest", memcmp(pieces, other, 16) == 0);
}

int main(void) {
    test_result();
    test_damage();
    test_digest();
    return check_result();
}
