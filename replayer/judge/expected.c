/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files by name and form of name: see expected.h.
 *
 *   form   "/t/tmp\1"   \1 stands for letters, digits, '-' and '_' within one part of a path
 */
#include "expected.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "text.h"

#define ANY '\1'

struct entry {
    char *form;           /* a path, or a form of paths */
    uint32_t least, most; /* files of it in a run */
    /* when every run has exactly one */
    const struct written_file *first; /* of the first run */
    bool mode_varies, varies;
    struct mask *mask; /* contents that vary and can be compared */
};

struct expected {
    struct entry *entries; /* those with a fixed name first, by name */
    uint32_t n;
    uint32_t n_fixed;
    char **open_folders;
    uint32_t n_open;
};

struct expected *expected_free(struct expected *e) {
    if (!e)
        return NULL;
    for (uint32_t i = 0; i < e->n; i++) {
        free(e->entries[i].form);
        mask_free(e->entries[i].mask);
    }
    for (uint32_t i = 0; i < e->n_open; i++)
        free(e->open_folders[i]);
    free(e->entries);
    free(e->open_folders);
    free(e);
    return NULL;
}

/* --- forms of names --- */

static bool is_varying(char c) {
    return isalnum((unsigned char)c) || c == '-' || c == '_';
}

static bool form_matches(const char *form, const char *path) {
    for (; *form; form++, path++) {
        if (*form == ANY) {
            for (const char *rest = path; is_varying(*rest); rest++)
                if (form_matches(form + 1, rest + 1))
                    return true;
            return false;
        }
        if (*form != *path)
            return false;
    }
    return *path == 0;
}

static bool all_of(const char *s, size_t n, bool digits) {
    for (size_t i = 0; i < n; i++)
        if (digits ? !isdigit((unsigned char)s[i]) : !is_varying(s[i]))
            return false;
    return n > 0;
}

/* What two parts of a path have in common: a process id or a random name varies. mkstemp(3)
 * replaces six characters; those that happen to be equal in both vary, too.
 * Return: false when they are two different names. */
static bool add_common(const char *a, size_t n_a, const char *b, size_t n_b,
                       struct text *form) {
    enum { RANDOM = 6 };
    size_t least = n_a < n_b ? n_a : n_b, head = 0, tail = 0;
    while (head < least && a[head] == b[head])
        head++;
    if (n_a == n_b && head == n_a) {
        text_add_n(form, a, n_a);
        return true;
    }
    while (tail < least - head && a[n_a - 1 - tail] == b[n_b - 1 - tail])
        tail++;
    bool digits = all_of(a + head, n_a - head - tail, true) &&
                  all_of(b + head, n_b - head - tail, true);
    while (head && digits && isdigit((unsigned char)a[head - 1]))
        head--;
    while (tail && digits && isdigit((unsigned char)a[n_a - tail]))
        tail--;
    while (tail && !digits && n_a - head - tail < RANDOM && is_varying(a[n_a - tail]))
        tail--;
    while (head && !digits && n_a - head - tail < RANDOM && is_varying(a[head - 1]))
        head--;
    bool random = n_a == n_b && n_a - head - tail >= RANDOM &&
                  all_of(a + head, n_a - head - tail, false) &&
                  all_of(b + head, n_b - head - tail, false);
    if (!digits && !random)
        return false;
    text_add_n(form, a, head);
    text_add_n(form, (const char[]){ANY}, 1);
    text_add_n(form, a + n_a - tail, tail);
    return true;
}

/* Return: the form of both paths, owned; NULL when they have none. */
static char *common_form(const char *a, const char *b) {
    struct text form = {0};
    for (;;) {
        size_t n_a = strcspn(a, "/"), n_b = strcspn(b, "/");
        if (!add_common(a, n_a, b, n_b, &form) || a[n_a] != b[n_b]) {
            text_deinit(&form);
            return NULL;
        }
        if (!a[n_a])
            return text_take(&form);
        text_add(&form, "/");
        a += n_a + 1, b += n_b + 1;
    }
}

/* --- folding runs --- */

