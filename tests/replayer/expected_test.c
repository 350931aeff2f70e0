/* SPDX-License-Identifier: Apache-2.0 */
/* Table test of written files: what runs without a fault wrote, what an attempt wrote, what is said
 * about it. A file is "PATH=CONTENT", "PATH!" when it is gone; what begins with /old was there before. */
#include <stdlib.h>
#include <sys/stat.h>

#include "check.h"
#include "digest.h"
#include "expected.h"
#include "text.h"
#include "written.h"

static struct observation wrote(const char *files) {
    struct observation o = {.output.files_known = true};
    for (const char *p = files; *p;) {
        size_t n = strcspn(p, " "), name = strcspn(p, "=! ");
        o.output.files =
            text_realloc(o.output.files, (o.output.n_files + 1) * sizeof *o.output.files);
        struct written_file *f = &o.output.files[o.output.n_files++];
        *f = (struct written_file){.path = text_format("%.*s", (int)name, p)};
        f->existed = p[name] == '!' || strncmp(f->path, "/old", 4) == 0;
        if (p[name] == '=') {
            struct digest sum = {0};
            f->mode = S_IFREG | 0644;
            f->size = f->n_kept = n - name - 1;
            f->kept = text_alloc(f->size + 1);
            memcpy(f->kept, p + name + 1, f->size);
            digest_add(&sum, f->kept, f->size);
            digest_end(&sum, f->digest);
        }
        p += n + (p[n] == ' ');
    }
    written_sort(o.output.files, o.output.n_files);
    return o;
}

static const struct {
    const char *name;
    const char *runs[3];
    const char *seen;
    const char *wanted; /* "how path how path"; "" = the same */
} cases[] = {
    {"nothing", {"", "", ""}, "", ""},
    {"the same", {"/a=1", "/a=1", "/a=1"}, "/a=1", ""},
    {"other content", {"/a=12", "/a=12", "/a=12"}, "/a=13", "content /a"},
    {"truncated", {"/a=123", "/a=123", "/a=123"}, "/a=12", "truncated /a"},
    {"empty", {"/a=123", "/a=123", "/a=123"}, "/a=", "empty /a"},
    {"shorter, but not its beginning",
     {"/a=123", "/a=123", "/a=123"},
     "/a=23",
     "content /a"},
    {"missing", {"/a=1 /b=2", "/a=1 /b=2", "/a=1 /b=2"}, "/b=2", "missing /a"},
    {"left behind", {"/a=1", "/a=1", "/a=1"}, "/a=1 /a.tmp=x", "left_behind /a.tmp"},
    {"not removed", {"/a!", "/a!", "/a!"}, "", "left_behind /a"},
    {"changed what stays", {"", "", ""}, "/old=1", "content /old"},
    {"did not change what changes", {"/old=1", "/old=1", "/old=1"}, "", "content /old"},
    {"removed", {"", "", ""}, "/a!", "removed /a"},
    {"a process id in the name",
     {"/t/x.71=1", "/t/x.9=1", "/t/x.123=1"},
     "/t/x.5555=1",
     ""},
    {"a random name",
     {"/t/tmpAb3xYz=1", "/t/tmpQ90aaa=1", "/t/tmpzz_123=1"},
     "/t/tmp000000=1",
     ""},
    {"a random name, other content",
     {"/t/tmpAb3xYz=1", "/t/tmpQ90aaa=1", "/t/tmpzz_123=1"},
     "/t/tmp000000=2",
     "content /t/tmp000000"},
    {"a random name that is missing",
     {"/t/tmpAb3xYz=1", "/t/tmpQ90aaa=1", "/t/tmpzz_123=1"},
     "",
     "missing /t/tmp*"},
    {"one random name too many",
     {"/t/tmpAb3xYz=1", "/t/tmpQ90aaa=1", "/t/tmpzz_123=1"},
     "/t/tmp000000=1 /t/tmp111111=1",
     "left_behind /t/tmp111111"},
    {"content varies, masked",
     {"/log=pid:1", "/log=pid:2", "/log=pid:3"},
     "/log=pid:77",
     ""},
    {"content varies, more than that",
     {"/log=pid:1", "/log=pid:2", "/log=pid:3"},
     "/log=bad:77",
     "content /log"},
    {"sometimes there", {"/a=1 /c=", "/a=1", "/a=1 /c="}, "/a=1", ""},
    {"names of no common form", {"/t/one=", "/t/three=", "/t/xy="}, "/t/abcd=", ""},
    {"and elsewhere",
     {"/t/one=", "/t/three=", "/t/xy="},
     "/u/abcd=",
     "left_behind /u/abcd"},
};

int main(void) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct observation runs[3], seen = wrote(cases[i].seen);
        struct difference differences[4];
        struct text said = {0};
        for (int k = 0; k < 3; k++)
            runs[k] = wrote(cases[i].runs[k]);
        struct expected *e = expected_new(runs, 3);
        uint32_t n =
            expected_compare(e, seen.output.files, seen.output.n_files, differences, 4);
        for (uint32_t k = 0; k < n && k < 4; k++)
            text_addf(&said, "%s%s %s", k ? " " : "", differences[k].how,
                      differences[k].path);
        CHECK_TEXT(cases[i].name, cases[i].wanted, said.n ? said.data : "");
        text_deinit(&said);
        expected_free(e);
        observation_deinit(&seen);
        for (int k = 0; k < 3; k++)
            observation_deinit(&runs[k]);
    }
    return check_result();
}
