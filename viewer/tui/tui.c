/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal view: see tui.h. One screen:
 *
 *   program and summary
 *   1 Findings  2 Untested ...   tabs
 *   lines                        one list, or the details of a line, or the keys
 *   what was searched for, keys
 *
 * Run by dearth's own process, one thread. A terminal that gets smaller or larger is drawn anew, whatever its size.
 * Characters that it cannot show (another locale than UTF-8) are replaced.
 */
#define NCURSES_WIDECHAR 1
#include "tui.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "error.h"
#include "interrupt.h"
#include "lists.h"
#include "report_words.h"
#include "short_path.h"
#include "terminal.h"
#include "text.h"

#define KEY_ESCAPE 27
#define TICK_MS    1000 /* how soon it is noticed that the terminal is gone */
#define MOST_QUERY 200  /* characters */

enum mode { MODE_LIST, MODE_DETAILS, MODE_KEYS };

struct place { /* in a list */
    uint32_t top, at;
};

struct tui {
    struct lists *lists;
    const struct report_data *data;
    enum lists_tab tab;
    struct place places[N_LISTS];
    enum mode mode;
    bool asking; /* what to search for */
    bool utf8, colored;
    struct text lines; /* of details or keys, each ended by a NUL */
    uint32_t n_lines, top, *starts;
    wchar_t query[MOST_QUERY + 1];
    size_t n_query;
    char note[64]; /* said until the next key */
    int failed;
};

/* --- characters and colours --- */

static attr_t look(const struct tui *t, enum color color) {
    static const attr_t attributes[N_COLORS] = {
        [COLOR_TITLE] = A_BOLD, [COLOR_BUG] = A_BOLD, [COLOR_FAINT] = A_DIM};
    if (color == N_COLORS || !t->colored)
        return A_NORMAL;
    return attributes[color] | (has_colors() ? COLOR_PAIR(1 + (int)color) : 0);
}

static void start_colors(void) {
    static const short colors[] = {[COLOR_TITLE] = -1,
                                   [COLOR_BUG] = COLOR_RED,
                                   [COLOR_WARNING] = COLOR_YELLOW,
                                   [COLOR_GOOD] = COLOR_GREEN,
                                   [COLOR_PLACE] = COLOR_CYAN,
                                   [COLOR_FAINT] = -1};
    if (!has_colors())
        return;
    start_color();
    use_default_colors();
    for (int i = 0; i < N_COLORS; i++)
        init_pair((short)(i + 1), colors[i], -1);
}

/* One character of UTF-8 at @s, which ends with a NUL. Return: bytes. */
static size_t decode(const char *s, wchar_t *out) {
    mbstate_t state = {0};
    size_t n = mbrtowc(out, s, strlen(s), &state);
    if (n != (size_t)-1 && n != (size_t)-2 && n)
        return n;
    *out = L'?';
    return 1;
}

