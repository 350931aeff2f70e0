/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the parent and its workers: see wire.h. */
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "owned.h"
#include "text.h"

#define WIRE_MAGIC   0x77686461u /* "adhw" */
#define WIRE_VERSION 3u
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

/* What @rows name in the struct at @base, which goes before it. */
static void put_owned(struct text *to, const struct owned *rows, size_t n,
                      const void *base) {
    for (size_t i = 0; i < n; i++) {
        const struct owned *row = &rows[i];
        const char *pointer = owned_get(row, base);
        uint64_t count = row->kind == OWNED_TEXT ? 0 : owned_count(row, base);
        if (row->kind == OWNED_TEXT)
            put_bytes(to, pointer, pointer ? strlen(pointer) : 0);
        else if (row->kind == OWNED_BYTES)
            put_bytes(to, pointer, count);
        for (uint64_t k = 0; row->kind == OWNED_ARRAY && k < count; k++) {
            const char *item = pointer + k * row->item_bytes;
            text_add_n(to, item, row->item_bytes);
            put_owned(to, row->items, row->n_items, item);
        }
    }
}

static void get_owned(struct reader *r, const struct owned *rows, size_t n, void *base);

/* Bytes that a number beside them counts. */
static void *get_counted(struct reader *r, uint64_t n) {
    uint64_t before = r->left;
    void *bytes = get_bytes(r);
    if (!r->err &&
        (bytes ? n > r->left + before || before - r->left != sizeof n + n : n > 0))
        r->err = -EPROTO;
    return bytes;
}

/* @n: wanted; out: how many there are, of which the last may be cut short. */
static void *get_items(struct reader *r, const struct owned *row, uint64_t *n) {
    uint64_t wanted = *n;
    *n = 0;
    if (!r->err &&
        ((row->most && wanted > row->most) || wanted > r->left / row->item_bytes))
        r->err = -EPROTO;
    if (r->err || !wanted)
        return NULL;
    char *items = text_alloc(wanted * row->item_bytes);
    for (; *n < wanted && !r->err; ++*n) {
        char *item = items + *n * row->item_bytes;
        get_fixed(r, item, row->item_bytes);
        get_owned(r, row->items, row->n_items, item);
    }
    return items;
}

/* The struct at @base came with the pointers of another process: each is replaced, also after an
 * error. */
static void get_owned(struct reader *r, const struct owned *rows, size_t n, void *base) {
    for (size_t i = 0; i < n; i++) {
        const struct owned *row = &rows[i];
        uint64_t count = row->kind == OWNED_TEXT ? 0 : owned_count(row, base);
        void *pointer = row->kind == OWNED_TEXT    ? get_bytes(r)
                        : row->kind == OWNED_BYTES ? get_counted(r, count)
                                                   : get_items(r, row, &count);
        if (!pointer && row->required && !r->err)
            r->err = -EPROTO;
        owned_set(row, base, pointer);
        if (row->kind != OWNED_TEXT)
            owned_set_count(row, base, pointer ? count : 0);
    }
}

static void put_observation(struct text *to, const struct observation *seen) {
    text_add_n(to, (const char *)seen, sizeof *seen);
    put_owned(to, observation_owned, n_observation_owned, seen);
}

static void get_observation(struct reader *r, struct observation *seen) {
    get_fixed(r, seen, sizeof *seen);
    if (seen->proof.n_failed > OBSERVATION_FAILED)
        r->err = -EPROTO;
    get_owned(r, observation_owned, n_observation_owned, seen);
}

int wire_send_result(int fd, uint64_t tag, const struct observation *seen) {
    struct wire_head head = {WIRE_MAGIC, WIRE_VERSION, WIRE_RESULT, 0, 0};
    struct text message = {0};
    text_add_n(&message, (const char *)&head, sizeof head);
    text_add_n(&message, (const char *)&tag, sizeof tag);
    put_observation(&message, seen);
    head.bytes = message.n - sizeof head;
    memcpy(message.data, &head, sizeof head);
    int err = send_all(fd, message.data, message.n); /* in one: it wakes the reader */
    text_deinit(&message);
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
