/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `dearth control` asks of a recording that goes on.
 *
 *   dearth control DB WORD ─► recording.session in DB ─► its folder's socket ─► control_step()
 *                          ◄──────────── "ok TEXT" or "error TEXT" ◄────────────────┘
 *
 * The folder is its owner's alone (0700), and each side asks the kernel who the other is. One question
 * a connection: struct control_question, which names the database file too, so that a copy of it
 * does not pass for the original.
 */
#ifndef DEARTH_CONTROL_SOCKET_H
#define DEARTH_CONTROL_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "session.h"

enum control_word {
    CONTROL_START,    /* record from now on */
    CONTROL_STOP,     /* record nothing from now on; what was recorded is committed */
    CONTROL_SNAPSHOT, /* commit what was recorded */
    CONTROL_END,      /* end the recording, not the program */
    CONTROL_N_WORDS
};

struct control_question {
    uint32_t word; /* enum control_word */
    uint32_t reserved;
    uint64_t device, inode; /* of the database */
    int64_t recording_id;
};
#define CONTROL_ANSWER_BYTES 512u

struct control_socket;

/** Listen in the folder of @session. Return: NULL after a warning when that cannot be. */
struct control_socket *control_socket_new(const struct session *session);
struct control_socket *
control_socket_free(struct control_socket *control); /* NULL allowed */

/** A descriptor that is readable when somebody asks; -1 when @control is NULL. */
int control_socket_fd(const struct control_socket *control);

/**
 * Take the next question of our user's, if there is one. Waits for at most 100 ms.
 * Return: whether there is one, to be answered by control_socket_answer().
 */
bool control_socket_take(struct control_socket *control, struct control_question *out);
/** @ok: it was done; @text: a sentence for people */
void control_socket_answer(struct control_socket *control, bool ok, const char *text);

/**
 * Ask the recording whose arena is at @arena_path.
 * @answer: the sentence, out
 * Return: 0; 1 = refused, and @answer says why; -ESRCH = nobody records there any more; -EPERM = whoever
 * listens is another user; or another negative errno. Nothing is printed.
 */
int control_socket_ask(const char *arena_path, const struct control_question *question,
                       char answer[CONTROL_ANSWER_BYTES]);

#endif
