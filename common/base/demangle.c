/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded demangling: see demangle.h.
 *
 *   libiberty ─ piece by piece ─► take() ─ full ─────► longjmp ─► cut
 *        └─ SIGVTALRM, of this thread's time ────────► siglongjmp ─► none
 *
 * libiberty's C++ printer has no memory but the stack, so that it can be left anywhere. Rust's takes some
 * from the heap for a name that is not ASCII: it is left only from take(), and its work without text is
 * bounded by the length of the name, since what is not printed is not followed back.
 */
#include "demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

#define CUT   "\xe2\x80\xa6" /* … */
#define SHORT 64u            /* bytes of a name that cannot take long */
#define DEEP                                                                             \
    4096u /* bytes of one whose nesting fits a small stack; libiberty's own limit is 1024 */
#define FULL     1
#define TOO_LONG 2

struct taken {
    char text[DEMANGLE_NAME_BYTES + 1];
    size_t n;
    sigjmp_buf out;
    bool full;
};

static sigjmp_buf *volatile late;

static void take(const char *piece, size_t n, void *opaque) {
    struct taken *t = opaque;
    size_t room = DEMANGLE_NAME_BYTES - t->n;
    memcpy(t->text + t->n, piece, n < room ? n : room);
    t->n += n < room ? n : room;
    t->full = n > room;
    if (t->full)
        siglongjmp(t->out, FULL);
}

static void on_late(int signal) {
    (void)signal;
    if (late)
        siglongjmp(*late, TOO_LONG);
}

/* Put "…" at the end of what is full, not into the middle of a character. */
static void end_cut(char *text, size_t n) {
    n -= sizeof CUT - 1;
    while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    memcpy(text + n, CUT, sizeof CUT);
}

/* --- the clock --- */

struct watch {
    timer_t timer;
    sigset_t mask;
    bool set;
};

/* Its handler stays: what a timer has sent may come when the timer is gone. */
static void watch_start(struct watch *w, sigjmp_buf *out) {
    struct sigaction act = {.sa_handler = on_late};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGVTALRM};
    struct itimerspec when = {.it_value.tv_nsec = DEMANGLE_WORK_NS};
    sigset_t only;
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    w->set = timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &w->timer) == 0;
    if (!w->set)
        return;
    late = out;
    sigaction(SIGVTALRM, &act, NULL);
    sigemptyset(&only);
    sigaddset(&only, SIGVTALRM);
    pthread_sigmask(SIG_UNBLOCK, &only, &w->mask);
    timer_settime(w->timer, 0, &when, NULL);
}

static void watch_stop(struct watch *w) {
    late = NULL;
    if (!w->set)
        return;
    timer_delete(w->timer);
    pthread_sigmask(SIG_SETMASK, &w->mask, NULL);
    w->set = false;
}

/* --- the name --- */

bool demangle_wants(const char *name) {
    return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R');
}

static int demangle_rust(const char *name, int options, struct taken *t) {
    int how = sigsetjmp(t->out, 0);
    return how ? how == FULL : rust_demangle_callback(name, options, take, t);
}

static int demangle_cpp(const char *name, int options, struct taken *t) {
    static struct watch w; /* not on the stack that is jumped over */
    int how = sigsetjmp(t->out, 0);
    if (how == 0 && strlen(name) > SHORT)
        watch_start(&w, &t->out);
    int known = how ? how == FULL : cplus_demangle_v3_callback(name, options, take, t);
    watch_stop(&w);
    return known;
}

char *demangle(const char *name, bool parameters) {
    if (!demangle_wants(name) || strlen(name) > DEMANGLE_MOST_BYTES)
        return NULL;
    int options = DMGL_ANSI | DMGL_AUTO | (parameters ? DMGL_PARAMS | DMGL_RET_DROP : 0);
    if (strlen(name) <= DEEP)
        options |= DMGL_NO_RECURSE_LIMIT;
    struct taken *t = text_alloc(sizeof *t);
    bool known = demangle_rust(name, options, t);
    if (!known) {
        t->n = 0;
        t->full = false;
        known = demangle_cpp(name, options, t);
    }
    t->text[t->n] = 0;
    if (t->full)
        end_cut(t->text, t->n);
    char *made = known ? text_dup(t->text) : NULL;
    free(t);
    return made;
}

char *demangle_cut(const char *name) {
    size_t n = strlen(name);
    char *copy = text_dup(name);
    if (n <= DEMANGLE_NAME_BYTES)
        return copy;
    end_cut(copy, DEMANGLE_NAME_BYTES);
    return copy;
}