static const struct written_file *find_path(const struct written_file *files, uint32_t n,
                                            const char *path) {
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(files[middle].path, path);
        if (order == 0)
            return &files[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static struct entry *append(struct expected *e, char *form) {
    e->entries = text_grow(e->entries, e->n, sizeof *e->entries);
    e->entries[e->n] = (struct entry){.form = form};
    return &e->entries[e->n++];
}

static struct entry *find_entry(const struct expected *e, const char *path) {
    uint32_t low = 0, high = e->n_fixed;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(e->entries[middle].form, path);
        if (order == 0)
            return &e->entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (uint32_t i = e->n_fixed; i < e->n; i++)
        if (form_matches(e->entries[i].form, path))
            return &e->entries[i];
    return NULL;
}

static bool in_all(const struct observation *runs, uint32_t n, const char *path) {
    for (uint32_t i = 0; i < n; i++)
        if (!find_path(runs[i].output.files, runs[i].output.n_files, path))
            return false;
    return true;
}

/* The form that @path of run @at shares with a file of another run that is not in all. */
static char *find_form(const struct observation *runs, uint32_t n, uint32_t at,
                       const char *path) {
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; i != at && k < runs[i].output.n_files; k++) {
            char *form = in_all(runs, n, runs[i].output.files[k].path)
                             ? NULL
                             : common_form(path, runs[i].output.files[k].path);
            if (form)
                return form;
        }
    return NULL;
}

static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? text_format("%.*s", (int)(slash - path), path) : text_dup("");
}

static void add_open(struct expected *e, const char *path) {
    e->open_folders = text_grow(e->open_folders, e->n_open, sizeof *e->open_folders);
    e->open_folders[e->n_open++] = folder_of(path);
}

static bool is_open(const struct expected *e, const char *path) {
    AUTO_FREE char *folder = folder_of(path);
    for (uint32_t i = 0; i < e->n_open; i++)
        if (strcmp(e->open_folders[i], folder) == 0)
            return true;
    return false;
}

static void add_fixed(struct expected *e, const struct observation *runs, uint32_t n) {
    for (uint32_t k = 0; k < runs[0].output.n_files; k++)
        if (in_all(runs, n, runs[0].output.files[k].path))
            append(e, text_dup(runs[0].output.files[k].path));
    e->n_fixed = e->n;
}

static void add_forms(struct expected *e, const struct observation *runs, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < runs[i].output.n_files; k++) {
            const char *path = runs[i].output.files[k].path;
            if (find_entry(e, path))
                continue;
            char *form = find_form(runs, n, i, path);
            if (!form)
                add_open(e, path);
            append(e, form ? form : text_dup(path));
        }
}

/* What one run has of each entry. */
struct found {
    uint32_t count;
    const struct written_file *last;
};

static struct found *find_all(const struct expected *e, const struct written_file *files,
                              uint32_t n) {
    struct found *found = text_alloc((e->n + 1) * sizeof *found);
    for (uint32_t i = 0; i < n; i++) {
        const struct entry *entry = find_entry(e, files[i].path);
        struct found *f = &found[entry ? (uint32_t)(entry - e->entries) : e->n];
        f->count++;
        f->last = &files[i];
    }
    return found;
}

static bool kept_whole(const struct written_file *f) {
    return f->mode && f->n_kept == f->size;
}

static bool same_contents(const struct written_file *a, const struct written_file *b) {
    return a->size == b->size && memcmp(a->digest, b->digest, 16) == 0;
}

static void fold_contents(struct entry *entry, const struct written_file **files,
                          const uint64_t *begun, uint32_t n) {
    struct sample *samples = text_alloc(n * sizeof *samples);
    bool whole = true;
    entry->first = files[0];
    for (uint32_t i = 0; i < n; i++) {
        entry->mode_varies |= files[i]->mode != files[0]->mode;
        entry->varies |= !same_contents(files[i], files[0]);
        whole &= kept_whole(files[i]) && S_ISREG(files[i]->mode);
        samples[i] = (struct sample){files[i]->kept, files[i]->n_kept, begun[i]};
    }
    if (whole)
        entry->mask = mask_new(samples, n, NULL);
    free(samples);
}

