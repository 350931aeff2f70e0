/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks and their lists: see task.h. */
#include "task.h"

#include <errno.h>
#include <stdlib.h>

#include "error.h"
#include "text.h"

#define NO TASK_LIVES

enum task_life task_after(enum task_life life, enum task_event event) {
    static const enum task_life after[TASK_LIVES][TASK_EVENTS] = {
        /* clang-format off */
                            /* flies             copies        returns       passes     doubts             repeats */
        [TASK_WAITING]      = {TASK_FLYING,      TASK_COPYING, NO,           NO,        NO,                NO},
        [TASK_FLYING]       = {NO,               NO,           TASK_WAITING, TASK_LATE, TASK_DOUBTED,      TASK_WAITING},
        [TASK_COPYING]      = {NO,               NO,           TASK_WAITING, NO,        NO,                NO},
        [TASK_DOUBTED]      = {NO,               NO,           NO,           NO,        NO,                TASK_WAITING},
        [TASK_LATE]         = {TASK_LATE_FLYING, NO,           NO,           NO,        NO,                NO},
        [TASK_LATE_FLYING]  = {NO,               NO,           TASK_LATE,    NO,        TASK_LATE_DOUBTED, TASK_WAITING},
        [TASK_LATE_DOUBTED] = {NO,               NO,           NO,           NO,        NO,                TASK_WAITING},
        /* clang-format on */
    };
    return life < TASK_LIVES && event < TASK_EVENTS ? after[life][event] : TASK_LIVES;
}

int task_move(struct task *task, enum task_event event) {
    enum task_life life = task_after(task->life, event);
    if (life == TASK_LIVES) {
        char key[DEARTH_KEY_HEX + 1];
        text_key(task->order.site, key);
        return error_print(-EPROTO,
                           "site %.16s: the replay has lost count of its attempts "
                           "(life %d, event %d): replay again, and please report this",
                           key, (int)task->life, (int)event);
    }
    task->life = life;
    return 0;
}

bool task_is_control(const struct task *task) {
    return task->order.site_id == 0 && task->order.under != UNDER_GUARDED;
}

bool task_is_late(const struct task *task) {
    return task->life >= TASK_LATE;
}

void task_push(struct task_list *list, struct task *task) {
    list->items = text_grow(list->items, list->n, sizeof *list->items);
    list->items[list->n++] = task;
}

bool task_list_is_empty(const struct task_list *list) {
    return list->head == list->n;
}

struct task *task_pop(struct task_list *list) {
    return list->head < list->n ? list->items[list->head++] : NULL;
}

void task_free(struct task *task) {
    if (task) {
        task_free(task->twin);
        observation_deinit(&task->first);
        observation_deinit(&task->doubted);
    }
    free(task);
}

void task_list_free(struct task_list *list) {
    while (list->head < list->n)
        task_free(list->items[list->head++]);
    free(list->items);
}

struct order task_order_at(const struct plan_site *site) {
    return (struct order){.site_id = site->id,
                          .site = site->key,
                          .leaf_module = site->leaf_module,
                          .leaf_offset = site->leaf_offset};
}

struct order task_order(const struct replay *r, const struct plan_fault *f) {
    struct order order = task_order_at(&r->sites.list[f->site]);
    order.occurrence = f->occurrence;
    order.mode = f->mode;
    order.burst = f->mode == MODE_BURST ? r->options->plan.burst : 1;
    order.repeat = f->done;
    order.explore = f->explore;
    order.thread = r->options->plan.thread;
    order.call = f->call;
    order.under = r->under;
    return order;
}

struct task *task_of_fault(const struct replay *r, const struct plan_fault *f) {
    struct task *task = text_alloc(sizeof *task);
    task->site = f->site;
    task->bad = f->bad;
    task->order = task_order(r, f);
    return task;
}

struct task *task_of_pair(const struct replay *r, const struct pair *p) {
    const struct plan_fault first = {.site = p->first,
                                     .occurrence = p->occurrence,
                                     .mode = MODE_ONCE,
                                     .done = p->done,
                                     .bad = p->bad};
    struct task *task = task_of_fault(r, &first);
    task->order.second_site_id = p->second;
    task->order.second_site = p->key;
    task->order.second_leaf_module = p->leaf_module;
    task->order.second_leaf_offset = p->leaf_offset;
    task->order.second_occurrence = 1;
    return task;
}
