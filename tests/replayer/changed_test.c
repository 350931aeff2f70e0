/* SPDX-License-Identifier: Apache-2.0 */
/* Table test of reading a diff: the expectation is "path:first-last" for each piece. */
#include "changed.h"
#include "check.h"

static const struct {
    const char *name, *diff, *wanted;
} cases[] = {
    {"nothing", "", ""},
    {"two pieces",
     "diff --git a/src/a.c b/src/a.c\nindex 1..2 100644\n--- a/src/a.c\n+++ b/src/a.c\n"
     "@@ -1,3 +1,4 @@ int f(void)\n a\n-b\n+c\n+d\n e\n@@ -20 +21,0 @@\n-x\n",
     "src/a.c:1-4 src/a.c:21-22"},
    {"a count left out", "--- a/b.c\n+++ b/b.c\n@@ -7 +8 @@\n-x\n+y\n", "b.c:8-8"},
    {"lines that look like headers",
     "--- a/b.c\n+++ b/b.c\n@@ -1,2 +1,2 @@\n--- a/x\n+++ b/y.c\n"
     " @@ -1 +1 @@\n@@ -9 +9 @@\n-x\n+y\n",
     "b.c:1-2 b.c:9-9"},
    {"a deleted file", "--- a/b.c\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-x\n-y\n", ""},
    {"a path with a blank",
     "--- a/my b.c\t\n+++ b/my b.c\t\n@@ -1 +1 @@\n-x\n+y\n\\ No newline at end of "
     "file\n",
     "my b.c:1-1"},
    {"cut off", "--- a/b.c\n+++ b/b.c\n@@ -1,9 +1,9", "b.c:1-9"},
    {"no numbers", "+++ b/b.c\n@@ - + @@\n@@ x\n", "b.c:0-0"},
};

int main(void) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct changed changed = {0};
        char seen[256] = "";
        int n = 0;
        changed_parse(cases[i].diff, &changed);
        for (uint32_t k = 0; k < changed.n; k++)
            n += snprintf(seen + n, sizeof seen - (size_t)n, "%s%s:%u-%u", n ? " " : "",
                          changed.list[k].path, changed.list[k].first,
                          changed.list[k].last);
        CHECK_TEXT(cases[i].name, cases[i].wanted, seen);
        changed_deinit(&changed);
    }
    return check_result();
}