static void fold_entry(struct entry *entry, uint32_t at, struct found *const *found,
                       const uint64_t *begun, uint32_t n) {
    const struct written_file **files = text_alloc(n * sizeof *files);
    entry->least = UINT32_MAX;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t count = found[i][at].count;
        files[i] = found[i][at].last;
        entry->least = count < entry->least ? count : entry->least;
        entry->most = count > entry->most ? count : entry->most;
    }
    if (entry->least == 1 && entry->most == 1)
        fold_contents(entry, files, begun, n);
    free(files);
}

struct expected *expected_new(const struct observation *runs, uint32_t n) {
    struct expected *e = text_alloc(sizeof *e);
    struct found **found = text_alloc(n * sizeof *found);
    AUTO_FREE uint64_t *begun = text_alloc(n * sizeof *begun);
    for (uint32_t i = 0; i < n; i++)
        begun[i] = runs[i].end.started_unix_ns;
    add_fixed(e, runs, n);
    add_forms(e, runs, n);
    for (uint32_t i = 0; i < n; i++)
        found[i] = find_all(e, runs[i].output.files, runs[i].output.n_files);
    for (uint32_t i = 0; i < e->n; i++)
        fold_entry(&e->entries[i], i, found, begun, n);
    for (uint32_t i = 0; i < n; i++)
        free(found[i]);
    free(found);
    return e;
}

/* --- comparing --- */

struct comparison {
    struct difference *out;
    uint32_t n, max;
    struct difference beyond; /* where those past @max go */
};

/* @path: a form shows its varying part as '*' */
static struct difference *differ(struct comparison *c, const char *how,
                                 const char *path) {
    struct difference *d = c->n < c->max ? &c->out[c->n] : &c->beyond;
    c->n++;
    *d = (struct difference){.what = "file", .how = how};
    snprintf(d->path, sizeof d->path, "%s", path);
    for (char *p = d->path; *p; p++)
        if (*p == ANY)
            *p = '*';
        else if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    return d;
}

static uint64_t line_at(struct sample s, uint64_t at, uint64_t *start) {
    uint64_t line = 1;
    *start = 0;
    for (uint64_t i = 0; i < at && i < s.n; i++)
        if (s.data[i] == '\n') {
            line++;
            *start = i + 1;
        }
    return line;
}

