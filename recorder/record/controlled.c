/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording that is switched on and off while its program runs, by `dearth control`.
 *
 *   stop   paused = 1 ─► round ─► sums, note ─► commit
 *   start  round ─► blocks that were live end unknown ─► note ─► commit ─► paused = 0
 *   end    controlled.ending: the caller ends the recording, and the program goes on
 *
 * Invariant: what the database says of the time that is not recorded is committed before anything of a
 * later time is.
 *
 * A block that was live when recording was switched off may be freed, and its address be another
 * block's, before it is on again: it ends then, unknown (live_end_blocks()). Of one that was made meanwhile
 * only its free is seen (live.h, `inherited`).
 */
#include "controlled.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "collector.h"
#include "control_socket.h"
#include "record_row.h"
#include "store.h"
#include "text.h"

#define PERIODS_SAID 8u

static uint64_t now_ns(const struct controlled *c) {
    uint64_t ticks, ns;
    session_now(c->session, &ticks, &ns);
    return ns;
}

static void open_period(struct controlled *c) {
    c->periods = text_grow(c->periods, c->n_periods, sizeof *c->periods);
    c->periods[c->n_periods++] = (struct period){.from_ns = now_ns(c)};
}

static void close_period(struct controlled *c) {
    struct period *last = c->n_periods ? &c->periods[c->n_periods - 1] : NULL;
    if (last && !last->to_ns)
        last->to_ns = now_ns(c) + 1;
}

/* --- what is said --- */

static void add_periods(struct text *t, const struct controlled *c) {
    char from[24], to[24];
    for (uint32_t i = 0; i < c->n_periods && i < PERIODS_SAID; i++) {
        const struct period *p = &c->periods[i];
        text_addf(t, "%s from %s", i ? "," : "", text_duration(p->from_ns, from));
        if (p->to_ns)
            text_addf(t, " to %s", text_duration(p->to_ns, to));
        else
            text_add(t, " on");
    }
    if (c->n_periods > PERIODS_SAID)
        text_addf(t, ", and %u times later", c->n_periods - PERIODS_SAID);
}

static int say_periods(const struct controlled *c, const struct collector *collector) {
    AUTO_TEXT struct text t = {0};
    char blocks[32], bytes[16];
    const struct collector_totals totals = collector_totals(collector);
    if (!c->was_off)
        return 0;
    text_add(&t, c->n_periods ? "recorded" : "nothing was recorded: recording is off");
    add_periods(&t, c);
    text_add(
        &t, c->n_periods
                ? " after the start, and not in between: calls at other times are not "
                  "here, blocks that were made then are not known, and 'live' and 'never "
                  "freed' mean not freed while recording was on"
                : "");
    if (totals.unknown)
        text_addf(&t,
                  "; what became of %s blocks of %s that were live when it was switched "
                  "off and on again is not known: they end there",
                  text_count(totals.unknown, blocks),
                  text_bytes(totals.unknown_bytes, bytes));
    const struct record_notes notes = {c->store, c->recording_id};
    return record_note_again(&notes, "paused", t.data);
}

static int put_sums(const struct controlled *c, const struct collector *collector,
                    uint64_t *n_events) {
    const struct collector_totals totals = collector_totals(collector);
    const struct record_end end = {.totals = &totals, .session = c->session};
    *n_events = totals.events;
    return record_row_sums(c->store, c->recording_id, &end);
}

/* --- what is done --- */

/* All that was published up to now. */
static int take_all(struct controlled *c, struct collector *collector,
                    uint64_t *n_events) {
    int r = collector_round(collector, n_events);
    if (r == 0)
        r = say_periods(c, collector);
    if (r == 0)
        r = collector_checkpoint(collector);
    if (r == 0)
        r = put_sums(c, collector, n_events);
    return r;
}

static int switch_off(struct controlled *c, struct collector *collector,
                      uint64_t *n_events) {
    session_pause(c->session, true);
    close_period(c);
    c->off = c->was_off = true;
    return take_all(c, collector, n_events);
}

