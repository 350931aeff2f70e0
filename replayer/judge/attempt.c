/* SPDX-License-Identifier: Apache-2.0 */
/* What an observation owns, and its end: attempt.h. */
#include "attempt.h"

#include <string.h>

#include "owned.h"

#define N(table) (sizeof(table) / sizeof *(table))

#define TEXT(type, member)                                                               \
    { .kind = OWNED_TEXT, OWNED_AT(type, member) }
#define BYTES(type, member, count)                                                       \
    { .kind = OWNED_BYTES, OWNED_AT(type, member), OWNED_COUNT(type, count) }
#define ARRAY(type, member, count, ...)                                                  \
    {                                                                                    \
        .kind = OWNED_ARRAY, OWNED_AT(type, member), OWNED_COUNT(type, count),           \
        .item_bytes = sizeof *((type *)0)->member, __VA_ARGS__                           \
    }

static const struct owned crash_frame_owned[] = {
    TEXT(struct crash_frame, module),
    TEXT(struct crash_frame, function),
};

static const struct owned written_file_owned[] = {
    {.kind = OWNED_TEXT, .required = true, OWNED_AT(struct written_file, path)},
    BYTES(struct written_file, kept, n_kept),
};

#define FRAMES                                                                           \
    .most = OBSERVATION_MAX_FRAMES, .items = crash_frame_owned,                          \
    .n_items = N(crash_frame_owned)
#define FILES .items = written_file_owned, .n_items = N(written_file_owned)

static const struct owned caught_signal_owned[] = {
    TEXT(struct caught_signal, exe),
    ARRAY(struct caught_signal, frames, n_frames, FRAMES),
};

static const struct owned open_item_owned[] = {
    TEXT(struct open_item, exe),
    TEXT(struct open_item, what),
    ARRAY(struct open_item, frames, n_frames, FRAMES),
};

#define OPEN                                                                             \
    .most = OBSERVATION_OPEN, .items = open_item_owned, .n_items = N(open_item_owned)

const struct owned observation_owned[] = {
    TEXT(struct observation, proof.exe),
    TEXT(struct observation, end.left_exe),
    BYTES(struct observation, output.stdout_data, output.stdout_kept),
    BYTES(struct observation, output.stderr_tail, output.stderr_tail_n),
    ARRAY(struct observation, output.files, output.n_files, FILES),
    TEXT(struct observation, crash.exe),
    ARRAY(struct observation, crash.frames, crash.n_frames, FRAMES),
    ARRAY(struct observation, crash.sample_frames, crash.n_sample_frames, FRAMES),
    ARRAY(struct observation, caught, n_caught,
          .most = OBSERVATION_CAUGHT + OBSERVATION_DIED, .items = caught_signal_owned,
          .n_items = N(caught_signal_owned)),
    ARRAY(struct observation, open.items, open.n, OPEN),
    ARRAY(struct observation, open.end_frames, open.n_end_frames, FRAMES),
    ARRAY(struct observation, leaks.sites, leaks.n, .items = NULL),
    BYTES(struct observation, served.after_data, served.after_kept),
};
const size_t n_observation_owned = N(observation_owned);

void crash_frames_free(struct crash_frame *frames, uint32_t n) {
    const struct owned row = {.item_bytes = sizeof *frames, FRAMES};
    owned_free_items(&row, frames, n);
}

bool attempt_same_frame(const struct crash_frame *a, const struct crash_frame *b) {
    return a->offset == b->offset &&
           strcmp(a->module ? a->module : "", b->module ? b->module : "") == 0;
}

void open_items_free(struct open_item *items, uint32_t n) {
    const struct owned row = {.item_bytes = sizeof *items, OPEN};
    owned_free_items(&row, items, n);
}

void written_files_free(struct written_file *files, uint32_t n) {
    const struct owned row = {.item_bytes = sizeof *files, FILES};
    owned_free_items(&row, files, n);
}

void observation_deinit(struct observation *o) {
    owned_free(observation_owned, n_observation_owned, o);
    *o = (struct observation){0};
}