static void quote(struct sample s, uint64_t at, char *out, size_t n) {
    const uint8_t *end = at < s.n ? memchr(s.data + at, '\n', s.n - at) : NULL;
    uint64_t length = end ? (uint64_t)(end - s.data) - at : s.n - at;
    AUTO_FREE char *clean =
        text_utf8((const char *)s.data + at, length < 50 ? length : 50);
    for (char *p = clean; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
    snprintf(out, n, "%s%s", clean, length > 50 ? "..." : "");
}

void expected_describe(struct sample was, uint64_t was_bytes, struct sample is,
                       uint64_t is_bytes, struct difference *out) {
    uint64_t same = 0, least = was.n < is.n ? was.n : is.n, start;
    while (same < least && was.data[same] == is.data[same])
        same++;
    out->how = "content";
    if (is_bytes == 0 && was_bytes) {
        out->how = "empty";
        snprintf(out->detail, sizeof out->detail, "0 of %llu bytes",
                 (unsigned long long)was_bytes);
    } else if (is_bytes < was_bytes && same == is_bytes) {
        out->how = "truncated";
        snprintf(out->detail, sizeof out->detail, "%llu of %llu bytes",
                 (unsigned long long)is_bytes, (unsigned long long)was_bytes);
    } else if (same < is.n && same < was.n) {
        char seen[80];
        uint64_t line = line_at(is, same, &start);
        quote(is, start, seen, sizeof seen);
        snprintf(out->detail, sizeof out->detail, "from line %llu on: '%s'",
                 (unsigned long long)line, seen);
    } else {
        snprintf(out->detail, sizeof out->detail, "%llu bytes, %llu without the fault",
                 (unsigned long long)is_bytes, (unsigned long long)was_bytes);
    }
}

static void compare_contents(struct comparison *c, const struct entry *entry,
                             const struct written_file *f) {
    struct sample was = {entry->first->kept, entry->first->n_kept};
    struct sample is = {f->kept, f->n_kept};
    if (!entry->varies && same_contents(entry->first, f))
        return;
    if (!entry->varies && !entry->mask) {
        struct difference *d = differ(c, "content", f->path);
        expected_describe(was, entry->first->size, is, f->size, d);
    } else if (entry->mask && !kept_whole(f)) {
        struct difference *d = differ(c, "content", f->path);
        snprintf(d->detail, sizeof d->detail, "%llu bytes, %llu without the fault",
                 (unsigned long long)f->size, (unsigned long long)entry->first->size);
    } else if (entry->mask) {
        struct text why = {0};
        if (!mask_accepts(entry->mask, is, &why)) {
            struct difference *d = differ(c, is.n ? "content" : "empty", f->path);
            snprintf(d->detail, sizeof d->detail, "%s", why.n ? why.data : "");
        }
        text_deinit(&why);
    }
}

void expected_describe_masks(const struct expected *e, struct text *out) {
    for (uint32_t i = 0; i < e->n; i++) {
        const struct entry *entry = &e->entries[i];
        struct text how = {0};
        if (entry->mask)
            mask_describe(entry->mask, &how);
        else if (entry->varies)
            text_add(&how, "its contents are left out");
        if (how.n)
            text_say(out, "%s%s is compared loosely: %s", out->n ? "; file " : "file ",
                     entry->form, how.data);
        text_deinit(&how);
    }
}

static void compare_file(struct comparison *c, const struct entry *entry,
                         const struct written_file *f) {
    const struct written_file *was = entry->first;
    if (!was->mode && !f->mode)
        return;
    if (!f->mode)
        differ(c, "removed", f->path);
    else if (!was->mode || (was->mode & S_IFMT) != (f->mode & S_IFMT))
        differ(c, was->mode ? "type" : "left_behind", f->path);
    else if (was->mode != f->mode && !entry->mode_varies) {
        struct difference *d = differ(c, "mode", f->path);
        snprintf(d->detail, sizeof d->detail, "%o, %o without the fault",
                 f->mode & 07777u, was->mode & 07777u);
    } else {
        compare_contents(c, entry, f);
    }
}

/* Not as before, where no run without the fault changes it; or as before, where they do. */
static void differ_from_before(struct comparison *c, const char *path, bool changed) {
    struct difference *d = differ(c, "content", path);
    snprintf(d->detail, sizeof d->detail, "%s",
             changed ? "changed; without the fault it stays as it was"
                     : "stays as it was; without the fault it is changed");
}

static void compare_entry(struct comparison *c, const struct entry *entry,
                          const struct found *found) {
    if (found->count < entry->least) {
        bool removes = entry->first && !entry->first->mode;
        if (entry->first && entry->first->existed && !removes)
            differ_from_before(c, entry->form, false);
        else
            differ(c, removes ? "left_behind" : "missing", entry->form);
    } else if (found->count > entry->most && entry->least == entry->most) {
        differ(c, "left_behind", found->last->path);
    } else if (entry->first && found->count == 1) {
        compare_file(c, entry, found->last);
    }
}

uint32_t expected_compare(const struct expected *e, const struct written_file *files,
                          uint32_t n, struct difference *out, uint32_t max) {
    struct comparison c = {.out = out, .max = max};
    AUTO_FREE struct found *found = find_all(e, files, n);
    for (uint32_t i = 0; i < e->n; i++)
        compare_entry(&c, &e->entries[i], &found[i]);
    for (uint32_t i = 0; i < n; i++)
        if (find_entry(e, files[i].path) || is_open(e, files[i].path))
            continue;
        else if (files[i].existed && files[i].mode)
            differ_from_before(&c, files[i].path, true);
        else
            differ(&c, files[i].mode ? "left_behind" : "removed", files[i].path);
    return c.n;
}
