#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A program that may be executed and not read is recorded and tested all the same, alone and as somebody's child;
# what is not known of it is said.
. "$(dirname "$0")/../lib.sh"
need gcc setpriv jq

cat >own.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void) {
    char *p = malloc(4321);
    if (!p)
        return 3;
    strcpy(p, "here");
    puts(p);
    free(p);
    return 0;
}
C
gcc -g -O0 own.c -o own
sed 's/return 3/puts(strcpy(p, "x"))/' own.c >bad.c
gcc -g -O0 bad.c -o bad
cat >parent.c <<'C'
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    int status = 1;
    free(malloc(77));
    if (fork() == 0) {
        execl("./own", "own", (char *)0);
        _exit(127);
    }
    wait(&status);
    return WEXITSTATUS(status);
}
C
gcc -g -O0 parent.c -o parent
chmod 111 own bad
plain=(env)
if [ "$(id -u)" = 0 ]; then
    plain=(setpriv --reuid 65534 --regid 65534 --clear-groups env "HOME=$work/user" "TMPDIR=$work/user" "XDG_CACHE_HOME=$work/user")
fi
mkdir user && { [ "$(id -u)" != 0 ] || chown 65534:65534 user; }
chmod 755 "$work"
"${plain[@]}" test -r own && skip 'everything may be read here'
"${plain[@]}" unshare --user --map-root-user --mount true 2>/dev/null || skip 'no user namespace'

for program in own parent; do
    status 0 "${plain[@]}" "$DEARTH" check -o "user/$program.db" -- "./$program"
    contains err "$work/own may not be read by this user"
    equal 1 "$(sql "user/$program.db" "SELECT count(*) FROM note WHERE kind = 'symbols_unreadable' AND subject = '$work/own'")" 'a note'
    equal 0 "$(sql "user/$program.db" "SELECT count(*) FROM note WHERE kind = 'symbols_gone'")" 'it is not gone'
    "${plain[@]}" "$DEARTH" report --format json "user/$program.db" >report.json
    equal 0 "$(jq '.untested | length' report.json)" 'all of it was tested'
done
status 1 "${plain[@]}" "$DEARTH" check -q -o user/bad.db -- ./bad
equal SIGSEGV "$("${plain[@]}" "$DEARTH" report --format json user/bad.db | jq -r '.findings[0].crash.signal')" 'its bug is seen'

# A copy cannot have what cannot be read.
status 2 "${plain[@]}" "$DEARTH" replay -q --isolation copy user/own.db
contains err 'may be executed and not read'
[ "$(stat -c %a own)" = 111 ] || fail 'its mode changed'
