/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth top`: a recording or a replay while it runs.
 *
 *   database ─► top_now_read() ─► top_names_fill() ─► top_text() ─► terminal, drawn anew
 *      ▲  the collector commits its sums every second while somebody watches (session_watch_begin())
 */
#include "top.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "build_folder.h"
#include "cli.h"
#include "clock.h"
#include "commands.h"
#include "error.h"
#include "interrupt.h"
#include "output.h"
#include "session_watch.h"
#include "short_name.h"
#include "short_path.h"
#include "terminal.h"

#define PRIVATE_MODE "\033[?"
#define SECOND       1000000000u
#define ABOVE_MOST   64 /* processes between one and the dearth that records it */
#define STALE_NS     2500000000u /* sums that old: nothing happens */
#define GRACE_NS     2000000000u
#define LEAST_SHOWN  3u
#define HEAD_LINES   9u /* above the sites */

struct top {
    const char *path;
    char *found; /* by a pid */
    struct store *store;
    struct top_names *names;
    int sort, watch; /* watch: descriptor, -1 = none */
    int64_t limit;
    uint64_t interval_ns, idle_ns; /* idle: since when nothing runs; 0 = something does */
    int64_t writer;                /* the dearth that was asked for; 0 = none */
    bool once, screen;
    struct termios before_screen;
    struct top_now now, before; /* before: other sums, what rates are counted from */
    struct idmap bytes_before;
};

/* --- a pid --- */

static int64_t parent_of(int64_t pid) {
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(line, 1, sizeof line - 1, f) : 0;
    if (f)
        fclose(f);
    line[n] = 0;
    const char *end = strrchr(line, ')'); /* a name may hold anything else */
    long long parent = 0;
    return end && sscanf(end + 1, " %*c %lld", &parent) == 1 ? parent : 0;
}

static bool is_dearth(int64_t pid) {
    char path[64], exe[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%lld/exe", (long long)pid);
    ssize_t n = readlink(path, exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = 0;
    const char *name = text_basename(exe);
    return strncmp(name, "dearth", 6) == 0 && (!name[6] || name[6] == ' ');
}

/* A database that is written to has its log open beside it. */
static char *log_of(int64_t pid) {
    char folder[64], target[PATH_MAX];
    char *found = NULL;
    snprintf(folder, sizeof folder, "/proc/%lld/fd", (long long)pid);
    DIR *d = opendir(folder);
    const struct dirent *e;
    while (d && !found && (e = readdir(d))) {
        ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof target - 1);
        if (n <= 4 || memcmp(target + n - 4, "-wal", 4) != 0)
            continue;
        target[n - 4] = 0;
        if (access(target, R_OK) == 0)
            found = text_dup(target);
    }
    if (d)
        closedir(d);
    return found;
}

int64_t top_database_of(int64_t pid, char **out) {
    char path[64];
    *out = NULL;
    snprintf(path, sizeof path, "/proc/%lld", (long long)pid);
    if (access(path, F_OK) < 0)
        return error_print(-ESRCH,
                           "top: there is no process %lld, nor a file of that name",
                           (long long)pid);
    int64_t at = pid;
    for (int i = 0; i < ABOVE_MOST && at > 0; i++, at = parent_of(at))
        if (is_dearth(at) && (*out = log_of(at)))
            return at;
    return error_print(-ENOENT,
                       "top: process %lld is not being recorded or replayed by a dearth "
                       "that this user may look at; name the database",
                       (long long)pid);
}

/* --- reading --- */

static bool is_idle(const struct top *t) {
    return !t->now.recording_runs && !t->now.replay_runs;
}

/* Between a recording and its replay nothing runs for a moment, or as long as its dearth lives. */
static bool is_over(struct top *t) {
    uint64_t now = clock_mono_ns();
    if (!is_idle(t))
        t->idle_ns = 0;
    else if (!t->idle_ns)
        t->idle_ns = now;
    return t->idle_ns && now - t->idle_ns >= GRACE_NS &&
           !(t->writer && kill((pid_t)t->writer, 0) == 0);
}

/* What @t->now showed is what rates are counted from as long as nothing else is known. */
static void remember(struct top *t) {
    idmap_deinit(&t->bytes_before);
    for (uint32_t i = 0; i < t->now.n_items; i++)
        idmap_put(&t->bytes_before, t->now.items[i].id, (int64_t)t->now.items[i].bytes);
    top_now_deinit(&t->before);
    t->before = t->now;
    t->now = (struct top_now){0};
}

static bool has_news(const struct top_now *a, const struct top_now *b) {
    return a->events != b->events || a->executions != b->executions ||
           a->recording != b->recording || b->read_ns - a->read_ns > STALE_NS;
}

static int look(struct top *t, uint32_t limit) {
    struct top_now now;
    int r = top_now_read(t->store, (enum top_sort)t->sort, limit, &now);
    if (r == 0)
        r = top_names_fill(t->names, &now);
    if (r < 0)
        return r;
    if (t->now.read_ns && has_news(&t->now, &now))
        remember(t);
    else
        top_now_deinit(&t->now);
    t->now = now;
    if (t->watch < 0 && now.recording_runs)
        t->watch = session_watch_begin(now.session);
    return 0;
}

static void compose(const struct top *t, unsigned width, struct text *out) {
    top_text(&t->now, t->before.read_ns ? &t->before : NULL, &t->bytes_before, t->path,
             width, out);
}

/* --- the terminal --- */

static bool is_able(void) {
    const char *term = getenv("TERM");
    return terminal_is(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

static void put(const char *s) {
    output_put(STDOUT_FILENO, s, strlen(s));
}

/* Source: xterm's control sequences (ctlseqs), DECSET 1049 and 25. */
static void screen_begin(struct top *t) {
    t->screen = true;
    put(PRIVATE_MODE "1049h" PRIVATE_MODE "25l");
    if (tcgetattr(STDIN_FILENO, &t->before_screen) < 0)
        return;
    struct termios raw = t->before_screen;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static void screen_end(struct top *t) {
    if (!t->screen)
        return;
    t->screen = false;
    put(PRIVATE_MODE "25h" PRIVATE_MODE "1049l");
    if (terminal_is(STDIN_FILENO))
        tcsetattr(STDIN_FILENO, TCSANOW, &t->before_screen);
}

static uint32_t rows(void) {
    struct winsize size = {0};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row ? size.ws_row : 24;
}

/* As many lines as there is room for, each cleared to its end, and the keys. */
static void draw(const struct top *t) {
    AUTO_TEXT struct text all = {0}, screen = {0};
    unsigned width = terminal_width(STDOUT_FILENO);
    compose(t, width ? width : 80, &all);
    uint32_t most = rows() - 1;
    text_add(&screen, "\033[H");
    for (const char *p = all.data; *p && most; most--) {
        size_t bytes = strcspn(p, "\n");
        text_add_n(&screen, p, bytes);
        text_add(&screen, "\033[K\r\n");
        p += bytes + (p[bytes] == '\n');
    }
    terminal_say(&screen, COLOR_FAINT, "%s", "q ends, s changes the order");
    text_add(&screen, "\033[J");
    output_put(STDOUT_FILENO, screen.data, screen.n);
}

/* Wait for the time or a key. Return: whether to go on. */
static bool wait_key(struct top *t) {
    struct pollfd in = {t->screen ? STDIN_FILENO : -1, POLLIN, 0};
    uint64_t end = clock_mono_ns() + t->interval_ns, now;
    while (!interrupt_wanted() && (now = clock_mono_ns()) < end) {
        char key = 0;
        if (poll(&in, 1, (int)((end - now) / 1000000u) + 1) <= 0)
            continue;
        if (read(STDIN_FILENO, &key, 1) != 1)
            in.fd = -1; /* nobody types */
        if (key == 'q')
            return false;
        if (key == 's') {
            t->sort = (t->sort + 1) % (TOP_COUNT + 1);
            return true;
        }
    }
    return !interrupt_wanted();
}

/* --- */

static uint32_t fitting(const struct top *t) {
    if (t->limit >= 0)
        return (uint32_t)t->limit;
    uint32_t n = t->screen ? rows() : 24;
    return n > HEAD_LINES + LEAST_SHOWN ? n - HEAD_LINES : LEAST_SHOWN;
}

static int follow(struct top *t) {
    int r = look(t, fitting(t));
    if (r < 0 || (is_idle(t) && !t->writer))
        return r;
    if (is_able())
        screen_begin(t);
    do {
        r = look(t, fitting(t));
        if (r < 0 || is_over(t))
            break;
        if (t->screen) {
            draw(t);
            continue;
        }
        AUTO_TEXT struct text line = {0};
        top_text_line(&t->now, t->before.read_ns ? &t->before : NULL, &line);
        put(line.data);
    } while (wait_key(t));
    screen_end(t);
    return r;
}

static int open_store(struct top *t) {
    struct stat st;
    char *end;
    long long pid = strtoll(t->path, &end, 10);
    if (*t->path && !*end && pid > 0 && stat(t->path, &st) < 0) {
        t->writer = top_database_of(pid, &t->found);
        if (t->writer < 0)
            return (int)t->writer;
        t->path = t->found;
    }
    int r = store_new(t->path, STORE_READ, &t->store);
    if (r == 0) {
        store_unbound(t->store); /* the same is asked again and again */
        r = top_names_new(t->store, &t->names);
    }
    if (r == 0 && terminal_is(STDOUT_FILENO) && !short_name_whole)
        r = build_folder_cut(t->store);
    return r;
}

static int show(struct top *t) {
    int r = open_store(t);
    terminal_use(STDOUT_FILENO);
    if (r == 0)
        r = t->once ? look(t, fitting(t)) : follow(t);
    if (r == 0) { /* what it came to stays to be read */
        AUTO_TEXT struct text out = {0};
        compose(t, terminal_width(STDOUT_FILENO), &out);
        if (!t->once && is_idle(t))
            text_add(&out, "nothing runs in it any more\n");
        fputs(out.data, stdout);
    }
    return r;
}

static void top_deinit(struct top *t) {
    screen_end(t);
    session_watch_end(t->watch);
    top_now_deinit(&t->now);
    top_now_deinit(&t->before);
    idmap_deinit(&t->bytes_before);
    top_names_free(t->names);
    store_free(t->store);
    short_path_forget();
    free(t->found);
}

int command_top(int argc, char **argv) {
    struct top t = {
        .path = STORE_DEFAULT_PATH, .watch = -1, .limit = -1, .interval_ns = SECOND};
    const struct cli_option options[] = {
        {'s', "sort", CLI_CHOICE, &t.sort, NULL, "which sites come first (live)",
         "live|bytes|count"},
        {'n', "limit", CLI_INT, &t.limit, "N",
         "sites shown (as many as there is room for); 0 = all"},
        {0, "interval", CLI_DURATION, &t.interval_ns, "TIME", "between two looks (1s)"},
        {0, "once", CLI_FLAG, &t.once, NULL, "print what there is now, and end"},
        SHORT_NAME_OPTION,
        TERMINAL_COLOR_OPTION,
        {0}};
    const struct cli_command command = {
        "top", "[options] [FILE|PID]",
        "Watch a recording or a replay while it runs: rates, the largest sites, live bytes, "
        "progress.",
        "FILE is the database (default: " STORE_DEFAULT_PATH
        "); PID a process that is recorded or replayed, or its dearth. It ends with q or "
        "Ctrl-C, and when nothing runs any more; what it came to is printed then. Where "
        "standard output is no terminal there is a line for each look. s changes the order. "
        "Sums are as of the last commit, which comes every second while somebody watches.",
        options};
    int n, r = cli_parse(&command, argc, argv, false, &n);
    if (r != CLI_RUN)
        return r == CLI_DONE ? EXIT_OK : EXIT_CANNOT;
    if (n > 1 || t.interval_ns < SECOND / 20) {
        error_print(-EINVAL, n > 1 ? "top: one database, or one process, at a time"
                                   : "top: --interval takes 50ms at least");
        return EXIT_CANNOT;
    }
    if (n)
        t.path = argv[1];
    interrupt_install();
    r = show(&t);
    top_deinit(&t);
    return r < 0 ? EXIT_CANNOT : interrupt_status();
}