/* What stands for a character where only ASCII can be shown; its other bytes are skipped. */
static const char *plain(const char *s, size_t *bytes) {
    static const struct {
        const char *s, *shown;
    } known[] = {{"\xe2\x80\xa6", "..."}, {"\xe2\x80\xb9", "<"}, {"\xe2\x80\xba", ">"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(s, known[i].s, 3) == 0) {
            *bytes = 3;
            return known[i].shown;
        }
    *bytes = 1;
    while (((unsigned char)s[*bytes] & 0xc0) == 0x80)
        ++*bytes;
    return "?";
}

/* Return: bytes of @s that were put there, or 0: it does not fit any more. */
static size_t put_character(const struct tui *t, const char *s, int *x, int width) {
    unsigned char c = (unsigned char)*s;
    if (c < 0x80) {
        if (*x + 1 > width)
            return 0;
        addch(c < 0x20 || c == 0x7f ? '?' : c);
        ++*x;
        return 1;
    }
    if (!t->utf8) {
        size_t bytes;
        const char *shown = plain(s, &bytes);
        int n = (int)strlen(shown);
        if (*x + n > width)
            return 0;
        addstr(shown);
        *x += n;
        return bytes;
    }
    wchar_t w;
    size_t bytes = decode(s, &w);
    int n = wcwidth(w);
    if (n < 0 || !iswprint((wint_t)w)) {
        w = L'?';
        n = 1;
    }
    if (*x + n > width)
        return 0;
    addnwstr(&w, 1);
    *x += n;
    return bytes;
}

/* @s at (@y, 0) in at most @width columns, in @color until the first that it brings along. */
static void put_line(const struct tui *t, int y, const char *s, attr_t base) {
    int width = getmaxx(stdscr), x = 0;
    move(y, 0);
    clrtoeol();
    attrset(base);
    while (*s) {
        enum color color;
        size_t n = terminal_color_at(s, &color);
        if (n)
            attrset(base | look(t, color));
        else if (!(n = put_character(t, s, &x, width)))
            break;
        s += n;
    }
    if (base & A_REVERSE)
        for (; x < width; x++)
            addch(' ');
    attrset(A_NORMAL);
}

static void put_text(const struct tui *t, int y, struct text *line, attr_t base) {
    put_line(t, y, line->data ? line->data : "", base);
    text_deinit(line);
}

/* --- drawing --- */

/* Lines between head and foot. */
static uint32_t body(void) {
    int n = getmaxy(stdscr) - 3;
    return n > 0 ? (uint32_t)n : 0;
}

/* What was recorded, as far as there is room for it beside @taken columns. */
static void add_program(const struct tui *t, size_t taken, struct text *line) {
    const struct report_data *data = t->data;
    AUTO_TEXT struct text command = {0};
    if (data->n_programs > 1) {
        text_addf(line, "%zu programs", data->n_programs);
        return;
    }
    report_words_add_argv(&data->recordings[data->n_recordings - 1], &command);
    size_t width = (size_t)getmaxx(stdscr);
    if (terminal_columns(command.data, command.n) + taken < width)
        text_add(line, command.data);
    else
        text_add_name(line, text_basename(data->recordings[data->n_recordings - 1].exe));
}

static void draw_head(const struct tui *t) {
    struct text line = {0}, tabs = {0};
    AUTO_TEXT struct text summary = {0};
    lists_add_summary(t->lists, &summary);
    text_add(&line, "dearth  ");
    add_program(t, terminal_columns(summary.data, summary.n) + 12, &line);
    text_addf(&line, ": %s", summary.data);
    put_text(t, 0, &line, A_REVERSE);
    for (int i = 0; i < N_LISTS; i++) {
        const struct list *list = &t->lists->tabs[i];
        bool here = i == (int)t->tab && t->mode != MODE_KEYS;
        text_addf(&tabs, "%s%d %s %u%s", here ? "[" : " ", i + 1, list->title,
                  list->n_shown, here ? "] " : "  ");
    }
    put_text(t, 1, &tabs, t->colored ? A_BOLD : A_NORMAL);
}

static void query_bytes(const struct tui *t, char *bytes, size_t size) {
    size_t n = wcstombs(bytes, t->query, size - 1);
    bytes[n == (size_t)-1 ? 0 : n] = 0;
}

static void draw_foot(const struct tui *t) {
    struct text line = {0};
    const struct list *list = &t->lists->tabs[t->tab];
    if (t->asking) {
        char bytes[MOST_QUERY * 4 + 1];
        query_bytes(t, bytes, sizeof bytes);
        text_say(&line, "search: %s", bytes);
    } else if (*t->note) {
        text_say(&line, "%s", t->note);
    } else if (t->mode == MODE_LIST) {
        text_say(&line, "%s%s%s", list->query ? "search: " : "",
                 list->query ? list->query : "", list->query ? "  " : "");
        text_add(&line, "Enter details  / search  1-4 Tab lists  + open  s sort  ? keys  "
                        "q quit");
    } else {
        text_add(&line, t->mode == MODE_KEYS ? "Esc back  q quit"
                                             : "Esc back  n next  p previous  q quit");
        if (t->n_lines > body())
            text_addf(&line, "  lines %u-%u of %u", t->top + 1,
                      t->top + body() < t->n_lines ? t->top + body() : t->n_lines,
                      t->n_lines);
    }
    put_text(t, getmaxy(stdscr) - 1, &line, A_REVERSE);
    if (t->asking) {
        int x = 8 + (int)t->n_query;
        move(getmaxy(stdscr) - 1, x < getmaxx(stdscr) ? x : getmaxx(stdscr) - 1);
    }
}

static void draw_row(const struct tui *t, int y, uint32_t i) {
    const struct list *list = &t->lists->tabs[t->tab];
    const struct list_row *row = &list->rows[list->shown[i]];
    bool here = i == t->places[t->tab].at;
    put_line(t, y, row->text, here ? A_REVERSE : A_NORMAL);
    if (here || row->color == N_COLORS || !t->colored)
        return;
    mvchgat(y, 0, (int)strcspn(row->text, " "), look(t, row->color),
            has_colors() ? (short)(1 + (int)row->color) : 0, NULL);
}

static void draw_list(struct tui *t) {
    const struct list *list = &t->lists->tabs[t->tab];
    struct place *p = &t->places[t->tab];
    uint32_t n = body();
    if (p->at >= list->n_shown)
        p->at = list->n_shown ? list->n_shown - 1 : 0;
    if (p->at < p->top)
        p->top = p->at;
    if (n && p->at >= p->top + n)
        p->top = p->at - n + 1;
    for (uint32_t i = 0; i < n; i++) {
        if (p->top + i < list->n_shown)
            draw_row(t, 2 + (int)i, p->top + i);
        else
            put_line(t, 2 + (int)i,
                     i || list->n_shown ? ""
                     : list->query      ? "  nothing of that"
                     : list->none       ? list->none
                                        : "  nothing",
                     A_NORMAL);
    }
}

static void draw_lines(struct tui *t) {
    uint32_t n = body(), last = t->n_lines > n ? t->n_lines - n : 0;
    t->top = t->top > last ? last : t->top;
    for (uint32_t i = 0; i < n; i++)
        put_line(t, 2 + (int)i,
                 t->top + i < t->n_lines ? t->lines.data + t->starts[t->top + i] : "",
                 A_NORMAL);
}

static void draw(struct tui *t) {
    erase();
    draw_head(t);
    if (t->mode == MODE_LIST)
        draw_list(t);
    else
        draw_lines(t);
    draw_foot(t);
    curs_set(t->asking);
    refresh();
}

/* --- lines --- */

/* Take @text apart; colours that go on over its end of a line begin anew on the next one. */
static void set_lines(struct tui *t, struct text *text) {
    text_deinit(&t->lines);
    free(t->starts);
    t->lines = *text;
    t->starts = NULL;
    t->n_lines = 0;
    t->top = 0;
    for (size_t i = 0; i < t->lines.n;) {
        t->starts = text_grow(t->starts, t->n_lines, sizeof *t->starts);
        t->starts[t->n_lines++] = (uint32_t)i;
        size_t n = strcspn(t->lines.data + i, "\n");
        i += n;
        t->lines.data[i] = 0;
        i++;
    }
}

static void show_details(struct tui *t) {
    struct text text = {0};
    const struct list *list = &t->lists->tabs[t->tab];
    uint32_t at = t->places[t->tab].at;
    if (at >= list->n_shown)
        return;
    t->failed = lists_details(t->lists, t->tab, at, (unsigned)getmaxx(stdscr), &text);
    set_lines(t, &text);
    t->mode = MODE_DETAILS;
}

static void show_keys(struct tui *t) {
    struct text text = {0};
    text_add(
        &text,
        "\n  1 2 3 4, Tab, Shift-Tab    findings, untested, sites, leaks\n"
        "  Up, Down, j, k             a line; PgUp, PgDn, Home, End, g, G: further\n"
        "  Enter, Right, l            details: what happened, sources, stacks, commands\n"
        "  +, Space                   findings that end at the same place: open, or shut\n"
        "  /                          search: all words, in any case, in a line, a module, a\n"
        "                             file or a key; -word: without it. Esc: all again\n"
        "  s                          sites: by bytes, count, own peak, live, verdict\n"
        "  n, p                       in details: the next one, the previous one\n"
        "  Esc, Left, h, Backspace    back\n"
        "  Ctrl-L                     draw anew\n"
        "  q, Ctrl-C                  end\n");
    set_lines(t, &text);
    t->mode = MODE_KEYS;
}

/* The terminal has another size: what was broken to fit is broken again. */
static void resize(struct tui *t) {
    uint32_t top = t->top;
    if (t->mode == MODE_DETAILS)
        show_details(t);
    t->top = top;
}

/* --- keys --- */

static void move_to(struct tui *t, int64_t at) {
    uint32_t n = t->lists->tabs[t->tab].n_shown;
    at = at >= n ? (int64_t)n - 1 : at;
    t->places[t->tab].at = at < 0 ? 0 : (uint32_t)at;
}

static void scroll_to(struct tui *t, int64_t top) {
    t->top = top < 0 ? 0 : top > UINT32_MAX ? UINT32_MAX : (uint32_t)top;
}

static void search(struct tui *t) {
    char bytes[MOST_QUERY * 4 + 1];
    query_bytes(t, bytes, sizeof bytes);
    lists_search(t->lists, t->tab, bytes);
    t->places[t->tab] = (struct place){0};
}

static void ask(struct tui *t, bool special, wint_t key) {
    bool erased = special ? key == KEY_BACKSPACE : key == 127 || key == 8;
    if ((special && key == KEY_ENTER) || (!special && (key == '\n' || key == '\r'))) {
        t->asking = false;
    } else if (!special && key == KEY_ESCAPE) {
        t->asking = false;
        t->n_query = 0;
    } else if (erased) {
        t->n_query -= t->n_query > 0;
    } else if (!special && t->n_query < MOST_QUERY && iswprint(key)) {
        t->query[t->n_query++] = (wchar_t)key;
    }
    t->query[t->n_query] = 0;
    search(t);
}

static void select_tab(struct tui *t, int tab) {
    t->tab = (enum lists_tab)((tab + N_LISTS) % N_LISTS);
    t->mode = MODE_LIST;
}

static void toggle(struct tui *t) {
    uint32_t at = t->places[t->tab].at;
    const struct list *list = &t->lists->tabs[t->tab];
    if (at >= list->n_shown || t->tab != LISTS_FINDINGS)
        return;
    uint32_t head = list->rows[list->shown[at]].above;
    if (!lists_fold(t->lists, t->tab, at, !list->rows[head].open))
        return;
    for (uint32_t i = 0; i < list->n_shown;
         i++) /* shut: the heading is where one is then */
        if (list->shown[i] == head)
            t->places[t->tab].at = i;
}

static void step(struct tui *t, int by) {
    int64_t at = (int64_t)t->places[t->tab].at + by;
    if (at < 0 || at >= t->lists->tabs[t->tab].n_shown)
        return;
    move_to(t, at);
    show_details(t);
}

/* Keys that move: by how many lines, or 0. */
static int64_t distance(bool special, wint_t key) {
    const int64_t far = UINT32_MAX;
    int64_t page = body() ? (int64_t)body() : 1;
    if (special)
        return key == KEY_DOWN    ? 1
               : key == KEY_UP    ? -1
               : key == KEY_NPAGE ? page
               : key == KEY_PPAGE ? -page
               : key == KEY_HOME  ? -far
               : key == KEY_END   ? far
                                  : 0;
    return key == 'j' ? 1 : key == 'k' ? -1 : key == 'g' ? -far : key == 'G' ? far : 0;
}

static void list_key(struct tui *t, bool special, wint_t key) {
    if (special ? key == KEY_ENTER || key == KEY_RIGHT
                : key == '\n' || key == '\r' || key == 'l')
        show_details(t);
    else if (special)
        return;
    else if (key == '/') {
        t->asking = true;
        t->n_query = 0;
        t->query[0] = 0;
    } else if (key == '+' || key == ' ' || key == '-')
        toggle(t);
    else if (key == 's' && t->tab == LISTS_SITES) {
        snprintf(t->note, sizeof t->note, "sites by %s", lists_reorder(t->lists));
        t->places[t->tab] = (struct place){0};
    } else if (key == KEY_ESCAPE) {
        t->n_query = 0;
        t->query[0] = 0;
        search(t);
    }
}

static void lines_key(struct tui *t, bool special, wint_t key) {
    bool back = special ? key == KEY_LEFT || key == KEY_BACKSPACE
                        : key == KEY_ESCAPE || key == 'h' || key == 127 || key == 8;
    if (back)
        t->mode = MODE_LIST;
    else if (!special && t->mode == MODE_DETAILS && (key == 'n' || key == 'p'))
        step(t, key == 'n' ? 1 : -1);
    else if (!special && key == ' ')
        scroll_to(t, (int64_t)t->top + body());
}

/* Return: whether to go on. */
static bool take_key(struct tui *t, bool special, wint_t key) {
    int64_t by = distance(special, key);
    t->note[0] = 0;
    if (special && key == KEY_RESIZE)
        resize(t);
    else if (t->asking)
        ask(t, special, key);
    else if (!special && (key == 'q' || key == 3)) /* Ctrl-C where it makes no signal */
        return false;
    else if (!special && key == 12)
        clearok(stdscr, TRUE);
    else if (!special && key == '?')
        show_keys(t);
    else if (!special && key >= '1' && key < '1' + N_LISTS)
        select_tab(t, (int)key - '1');
    else if (!special && key == '\t')
        select_tab(t, (int)t->tab + 1);
    else if (special && key == KEY_BTAB)
        select_tab(t, (int)t->tab - 1);
    else if (by && t->mode == MODE_LIST)
        move_to(t, t->places[t->tab].at + by);
    else if (by)
        scroll_to(t, (int64_t)t->top + by);
    else if (t->mode == MODE_LIST)
        list_key(t, special, key);
    else
        lines_key(t, special, key);
    return t->failed == 0;
}

static void loop(struct tui *t) {
    wint_t key;
    draw(t);
    while (!interrupt_wanted()) {
        int kind = get_wch(&key);
        if (kind == ERR && !terminal_is(STDIN_FILENO))
            return;
        if (kind == ERR)
            continue;
        if (!take_key(t, kind == KEY_CODE_YES, key))
            return;
        draw(t);
    }
}

/* --- */

int tui_check(void) {
    if (terminal_is(STDIN_FILENO) && terminal_is(STDOUT_FILENO))
        return 0;
    return error_print(-ENOTTY,
                       "view: --tui needs a terminal as standard input and output; "
                       "without it a summary is printed");
}

/* Return: the screen, or NULL after a message. */
static SCREEN *begin(struct tui *t) {
    const char *term = getenv("TERM");
    setlocale(LC_CTYPE, "");
    t->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    SCREEN *screen = newterm(NULL, stdout, stdin);
    if (!screen) {
        error_print(
            -EINVAL,
            "view: --tui does not know the terminal TERM=%s (is its terminfo entry "
            "installed?); without it a summary is printed",
            term ? term : "");
        return NULL;
    }
    set_term(screen);
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    set_escdelay(50);
    timeout(TICK_MS);
    if (t->colored)
        start_colors();
    return screen;
}

int tui_run(const struct report_data *data, const struct report_source *source) {
    struct tui t = {.data = data};
    struct report_text_options options = {0};
    int r = tui_check();
    if (r == 0)
        r = report_text_suit(data, true, SOURCES_AUTO, &options);
    if (r == 0)
        r = lists_new(data, source, &t.lists);
    if (r < 0)
        return r;
    t.colored = terminal_is_colored();
    interrupt_install();
    SCREEN *screen = begin(&t);
    if (screen) {
        loop(&t);
        endwin();
        delscreen(screen);
    }
    text_deinit(&t.lines);
    free(t.starts);
    lists_free(t.lists);
    short_path_forget();
    return !screen ? -EINVAL : t.failed < 0 ? t.failed : interrupt_status();
}
