/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the parent and its workers: see wire.h. */
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "text.h"
#include "written.h"

#define WIRE_MAGIC   0x77686461u /* "adhw" */
#define WIRE_VERSION 1u
#define WIRE_MAX_BYTES                                                                   \
    (1ull << 30) /* a damaged length must not make us allocate the world */
#define NO_STRING UINT64_MAX

struct wire_head {
    uint32_t magic, version;
    uint32_t kind, reserved;
    uint64_t bytes;
};

static int send_all(int fd, const void *data, uint64_t n) {
    const char *p = data;
    while (n) {
        ssize_t done = send(fd, p, n, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        p += done, n -= (uint64_t)done;
    }
    return 0;
}

static int receive_all(int fd, void *data, uint64_t n) {
    char *p = data;
    while (n) {
        ssize_t done = recv(fd, p, n, 0);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return errno == ECONNRESET ? -EPIPE : -errno;
        if (done == 0)
            return -EPIPE;
        p += done, n -= (uint64_t)done;
    }
    return 0;
}

static int receive_head(int fd, enum wire_kind kind, uint64_t *bytes) {
    struct wire_head head;
    int err = receive_all(fd, &head, sizeof head);
    if (err)
        return err;
    if (head.magic != WIRE_MAGIC || head.version != WIRE_VERSION || head.kind != kind ||
        head.bytes > WIRE_MAX_BYTES)
        return -EPROTO;
    *bytes = head.bytes;
    return 0;
}

int wire_send(int fd, enum wire_kind kind, const void *fixed, uint32_t n) {
    struct wire_head head = {WIRE_MAGIC, WIRE_VERSION, kind, 0, n};
    struct text message = {0};
    text_add_n(&message, (const char *)&head, sizeof head);
    text_add_n(&message, fixed, n);
    int err = send_all(fd, message.data, message.n);
    text_deinit(&message);
    return err;
}

int wire_receive(int fd, enum wire_kind kind, void *fixed, uint32_t n) {
    uint64_t bytes;
    int err = receive_head(fd, kind, &bytes);
    if (err)
        return err;
    return bytes == n ? receive_all(fd, fixed, n) : -EPROTO;
}

/* --- work --- */

int wire_send_work(int fd, const struct wire_work *work) {
    uint64_t n = work->n * sizeof *work->orders;
    struct wire_head head = {WIRE_MAGIC, WIRE_VERSION, WIRE_WORK, 0, sizeof *work + n};
    struct text message = {0};
    text_add_n(&message, (const char *)&head, sizeof head);
    text_add_n(&message, (const char *)work, sizeof *work);
    text_add_n(&message, (const char *)work->orders, n);
    int err = send_all(fd, message.data, message.n);
    text_deinit(&message);
    return err;
}

int wire_receive_work(int fd, struct wire_work *out) {
    uint64_t bytes;
    int err = receive_head(fd, WIRE_WORK, &bytes);
    if (!err && bytes < sizeof *out)
        err = -EPROTO;
    if (!err)
        err = receive_all(fd, out, sizeof *out);
    if (!err && (bytes - sizeof *out) != out->n * sizeof *out->orders)
        err = -EPROTO;
    if (err)
        return err;
    out->orders = text_alloc(bytes - sizeof *out + 1);
    err = receive_all(fd, out->orders, bytes - sizeof *out);
    if (err)
        free(out->orders);
    return err;
}

/* --- a result --- */

static void put_bytes(struct text *to, const void *data, uint64_t n) {
    if (!data)
        n = NO_STRING;
    text_add_n(to, (const char *)&n, sizeof n);
    if (data)
        text_add_n(to, data, n);
}

static void put_string(struct text *to, const char *s) {
    put_bytes(to, s, s ? strlen(s) : 0);
}

struct reader {
    const char *at;
    uint64_t left;
    int err;
};

static void get_fixed(struct reader *r, void *out, uint64_t n) {
    if (r->left < n) {
        r->err = -EPROTO;
        memset(out, 0, n);
        return;
    }
    memcpy(out, r->at, n);
    r->at += n, r->left -= n;
}

static void *get_bytes(struct reader *r) {
    uint64_t n;
    get_fixed(r, &n, sizeof n);
    if (r->err || n == NO_STRING)
        return NULL;
    if (n > r->left) {
        r->err = -EPROTO;
        return NULL;
    }
    char *copy = text_alloc(n + 1);
    get_fixed(r, copy, n);
    return copy;
}

static void put_frames(struct text *to, const struct crash_frame *frames, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        text_add_n(to, (const char *)&frames[i], sizeof frames[i]);
        put_string(to, frames[i].module);
        put_string(to, frames[i].function);
    }
}

