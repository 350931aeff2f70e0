/* SPDX-License-Identifier: Apache-2.0 */
/* Copies that were ended while they went on: see survivors.h. */
#include "survivors.h"

#include <stdlib.h>

#include "batch.h"
#include "drive.h"
#include "settle.h"
#include "task.h"

/* Of the survivors so many are run to their ends, and of a hundred: what that shows of the others is a rate. */
#define SAMPLE_LEAST       4u
#define SAMPLE_PER_HUNDRED 5u

void survivors_take(struct drive *d, struct task *task, const struct batch *batch) {
    d->replay->progress.executions++;
    task->batch = (struct batch *)batch;
    task_push(&d->survivors, task);
}

int survivors_end(struct drive *d, const struct batch *batch, const char *reason) {
    struct task_list *list = &d->survivors;
    uint32_t n = list->head;
    int err = 0;
    for (uint32_t i = list->head; i < list->n; i++) {
        struct task *task = list->items[i];
        bool mine = task->batch == batch;
        task->batch = mine ? NULL : task->batch;
        if (mine && reason && err == 0) {
            err = batch_leave_to_rerun(d, task, reason);
            continue;
        }
        if (mine && err == 0)
            err = ledger_survivor(d->replay->ledger, &task->order);
        list->items[n++] = task;
    }
    list->n = n;
    return err < 0 ? err : ledger_flush(d->replay->ledger);
}

static int compare(const void *a, const void *b) {
    const struct order *x = &(*(struct task *const *)a)->order,
                       *y = &(*(struct task *const *)b)->order;
    int order = key_compare(x->site, y->site);
    if (order)
        return order;
    if (x->occurrence != y->occurrence)
        return x->occurrence < y->occurrence ? -1 : 1;
    return (int)x->mode - (int)y->mode;
}

bool survivors_sample(struct drive *d) {
    struct task_list *list = &d->survivors;
    uint32_t n = list->n - list->head;
    if (!n || d->n_flying_batches || !task_list_is_empty(&d->snapshots))
        return false;
    uint64_t wanted = SAMPLE_LEAST + (uint64_t)n * SAMPLE_PER_HUNDRED / 100;
    qsort(list->items + list->head, n, sizeof(struct task *), compare);
    for (uint64_t i = 0; i < n; i++) {
        struct task *task = task_pop(list);
        /* as many as are wanted, evenly spread */
        if (wanted < n && i * wanted / n == (i + 1) * wanted / n)
            settle_done(d, task);
        else
            task_push(&d->reruns, task);
    }
    return true;
}