static int switch_on(struct controlled *c, struct collector *collector,
                     uint64_t *n_events) {
    int r = collector_round(collector, n_events);
    if (r == 0)
        r = collector_end_blocks(collector);
    if (r < 0)
        return r;
    open_period(c);
    r = take_all(c, collector, n_events);
    if (r < 0)
        return r;
    c->off = false;
    session_pause(c->session, false);
    return 0;
}

static int answer(struct controlled *c, int r, const char *done, uint64_t n_events) {
    char n[32];
    AUTO_FREE char *text = text_format("%s; %s events so far are in the database", done,
                                       text_count(n_events, n));
    if (r < 0)
        control_socket_answer(c->control, false,
                              "the database cannot be written: recording has "
                              "stopped, and the program goes on");
    else
        control_socket_answer(c->control, true, text);
    return r;
}

static int obey(struct controlled *c, struct collector *collector, uint32_t word) {
    uint64_t n = 0;
    int r = 0;
    switch (word) {
    case CONTROL_START:
        r = c->off ? switch_on(c, collector, &n) : take_all(c, collector, &n);
        return answer(c, r, "recording is on", n);
    case CONTROL_STOP:
        r = c->off ? take_all(c, collector, &n) : switch_off(c, collector, &n);
        return answer(c, r, "recording is off", n);
    case CONTROL_SNAPSHOT:
        r = take_all(c, collector, &n);
        return answer(c, r, c->off ? "recording is off" : "recording goes on", n);
    default:
        c->ending = true;
        return 0;
    }
}

/* A copy of the database, or one with the rows of another, is not this one. */
static bool is_meant(const struct controlled *c, const struct control_question *q) {
    struct stat st;
    return stat(c->store->path, &st) == 0 && st.st_dev == q->device &&
           st.st_ino == q->inode && q->recording_id == c->recording_id;
}

int controlled_step(struct controlled *c, struct collector *collector) {
    struct control_question question;
    if (c->ending || !control_socket_take(c->control, &question))
        return 0;
    if (!collector) {
        control_socket_answer(c->control, false,
                              "recording has stopped: its database could not "
                              "be written; the program goes on");
        return 0;
    }
    if (!is_meant(c, &question)) {
        AUTO_FREE char *text =
            text_format("it is recorded into another file: recording %" PRId64 " of %s",
                        c->recording_id, c->store->path);
        control_socket_answer(c->control, false, text);
        return 0;
    }
    return obey(c, collector, question.word);
}

int controlled_begin(struct controlled *c, bool off) {
    c->control = control_socket_new(c->session);
    c->off = c->was_off = off;
    session_pause(c->session, off);
    if (!off) {
        open_period(c);
        c->periods[0].from_ns = 0;
        return 0;
    }
    const struct record_notes notes = {c->store, c->recording_id};
    return record_note_again(&notes, "paused",
                             "nothing was recorded: recording is off since the start");
}

int controlled_fd(const struct controlled *c) {
    return control_socket_fd(c->control);
}

int controlled_end(struct controlled *c, const struct collector *collector) {
    char after[24];
    const struct record_notes notes = {c->store, c->recording_id};
    close_period(c);
    if (c->ending)
        record_note(
            &notes, "ended", NULL,
            "the recording was ended by 'dearth control' after %s, and the program "
            "went on: what it did after that is not recorded",
            text_duration(now_ns(c), after));
    return say_periods(c, collector);
}

void controlled_ended(struct controlled *c, bool ok) {
    if (c->ending)
        control_socket_answer(
            c->control, ok,
            ok ? "the recording is complete, and the program goes on"
               : "the database could not be written to the end; the program "
                 "goes on");
    c->control = control_socket_free(c->control);
}

void controlled_deinit(struct controlled *c) {
    c->control = control_socket_free(c->control);
    free(c->periods);
    c->periods = NULL;
}
