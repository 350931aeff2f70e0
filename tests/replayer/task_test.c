/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a replay's task: what may happen to it, by stories that end well or cannot be. */
#include "check.h"
#include "task.h"

/* A letter for each event, in the words of task.h. */
static const char letters[TASK_EVENTS + 1] = {
    [TASK_FLIES] = 'f',  [TASK_COPIES] = 'c', [TASK_RETURNS] = 'r',
    [TASK_PASSES] = 'p', [TASK_DOUBTS] = 'd', [TASK_REPEATS] = 'a',
};

struct story {
    const char *what, *events;
    enum task_life end; /* TASK_LIVES: its last event cannot happen */
    bool late;          /* its first execution is kept */
};

static const struct story stories[] = {
    {"new", "", TASK_WAITING, false},
    {"an execution that counts, and one more", "fa", TASK_WAITING, false},
    {"its worker was lost", "fr", TASK_WAITING, false},
    {"its worker was lost, then it flies again", "frf", TASK_FLYING, false},
    {"other output", "fd", TASK_DOUBTED, false},
    {"other output that counts after a control", "fda", TASK_WAITING, false},
    {"past its limit", "fp", TASK_LATE, true},
    {"with the longer limit", "fpf", TASK_LATE_FLYING, true},
    {"with the longer limit, its worker lost", "fpfr", TASK_LATE, true},
    {"the longer limit decides, and nothing is kept", "fpfa", TASK_WAITING, false},
    {"late again after that", "fpfafp", TASK_LATE, true},
    {"late, and other output", "fpfd", TASK_LATE_DOUBTED, true},
    {"late, other output, and that counts", "fpfda", TASK_WAITING, false},
    {"a copy is made for it", "c", TASK_COPYING, false},
    {"no copy was made", "cr", TASK_WAITING, false},
    {"no copy was made, so a whole program", "crf", TASK_FLYING, false},
    {"no copy twice", "crcr", TASK_WAITING, false},

    {"with the runner twice", "ff", TASK_LIVES, false},
    {"with the runner and a copy", "fc", TASK_LIVES, false},
    {"a copy of a copy", "cc", TASK_LIVES, false},
    {"a copy has no limit to pass", "cp", TASK_LIVES, false},
    {"a copy waits for no control", "cd", TASK_LIVES, false},
    {"a copy is not repeated but rerun", "ca", TASK_LIVES, false},
    {"back before it flew", "r", TASK_LIVES, false},
    {"late before it flew", "p", TASK_LIVES, false},
    {"doubted before it flew", "d", TASK_LIVES, false},
    {"repeated before it flew", "a", TASK_LIVES, false},
    {"doubted, and flies without a control", "fdf", TASK_LIVES, false},
    {"doubted, and copied", "fdc", TASK_LIVES, false},
    {"doubted twice", "fdd", TASK_LIVES, false},
    {"doubted, and lost", "fdr", TASK_LIVES, false},
    {"doubted, and late", "fdp", TASK_LIVES, false},
    {"late, and copied: its first execution is a whole one", "fpc", TASK_LIVES, false},
    {"late, and repeated before the longer limit", "fpa", TASK_LIVES, false},
    {"late twice", "fpfp", TASK_LIVES, false},
    {"late and doubted, and flies", "fpfdf", TASK_LIVES, false},
};

static enum task_life tell(const struct story *s) {
    enum task_life life = TASK_WAITING;
    for (const char *e = s->events; *e; e++) {
        if (life == TASK_LIVES) {
            CHECK(s->what, !"an earlier event is impossible");
            break;
        }
        life = task_after(life, (enum task_event)(strchr(letters, *e) - letters));
    }
    return life;
}

int main(void) {
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        const struct story *s = &stories[i];
        const struct task task = {.life = tell(s)};
        CHECK(s->what, task.life == s->end);
        CHECK(s->what, s->end == TASK_LIVES || task_is_late(&task) == s->late);
    }
    CHECK("no life", task_after(TASK_LIVES, TASK_FLIES) == TASK_LIVES);
    CHECK("no event", task_after(TASK_WAITING, TASK_EVENTS) == TASK_LIVES);
    const struct task control = {0}, trial = {.order.under = UNDER_GUARDED},
                      chance = {.order.site_id = ORDER_BY_CHANCE},
                      fault = {.order.site_id = 3};
    CHECK("a control", task_is_control(&control));
    CHECK("guarded blocks on trial", !task_is_control(&trial));
    CHECK("by chance", !task_is_control(&chance));
    CHECK("a fault", !task_is_control(&fault));
    struct task task = {0};
    CHECK("a move", task_move(&task, TASK_FLIES) == 0 && task.life == TASK_FLYING);
    CHECK("a move that cannot be",
          task_move(&task, TASK_COPIES) < 0 && task.life == TASK_FLYING);
    return check_result();
}
