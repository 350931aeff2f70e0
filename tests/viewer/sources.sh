#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Findings with the lines of the program's sources: around the call that failed and where it went wrong, the reason and what
# to do; never of a file that has changed since without saying so, never of what is no file.
. "$(dirname "$0")/../lib.sh"
need gcc

mkdir -p project/src elsewhere
cat >project/src/list.c <<'C'
#include <stdlib.h>
#include <string.h>

struct node {
    int value;
};

static struct node *make(int value) {
	struct node *n = malloc(sizeof *n);
    return n;
}

int main(void) {
    struct node *volatile n = make(3);
    n->value = 7;
    return n->value - 7;
}
C
(cd project && gcc -g -O0 -o list src/list.c)
touch -d '1 hour ago' project/src/list.c
status 1 "$DEARTH" check -o list.db -- ./project/list

"$DEARTH" report --format text list.db >out
lacks out '-->'
contains out 'reason      a pointer that the failure left NULL is used (address 0x0 is NULL or close to it)'
contains out 'to do       check what comes from make'
contains out 'again       dearth repro list.db 1'

"$DEARTH" report --format text --source always list.db >out
contains out "--> $PWD/project/src/list.c:9"
contains out ':::'
contains out '       9 |     struct node *n = malloc(sizeof *n);'
contains out '^^^^^^^^^^^^^^^^^^^^^^^^^^^^ this malloc of 4 B fails'
contains out '      15 |     n->value = 7;'
contains out '^^^^^^^^^^^^^ SIGSEGV at address 0x0'
lacks out 'lines may have moved'

# After a check, too; and on a terminal unasked, with paths cut.
status 1 "$DEARTH" check -o again.db --source always -- ./project/list
contains out '^^^^^^^^^^^^^ SIGSEGV at address 0x0'
script -qec "stty cols 80; $(printf '%q ' "$DEARTH") report list.db" /dev/null </dev/null >raw
contains raw 'this malloc of 4 B fails'
contains raw "sources below"

# It has changed since the recording; the binary has.
touch project/src/list.c
"$DEARTH" report --format text --source always list.db >out
contains out 'list.c:9 (written to after the recording: lines may have moved)'
touch -d '1 hour ago' project/src/list.c
touch -d '2 hours ago' project/list
"$DEARTH" report --format text --source always list.db >out
contains out 'list.c:9 (newer than the binary: lines may have moved)'
touch -d '+1 hour' project/list
"$DEARTH" report --format text --source always list.db >out
contains out 'list.c:9 (the binary was built anew since: lines may have moved)'
touch -d '1 hour ago' project/list

# Elsewhere; not at all; something that would be waited for.
mv project/src/list.c elsewhere/
"$DEARTH" report --format text --source always list.db >out
lacks out '-->'
"$DEARTH" report --format text --source always --source-dir elsewhere list.db >out
contains out '--> elsewhere/list.c:9'
mkfifo project/src/list.c
status 0 timeout 60 "$DEARTH" report --format text --source always list.db
lacks out '-->'
rm project/src/list.c
printf 'a\n\x1b[2Jb\n\n\n\n\n\n\n\x1b]0;t\x07\xff \xe2\x80\xae\n' >project/src/list.c
"$DEARTH" report --format text --source always list.db >out
contains out '\x1b]0;t\x07'
grep -q $'\x1b' out && fail 'a source steers the terminal'
lacks out ':::' # it has no line 15

# What a stranger's database calls an operation may be of any length.
cp list.db long.db
sqlite3 long.db "UPDATE site SET op = printf('%.*c', 3000, 'x')"
status 0 "$DEARTH" report --format text --source always long.db
contains out 'this xxxx'
status 0 "$DEARTH" view --source always -o long.html long.db
