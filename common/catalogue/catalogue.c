/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue: its reader and its matcher, see catalogue.h. */
#include "catalogue.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "allocators.h"
#include "error.h"
#include "facilities.h"
#include "harnesses.h"
#include "policies.h"
#include "runtimes.h"
#include "text.h"

#define TEXT_MAX (1u << 20) /* bytes of a user's file */

static const struct {
    const char *word;
    uint32_t fields;
    bool named;
} kinds[] = {
#define KIND(name, word, fields, named) {word, fields, named},
    CATALOGUE_KINDS(KIND)};
#undef KIND

static const char *const field_words[] = {
#define FIELD(name, word) word,
    CATALOGUE_FIELDS(FIELD)};
#undef FIELD

struct sections {
    struct catalogue_section *items;
    uint32_t n;
};

struct given { /* a user's file */
    char *name, *text;
};

struct catalogue {
    struct sections users, builtin;
    struct given *given;
    uint32_t n_given;
};

static void section_deinit(struct catalogue_section *s) {
    for (uint32_t i = 0; i < s->n; i++) {
        for (uint32_t k = 0; k < s->lines[i].n; k++)
            free(s->lines[i].patterns[k]);
        free(s->lines[i].patterns);
    }
    free(s->lines);
    free(s->name);
    free(s->effect);
}

static void sections_deinit(struct sections *s) {
    for (uint32_t i = 0; i < s->n; i++)
        section_deinit(&s->items[i]);
    free(s->items);
    *s = (struct sections){0};
}

/* --- reading --- */

struct reading {
    const char *file;
    unsigned line;
    struct sections *out;
};

static int wrong(const struct reading *r, const char *what, const char *way_out) {
    return error_print(-EINVAL, "%s:%u: %s; %s (man 5 dearth-catalogue)", r->file,
                       r->line, what, way_out);
}

/* Cut blanks off both ends, in place. */
static char *trim(char *s) {
    while (isspace((unsigned char)*s))
        s++;
    size_t n = strlen(s);
    while (n && isspace((unsigned char)s[n - 1]))
        s[--n] = 0;
    return s;
}

static struct catalogue_section *add_section(struct sections *out,
                                             enum catalogue_kind kind, const char *name) {
    out->items = text_grow(out->items, out->n, sizeof *out->items);
    struct catalogue_section *s = &out->items[out->n++];
    *s = (struct catalogue_section){.kind = kind, .name = text_dup(name)};
    return s;
}

static struct catalogue_line *add_line(struct catalogue_section *s,
                                       enum catalogue_field field) {
    s->lines = text_grow(s->lines, s->n, sizeof *s->lines);
    s->lines[s->n] = (struct catalogue_line){.field = field};
    return &s->lines[s->n++];
}

static void add_pattern(struct catalogue_line *line, const char *pattern) {
    line->patterns = text_grow(line->patterns, line->n, sizeof *line->patterns);
    line->patterns[line->n++] = text_dup(pattern);
}

static int find_kind(const char *word) {
    for (int i = 0; i < CATALOGUE_N_KINDS; i++)
        if (strcmp(kinds[i].word, word) == 0)
            return i;
    return -1;
}

static char *list_kinds(void) {
    struct text t = {0};
    for (int i = 0; i < CATALOGUE_N_KINDS; i++)
        text_addf(&t, "%s%s", i ? ", " : "", kinds[i].word);
    return text_take(&t);
}

static char *list_fields(uint32_t fields) {
    struct text t = {0};
    for (int i = 0; i < CATALOGUE_N_FIELDS; i++)
        if (fields >> i & 1)
            text_addf(&t, "%s%s", t.n ? ", " : "", field_words[i]);
    return text_take(&t);
}

/* "[KIND NAME]" */
static int read_header(struct reading *r, char *s) {
    size_t n = strlen(s);
    if (s[n - 1] != ']')
        return wrong(r, "a section that does not end with ]",
                     "write [KIND] or [KIND NAME]");
    s[n - 1] = 0;
    s = trim(s + 1);
    n = strcspn(s, " \t");
    char *name = trim(s + n);
    AUTO_FREE char *word = text_alloc(n + 1);
    memcpy(word, s, n);
    int kind = find_kind(word);
    if (kind < 0) {
        AUTO_FREE char *what = text_format("[%s] is no kind of section", word);
        AUTO_FREE char *known = list_kinds();
        AUTO_FREE char *way_out = text_format("there are %s", known);
        return wrong(r, what, way_out);
    }
    if (kinds[kind].named && !*name) {
        AUTO_FREE char *way_out =
            text_format("write [%s NAME], what it is called in reports", word);
        return wrong(r, "a section of this kind has a name", way_out);
    }
    add_section(r->out, (enum catalogue_kind)kind, *name ? name : NULL);
    return 0;
}

