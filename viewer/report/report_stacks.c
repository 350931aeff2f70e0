/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks by index: see report_stacks.h. */
#include "report_stacks.h"

#include <stdlib.h>

#include "json.h"
#include "report_data.h"
#include "report_fields.h"
#include "report_json.h"

void report_stacks_deinit(struct report_stacks *stacks) {
    idmap_deinit(&stacks->index);
    idmap_deinit(&stacks->first);
    free(stacks->ids);
    free(stacks->frames);
    *stacks = (struct report_stacks){0};
}

int64_t report_stacks_refer(struct report_stacks *stacks, int64_t stack_id) {
    int64_t index;
    if (idmap_get(&stacks->index, stack_id, &index))
        return index;
    index = (int64_t)stacks->n;
    stacks->ids = text_grow(stacks->ids, stacks->n, sizeof *stacks->ids);
    stacks->ids[stacks->n++] = stack_id;
    idmap_put(&stacks->index, stack_id, index);
    return index;
}

/* Write the indexes of a row's frames, which are inlined into the last of them.
 * @n: how many there may be. Return: how many there are. */
static uint32_t add_row(struct report_stacks *stacks, const struct frame *frames,
                        uint32_t n, struct json *j) {
    uint32_t end = 0;
    int64_t first;
    while (end + 1 < n && frames[end].inlined)
        end++;
    end++;
    if (!idmap_get(&stacks->first, frames->frame_id, &first)) {
        first = (int64_t)stacks->n_frames;
        idmap_put(&stacks->first, frames->frame_id, first);
        for (uint32_t i = 0; i < end; i++) {
            stacks->frames =
                text_grow(stacks->frames, stacks->n_frames, sizeof *stacks->frames);
            stacks->frames[stacks->n_frames++] = frames[i];
        }
    }
    for (uint32_t i = 0; i < end; i++)
        json_int(j, NULL, first + i);
    return end;
}

int report_stacks_write(struct report_stacks *stacks, struct report_out *out) {
    int r = 0;
    json_open(out->json, "stacks", '[');
    for (size_t i = 0; r == 0 && i < stacks->n; i++) {
        AUTO_FRAMES struct frames frames = {0};
        r = report_data_stack(out->data, stacks->ids[i], &frames);
        json_open_flat(out->json, NULL, '[');
        for (uint32_t k = 0; k < frames.n;)
            k += add_row(stacks, frames.items + k, frames.n - k, out->json);
        json_close(out->json, ']');
    }
    json_close(out->json, ']');
    json_open(out->json, "frames", '[');
    for (size_t i = 0; r == 0 && i < stacks->n_frames; i++)
        r = report_json_frame(out, NULL, &stacks->frames[i], stacks->frames[i].inlined);
    json_close(out->json, ']');
    return r;
}
