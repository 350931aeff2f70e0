/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth control`: asks a recording that goes on (control_socket.h). Run by dearth, beside it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "commands.h"
#include "control_socket.h"
#include "error.h"
#include "resolve.h"
#include "store.h"
#include "store_owner.h"
#include "suggest.h"
#include "text.h"

static const char *const words[CONTROL_N_WORDS] = {[CONTROL_START] = "start",
                                                   [CONTROL_STOP] = "stop",
                                                   [CONTROL_SNAPSHOT] = "snapshot",
                                                   [CONTROL_END] = "end"};

/* Return: enum control_word, or -EINVAL after a message. */
static int find_word(const char *word) {
    struct suggest s = {.word = word, .n = strlen(word)};
    for (int i = 0; i < CONTROL_N_WORDS; i++) {
        if (strcmp(words[i], word) == 0)
            return i;
        suggest_offer(&s, words[i]);
    }
    const char *best = suggest_best(&s);
    if (best)
        return error_print(-EINVAL,
                           "control: '%s' is none of start, stop, snapshot and "
                           "end: did you mean '%s'?",
                           word, best);
    return error_print(-EINVAL, "control: '%s' is none of start, stop, snapshot and end",
                       word);
}

struct target {
    int64_t id;
    char *arena;
};

/* Which recording of the file goes on? Return: 0 or a negative errno after a message. */
static int find_recording(struct store *store, int64_t wanted, struct target *out) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(store,
                          "SELECT id, session FROM recording WHERE state = 'running' AND "
                          "session IS NOT NULL AND ?1 IN (0, id) ORDER BY id",
                          &s);
    if (r < 0)
        return r;
    enum { FOUND_ID, FOUND_SESSION };
    sqlite3_bind_int64(s, 1, wanted);
    int64_t n = 0;
    while (sqlite3_step(s) == SQLITE_ROW) {
        if (n++)
            continue;
        out->id = sqlite3_column_int64(s, FOUND_ID);
        out->arena = text_dup(store_column_text(s, FOUND_SESSION));
    }
    if (n > 1)
        return error_print(-EINVAL,
                           "%s: %" PRId64 " recordings go on in it: say which with "
                           "--recording; the first is %" PRId64,
                           store->path, n, out->id);
    if (n)
        return 0;
    if (wanted)
        return error_print(-ESRCH,
                           "%s: recording %" PRId64 " does not go on, or is not in it",
                           store->path, wanted);
    return error_print(-ESRCH, "%s: no recording goes on in it", store->path);
}

static int explain(const struct store *store, const struct target *target, int r,
                   const char *answer) {
    AUTO_TEXT struct text quoted = {0};
    text_add_shell_shown(&quoted, store->path);
    switch (r) {
    case 0:
        error_tell("recording %" PRId64 ": %s", target->id, answer);
        return 0;
    case 1:
        return error_print(-EINVAL, "%s: %s", store->path, answer);
    case -ESRCH:
        return error_print(-ESRCH,
                           "%s: nobody records there any more: the dearth of recording "
                           "%" PRId64 " is gone, and 'dearth recover %s' completes it",
                           store->path, target->id, quoted.data);
    case -EPERM:
        return error_print(-EPERM,
                           "%s: recording %" PRId64
                           " is another user's: only who records "
                           "may control it",
                           store->path, target->id);
    default:
        return error_print_errno(r, "%s: cannot ask the dearth of recording %" PRId64,
                                 store->path, target->id);
    }
}

static int control(const char *path, int64_t wanted, uint32_t word) {
    AUTO_STORE struct store *store = NULL;
    struct target target = {0};
    struct stat st;
    char answer[CONTROL_ANSWER_BYTES] = "";
    int r = store_new(path, STORE_READ, &store);
    if (r == 0)
        r = find_recording(store, wanted, &target);
    if (r == 0 && stat(path, &st) < 0)
        r = error_print_errno(-errno, "%s", path);
    if (r == 0) {
        const struct control_question question = {.word = word,
                                                  .device = st.st_dev,
                                                  .inode = st.st_ino,
                                                  .recording_id = target.id};
        r = explain(store, &target, control_socket_ask(target.arena, &question, answer),
                    answer);
    }
    free(target.arena);
    return r;
}

/* The recording leaves it to us: it has a program to look after. */
static int resolve(const char *path) {
    AUTO_STORE struct store *store = NULL;
    int r = store_new(path, STORE_WRITE, &store);
    return r < 0 ? r : resolve_store(store, isatty(STDERR_FILENO) && !error_quiet());
}

int command_control(int argc, char **argv) {
    bool trust = false;
    int64_t recording = 0;
    const struct cli_option options[] = {
        {0, "recording", CLI_INT, &recording, "ID", "which, when several go on in FILE",
         NULL, false},
        {0, "trust", CLI_FLAG, &trust, NULL,
         "take the word of a database that others could have written, too", NULL, false},
        {0}};
    const struct cli_command command = {
        "control", "FILE start|stop|snapshot|end",
        "Switch the recording that goes on in FILE on and off, look into it, or end it: "
        "the program runs on, and is not touched.",
        "start: record from now on, as after 'dearth record --start-paused' or stop.\n\n"
        "stop: record nothing from now on. The program's calls pass through as if dearth "
        "was not there, but for one look at memory each. What was recorded is "
        "committed.\n\n"
        "snapshot: commit all that was recorded up to now. 'dearth stats', 'report', 'sql' "
        "and 'export' read it while recording goes on; functions and lines are looked up "
        "when it ends.\n\n"
        "end: end the recording; its state becomes 'complete', functions and lines are "
        "looked up, and the shared memory is removed. The program goes on unrecorded, and "
        "so do the programs that it starts. 'dearth record' stays, passes signals on, and "
        "ends when the program does, with its status.\n\n"
        "Only the user who records may do so. The database says when recording was on, and "
        "is never exact when that was not all the time. Exit status 0 when it was done, or "
        "2 when not.",
        options};
    int n, r = cli_parse(&command, argc, argv, false, &n);
    if (r != CLI_RUN)
        return r == CLI_DONE ? EXIT_OK : EXIT_CANNOT;
    if (n != 2) {
        error_print(0,
                    "control: takes a database and one of start, stop, snapshot and end "
                    "(see 'dearth control --help')");
        return EXIT_CANNOT;
    }
    const char *path = argv[1];
    int word = find_word(argv[2]);
    if (word < 0)
        return EXIT_CANNOT;
    AUTO_FREE char *stranger =
        trust || access(path, F_OK) < 0 ? NULL : store_stranger(path);
    if (stranger)
        r = error_print(-EPERM,
                        "%s: %s: it may name another recording of yours; --trust takes "
                        "what it names",
                        path, stranger);
    if (r == 0)
        r = control(path, recording, (uint32_t)word);
    if (r == 0 && word == CONTROL_END)
        r = resolve(path);
    return r < 0 ? EXIT_CANNOT : EXIT_OK;
}
