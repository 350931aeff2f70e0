/* SPDX-License-Identifier: Apache-2.0 */
/* Files without an allocator: see cleared.h. */
#include "cleared.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache_folder.h"
#include "file_mark.h"
#include "key.h"
#include "text.h"

#ifndef DEARTH_VERSION
#define DEARTH_VERSION "0"
#endif
/* Raise it when allocator.c or allocator_reach.c find more than before. */
#define FORMAT    1u
#define NAME      "cleared"
#define MAGIC     0x00646572616c6311ull
#define KEYS_MOST 2048u /* 32 KiB: the oldest go first */

struct head {
    uint64_t magic;
    struct dearth_key sum; /* of the keys */
};

struct cleared {
    int folder; /* -1 = nothing is kept */
    struct file_mark asked;
    struct dearth_key *keys;
    uint32_t n;
    bool added;
};

static struct dearth_key key_of(const struct file_mark *mark) {
    struct {
        struct file_mark mark;
        char version[32];
        uint32_t format, reserved;
    } all = {.mark = *mark, .version = DEARTH_VERSION, .format = FORMAT};
    return key_hash(&all, sizeof all);
}

static void take(struct cleared *c, const char *content, size_t bytes) {
    struct head head;
    size_t n = (bytes - sizeof head) / sizeof *c->keys;
    memcpy(&head, content, sizeof head);
    if (head.magic != MAGIC || bytes != sizeof head + n * sizeof *c->keys ||
        !key_equal(head.sum, key_hash(content + sizeof head, bytes - sizeof head)))
        return;
    memcpy(c->keys, content + sizeof head, n * sizeof *c->keys);
    c->n = (uint32_t)n;
}

struct cleared *cleared_new(void) {
    struct cleared *c = text_alloc(sizeof *c);
    const size_t most = sizeof(struct head) + KEYS_MOST * sizeof *c->keys;
    size_t bytes = 0;
    c->folder = cache_folder_open();
    c->keys = text_alloc(KEYS_MOST * sizeof *c->keys);
    AUTO_FREE char *content =
        c->folder >= 0
            ? cache_folder_read(c->folder, NAME, sizeof(struct head), most, &bytes)
            : NULL;
    if (content)
        take(c, content, bytes);
    return c;
}

static void save(const struct cleared *c) {
    AUTO_TEXT struct text content = {0};
    const size_t bytes = c->n * sizeof *c->keys;
    struct head head = {.magic = MAGIC, .sum = key_hash(c->keys, bytes)};
    text_add_n(&content, (const char *)&head, sizeof head);
    text_add_n(&content, (const char *)c->keys, bytes);
    cache_folder_write(c->folder, NAME, content.data, content.n);
}

struct cleared *cleared_free(struct cleared *c) {
    if (c->added)
        save(c);
    if (c->folder >= 0)
        close(c->folder);
    free(c->keys);
    free(c);
    return NULL;
}

static bool knows(const struct cleared *c, struct dearth_key key) {
    for (uint32_t i = 0; i < c->n; i++)
        if (key_equal(c->keys[i], key))
            return true;
    return false;
}

bool cleared_has(struct cleared *c, const char *path) {
    if (c->folder < 0)
        return false;
    c->asked = file_mark_of(path);
    return c->asked.inode && knows(c, key_of(&c->asked));
}

void cleared_add(struct cleared *c, const char *path) {
    struct file_mark now;
    if (c->folder < 0 || !c->asked.inode || file_mark_fresh(&c->asked))
        return;
    now = file_mark_of(path);
    if (!file_mark_equal(&now, &c->asked))
        return;
    if (c->n == KEYS_MOST) {
        c->n -= KEYS_MOST / 4;
        memmove(c->keys, c->keys + KEYS_MOST / 4, c->n * sizeof *c->keys);
    }
    c->keys[c->n++] = key_of(&now);
    c->added = true;
}