/* "part of a line ... another part"; what stands before the first and behind the last is anything. */
static void read_parts(struct catalogue_line *line, const char *s) {
    AUTO_FREE char *copy = text_format(" %s ", s);
    for (char *part = copy, *end; part; part = end) {
        end = strstr(part, " ... ");
        if (end) {
            *end = 0;
            end += 4; /* the blank begins the next */
        }
        part = trim(part);
        if (*part)
            add_pattern(line, part);
    }
}

static void read_words(struct catalogue_line *line, char *s) {
    char *save = NULL;
    for (char *word = strtok_r(s, " \t", &save); word;
         word = strtok_r(NULL, " \t", &save))
        add_pattern(line, word);
}

static int no_pattern(const struct reading *r) {
    return wrong(r, "a line without a pattern", "write FIELD PATTERN");
}

static int read_field(struct reading *r, char *s) {
    size_t n = strcspn(s, " \t");
    char *rest = s[n] ? trim(s + n + 1) : s + n;
    s[n] = 0;
    if (!r->out->n)
        return wrong(r, "a line that belongs to no section",
                     "begin one: [KIND] or [KIND NAME]");
    struct catalogue_section *section = &r->out->items[r->out->n - 1];
    uint32_t fields = kinds[section->kind].fields;
    int field = 0;
    while (field < CATALOGUE_N_FIELDS &&
           (!(fields >> field & 1) || strcmp(field_words[field], s) != 0))
        field++;
    if (field == CATALOGUE_N_FIELDS) {
        AUTO_FREE char *what =
            text_format("'%s' does not stand in [%s]", s, kinds[section->kind].word);
        AUTO_FREE char *known = list_fields(fields);
        AUTO_FREE char *way_out = text_format("its lines begin with %s", known);
        return wrong(r, what, way_out);
    }
    if (!*rest)
        return no_pattern(r);
    if (field == FIELD_EFFECT) {
        free(section->effect);
        section->effect = text_dup(rest);
        return 0;
    }
    struct catalogue_line *line = add_line(section, (enum catalogue_field)field);
    if (field == FIELD_MESSAGE || field == FIELD_LIBC_MESSAGE || field == FIELD_REPORT)
        read_parts(line, rest);
    else if (field == FIELD_LINE)
        add_pattern(line, rest);
    else
        read_words(line, rest);
    return line->n ? 0 : no_pattern(r);
}

static int read_text(const char *name, const char *text, struct sections *out) {
    struct reading r = {.file = name, .out = out};
    AUTO_FREE char *copy = text_dup(text);
    char *next = copy;
    int err = 0;
    for (char *line; err == 0 && (line = strsep(&next, "\n"));) {
        r.line++;
        line = trim(line);
        if (*line == '[')
            err = read_header(&r, line);
        else if (*line && *line != '#')
            err = read_field(&r, line);
    }
    return err;
}

/* --- catalogues --- */

struct catalogue *catalogue_new(void) {
    static const struct {
        const char *name, *text;
    } files[] = {{"policies", catalogue_policies},
                 {"harnesses", catalogue_harnesses},
                 {"allocators", catalogue_allocators},
                 {"runtimes", catalogue_runtimes},
                 {"facilities", catalogue_facilities}};
    struct catalogue *c = text_alloc(sizeof *c);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (read_text(files[i].name, files[i].text, &c->builtin) < 0)
            abort(); /* a test reads them */
    return c;
}

struct catalogue *catalogue_free(struct catalogue *c) {
    if (!c)
        return NULL;
    sections_deinit(&c->users);
    sections_deinit(&c->builtin);
    for (uint32_t i = 0; i < c->n_given; i++) {
        free(c->given[i].name);
        free(c->given[i].text);
    }
    free(c->given);
    free(c);
    return NULL;
}

int catalogue_add_text(struct catalogue *c, const char *name, const char *text) {
    uint32_t before = c->users.n;
    int err = read_text(name, text, &c->users);
    while (err < 0 && c->users.n > before)
        section_deinit(&c->users.items[--c->users.n]);
    if (err < 0)
        return err;
    c->given = text_grow(c->given, c->n_given, sizeof *c->given);
    c->given[c->n_given++] =
        (struct given){.name = text_dup(name), .text = text_dup(text)};
    return 0;
}