static struct crash_frame *get_frames(struct reader *r, uint32_t *n) {
    uint32_t wanted = *n;
    *n = 0;
    if (!r->err && wanted > OBSERVATION_MAX_FRAMES)
        r->err = -EPROTO;
    if (r->err || !wanted)
        return NULL;
    struct crash_frame *frames = text_alloc(wanted * sizeof *frames);
    for (uint32_t i = 0; i < wanted && !r->err; i++) {
        get_fixed(r, &frames[i], sizeof frames[i]);
        frames[i].module = get_bytes(r);
        frames[i].function = get_bytes(r);
        ++*n;
    }
    return frames;
}

/* Bytes that a number beside them counts: @n things of @bytes. */
static void *get_array(struct reader *r, uint64_t n, size_t bytes) {
    uint64_t before = r->left;
    void *array = get_bytes(r);
    if (!r->err &&
        (array ? n > r->left + before || before - r->left != sizeof n + n * bytes
               : n > 0))
        r->err = -EPROTO;
    return array;
}

static void put_files(struct text *to, const struct observation *seen) {
    for (uint32_t i = 0; i < seen->output.n_files; i++) {
        text_add_n(to, (const char *)&seen->output.files[i],
                   sizeof seen->output.files[i]);
        put_string(to, seen->output.files[i].path);
        put_bytes(to, seen->output.files[i].kept, seen->output.files[i].n_kept);
    }
}

static void get_files(struct reader *r, struct observation *seen) {
    uint32_t wanted = seen->output.n_files;
    seen->output.files = NULL;
    seen->output.n_files = 0;
    if (!r->err && (uint64_t)wanted * sizeof *seen->output.files > r->left)
        r->err = -EPROTO;
    if (r->err || !wanted)
        return;
    seen->output.files = text_alloc(wanted * sizeof *seen->output.files);
    for (uint32_t i = 0; i < wanted && !r->err; i++) {
        struct written_file *f = &seen->output.files[i];
        get_fixed(r, f, sizeof *f);
        f->path = get_bytes(r);
        f->kept = get_array(r, f->n_kept, 1);
        if (!f->path)
            r->err = -EPROTO;
        seen->output.n_files++;
    }
}

static void put_observation(struct text *to, const struct observation *seen) {
    text_add_n(to, (const char *)seen, sizeof *seen);
    put_string(to, seen->proof.exe);
    put_string(to, seen->crash.exe);
    put_bytes(to, seen->output.stdout_data, seen->output.stdout_kept);
    put_bytes(to, seen->served.after_data, seen->served.after_kept);
    put_bytes(to, seen->output.stderr_tail, seen->output.stderr_tail_n);
    put_frames(to, seen->crash.frames, seen->crash.n_frames);
    put_frames(to, seen->crash.sample_frames, seen->crash.n_sample_frames);
    put_bytes(to, seen->leaks.sites, seen->leaks.n * sizeof *seen->leaks.sites);
    put_files(to, seen);
}

static void get_observation(struct reader *r, struct observation *seen) {
    get_fixed(r, seen, sizeof *seen);
    if (seen->proof.n_failed > OBSERVATION_FAILED)
        r->err = -EPROTO;
    seen->proof.exe = get_bytes(r);
    seen->crash.exe = get_bytes(r);
    seen->output.stdout_data = get_array(r, seen->output.stdout_kept, 1);
    seen->served.after_data = get_array(r, seen->served.after_kept, 1);
    seen->output.stderr_tail = get_array(r, seen->output.stderr_tail_n, 1);
    seen->crash.frames = get_frames(r, &seen->crash.n_frames);
    seen->crash.sample_frames = get_frames(r, &seen->crash.n_sample_frames);
    seen->leaks.sites = get_array(r, seen->leaks.n, sizeof *seen->leaks.sites);
    get_files(r, seen);
}

int wire_send_result(int fd, uint64_t tag, const struct observation *seen) {
    struct text body = {0};
    text_add_n(&body, (const char *)&tag, sizeof tag);
    put_observation(&body, seen);
    struct wire_head head = {WIRE_MAGIC, WIRE_VERSION, WIRE_RESULT, 0, body.n};
    int err = send_all(fd, &head, sizeof head);
    if (!err)
        err = send_all(fd, body.data, body.n);
    text_deinit(&body);
    return err;
}

int wire_receive_result(int fd, uint64_t *tag, struct observation *seen) {
    uint64_t bytes;
    int err = receive_head(fd, WIRE_RESULT, &bytes);
    if (err)
        return err;
    AUTO_FREE char *body = text_alloc(bytes + 1);
    err = receive_all(fd, body, bytes);
    if (err)
        return err;
    struct reader r = {body, bytes, 0};
    struct observation got;
    uint64_t got_tag;
    get_fixed(&r, &got_tag, sizeof got_tag);
    get_observation(&r, &got);
    if (r.err) {
        observation_deinit(&got);
        return r.err;
    }
    *tag = got_tag;
    *seen = got;
    return 0;
}