/* Whole, or nothing. Return: bytes, or negative errno. */
static ssize_t read_all(int fd, char *data, size_t size) {
    size_t n = 0;
    ssize_t got = 1;
    while (got > 0 && n < size) {
        got = read(fd, data + n, size - n);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            n += (size_t)got;
    }
    return got < 0 ? -errno : (ssize_t)n;
}

int catalogue_add_file(struct catalogue *c, const char *path) {
    AUTO_FREE char *text = text_alloc(TEXT_MAX + 2);
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe does not wait */
    if (fd < 0)
        return error_print_errno(-errno, "%s: cannot read the catalogue", path);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return error_print(-EINVAL,
                           "%s: is no regular file, which a catalogue is: it is read "
                           "more than once",
                           path);
    }
    ssize_t n = read_all(fd, text, TEXT_MAX + 1);
    close(fd);
    if (n < 0)
        return error_print_errno((int)n, "%s: cannot read the catalogue", path);
    if (n > TEXT_MAX)
        return error_print(-EFBIG, "%s: is larger than %u bytes: is it a catalogue?",
                           path, TEXT_MAX);
    if (strlen(text) != (size_t)n)
        return error_print(-EINVAL,
                           "%s: holds a NUL byte: a catalogue is a text "
                           "(man 5 dearth-catalogue)",
                           path);
    return catalogue_add_text(c, path, text);
}

int catalogue_add_policy(struct catalogue *c, const char *policy) {
    const char *equals = strchr(policy, '=');
    if (!equals || equals == policy || !equals[1])
        return -EINVAL;
    AUTO_FREE char *name = text_alloc((size_t)(equals - policy) + 1);
    memcpy(name, policy, (size_t)(equals - policy));
    struct catalogue_section *s = add_section(&c->users, CATALOGUE_POLICY, name);
    add_pattern(add_line(s, FIELD_STACK), equals + 1);
    return 0;
}

void catalogue_add_wrapper(struct catalogue *c, const char *glob) {
    struct catalogue_section *s = add_section(&c->users, CATALOGUE_ALLOCATOR, NULL);
    add_pattern(add_line(s, FIELD_FUNCTION), glob);
}

uint32_t catalogue_users(const struct catalogue *c) {
    return c->users.n;
}

const struct catalogue_section *catalogue_section(const struct catalogue *c,
                                                  uint32_t at) {
    if (at < c->users.n)
        return &c->users.items[at];
    at -= c->users.n;
    return at < c->builtin.n ? &c->builtin.items[at] : NULL;
}

uint32_t catalogue_texts(const struct catalogue *c) {
    return c->n_given;
}

const char *catalogue_text_at(const struct catalogue *c, uint32_t at, const char **name) {
    *name = c->given[at].name;
    return c->given[at].text;
}

/* --- matching --- */

/* What a frame is called, for each field that looks at frames. */
struct names {
    const char *of[FIELD_RUST + 1][3];
    char *bare;
};

static struct names names_of(const struct frame *frame) {
    struct names n = {.bare = frame_bare_function(frame)};
    const char *symbol = frame->linkage_name ? frame->linkage_name : frame->function;
    n.of[FIELD_FUNCTION][0] = frame->function;
    n.of[FIELD_FUNCTION][1] = n.bare;
    n.of[FIELD_FUNCTION][2] = frame->linkage_name;
    if (symbol && strncmp(symbol, "__GI_", 5) == 0)
        symbol += 5; /* glibc's inner aliases stand for the function itself */
    n.of[FIELD_SYMBOL][0] = symbol;
    n.of[FIELD_ENTRY][0] = symbol ? symbol + strspn(symbol, "_") : NULL;
    n.of[FIELD_MODULE][0] = frame->module ? text_basename(frame->module) : NULL;
    n.of[FIELD_FILE][0] = frame->file;
    n.of[FIELD_RUST][0] = frame_is_rust(frame) ? frame->function : NULL;
    return n;
}

/* Most differ in their first character. */
static bool fits(const char *pattern, const char *name) {
    return name && (*pattern == *name || strchr("*?[", *pattern)) &&
           text_glob(pattern, name);
}

static bool line_names(const struct catalogue_line *line, const struct names *names) {
    if (line->field > FIELD_RUST)
        return false;
    for (uint32_t i = 0; i < line->n; i++)
        for (int k = 0; k < 3; k++)
            if (fits(line->patterns[i], names->of[line->field][k]))
                return true;
    return false;
}

const struct catalogue_section *catalogue_frame(const struct catalogue *c,
                                                uint32_t kinds_wanted,
                                                const struct frame *frame) {
    struct names names = names_of(frame);
    const struct catalogue_section *s, *found = NULL;
    for (uint32_t i = 0; !found && (s = catalogue_section(c, i)); i++)
        for (uint32_t k = 0; kinds_wanted >> s->kind & 1 && !found && k < s->n; k++)
            if (line_names(&s->lines[k], &names))
                found = s;
    free(names.bare);
    return found;
}

bool catalogue_line_names(const struct catalogue_line *line, const struct frame *frame) {
    struct names names = names_of(frame);
    bool found = line_names(line, &names);
    free(names.bare);
    return found;
}

static bool line_fits(const struct catalogue_line *line, const char *text) {
    for (uint32_t i = 0; i < line->n; i++)
        if (fits(line->patterns[i], text))
            return true;
    return false;
}

bool catalogue_text(const struct catalogue *c, enum catalogue_kind kind,
                    enum catalogue_field field, const char *text) {
    const struct catalogue_section *s;
    for (uint32_t i = 0; (s = catalogue_section(c, i)); i++)
        for (uint32_t k = 0; s->kind == kind && k < s->n; k++)
            if (s->lines[k].field == field && line_fits(&s->lines[k], text))
                return true;
    return false;
}

static bool on_stack(const char *pattern, const struct frame *frames, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (frame_function_matches(&frames[i], pattern))
            return true;
    return false;
}

bool catalogue_stack(const struct catalogue_section *s, const struct frame *frames,
                     uint32_t n) {
    for (uint32_t i = 0; i < s->n; i++) {
        const struct catalogue_line *line = &s->lines[i];
        uint32_t k = 0;
        while (line->field == FIELD_STACK && k < line->n &&
               on_stack(line->patterns[k], frames, n))
            k++;
        if (k == line->n)
            return true;
    }
    return false;
}

/* Find @needle in text[from..n), upper and lower case alike: "Out of memory" is spelt as
 * its author liked. Return: offset behind it, or 0. */
static uint64_t find_part(const char *text, uint64_t n, uint64_t from,
                          const char *needle) {
    uint64_t m = strlen(needle);
    for (uint64_t i = from; i + m <= n; i++)
        if (strncasecmp(text + i, needle, m) == 0)
            return i + m;
    return 0;
}

static bool has_parts(const struct catalogue_line *line, const char *text, uint64_t n) {
    uint64_t at = 0;
    for (uint32_t i = 0; i < line->n; i++) {
        bool begins = line->field == FIELD_LIBC_MESSAGE && i == 0;
        uint64_t whole = begins ? strlen(line->patterns[0]) : n;
        if (!(at = find_part(text, whole < n ? whole : n, at, line->patterns[i])))
            return false;
    }
    return true;
}

static bool some_line_has(const struct catalogue_line *line, const char *text,
                          uint64_t n) {
    for (uint64_t at = 0; text && at < n;) {
        const char *end = memchr(text + at, '\n', n - at);
        uint64_t length = end ? (uint64_t)(end - (text + at)) : n - at;
        if (has_parts(line, text + at, length))
            return true;
        at += length + 1;
    }
    return false;
}

bool catalogue_message(const struct catalogue_section *s, enum catalogue_field field,
                       const char *text, uint64_t n, const char *known,
                       uint64_t known_n) {
    for (uint32_t i = 0; i < s->n; i++)
        if (s->lines[i].field == field && some_line_has(&s->lines[i], text, n) &&
            !some_line_has(&s->lines[i], known, known_n))
            return true;
    return false;
}

/* --- its hash --- */

static struct dearth_key chain(struct dearth_key key, uint64_t tag, const char *text) {
    struct dearth_key of = key_hash(text ? text : "", text ? strlen(text) : 0);
    uint64_t words[5] = {tag, key.lo, key.hi, of.lo, of.hi};
    return key_hash(words, sizeof words);
}

struct dearth_key catalogue_key(const struct catalogue *c, uint32_t kinds_wanted) {
    struct dearth_key key = {0};
    const struct catalogue_section *s;
    for (uint32_t i = 0; (s = catalogue_section(c, i)); i++) {
        if (!(kinds_wanted >> s->kind & 1))
            continue;
        key = chain(key, i < c->users.n, kinds[s->kind].word);
        for (uint32_t k = 0; k < s->n; k++)
            for (uint32_t p = 0; p < s->lines[k].n; p++)
                key = chain(key, s->lines[k].field, s->lines[k].patterns[p]);
    }
    return key;
}
