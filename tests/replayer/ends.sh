#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What an end says besides its verdict: where a crash was whose handler ends the program, which function
# lets no exception out and who would have caught it, which call was the last to fail.
. "$(dirname "$0")/../lib.sh"
need sqlite3 cc
few=(-q --leaks off --guard off)
places="SELECT group_concat(place, ' ') FROM (SELECT DISTINCT substr(identity, instr(identity, '!') + 1) AS place
    FROM finding WHERE severity = 'bug' ORDER BY 1)"

# The place is the one that crashed, though the handler ends it, here or in another thread.
status 1 "$DEARTH" check -o here.db "${few[@]}" -- "$PROGRAMS/handler-aborts"
equal 'head|handler-aborts!head tail|handler-aborts!tail' "$(sql here.db "$places")" 'a handler that ends by abort()'
equal '11' "$(sql here.db "SELECT group_concat(DISTINCT crash_signal) FROM attempt WHERE verdict = 'crashed'")" 'its signal'
status 1 "$DEARTH" check -o there.db "${few[@]}" --in '*/handler-aborts' -- "$PROGRAMS/handler-aborts" 1
equal '2' "$(sql there.db "SELECT count(*) FROM finding WHERE identity LIKE '%handler-aborts!head' OR identity LIKE '%handler-aborts!tail'")" 'another thread ends it'

# A signal that every run catches is none; another one in the same handler is.
status 0 "$DEARTH" check -o probing.db "${few[@]}" --fail-on bug -- "$PROGRAMS/probing"
BROKEN=1 status 1 "$DEARTH" check -o broken.db "${few[@]}" -- "$PROGRAMS/probing"
equal 'fill|probing!fill' "$(sql broken.db "$places")" 'beside the usual ones'
BROKEN=1 status 0 "$DEARTH" repro -q broken.db 1
# A barrier has no place: met where no other run meets it, it is none when it is shown again, either.
cat >forgets.c <<'END'
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
static volatile char *page;
static void open_page(int signal) {
    (void)signal;
    mprotect((char *)page, 4096, PROT_READ | PROT_WRITE);
}
static void write_to(int i) {
    mprotect((char *)page, 4096, PROT_READ);
    page[i] = 1;
}
__attribute__((noinline)) static int step(void) {
    char *volatile kept = malloc(1000);
    if (!kept)
        return 2;
    char *volatile more = malloc(2000);
    if (!more) {
        kept = NULL; /* lost */
        mprotect((char *)page, 4096, PROT_READ);
        page[1] = 1;
        return 3;
    }
    free(more);
    free(kept);
    return 0;
}
int main(void) {
    page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    signal(SIGSEGV, open_page);
    write_to(0);
    return step();
}
END
cc -g -O0 -fno-builtin -o forgets forgets.c
status 0 "$DEARTH" check -q -o forgets.db -- ./forgets
equal 'reported 1' "$(sql forgets.db "SELECT a.verdict || ' ' || f.leaked FROM finding f JOIN attempt a ON a.id = f.attempt_id")" \
    'a leak behind a barrier'
status 0 "$DEARTH" repro forgets.db 1
contains err 'finding 1 showed again'
lacks err SIGSEGV

# One missing check is one finding, whichever call failed first; what failed once alone leads.
status 1 "$DEARTH" check -o lasting.db "${few[@]}" --mode both -- "$PROGRAMS/lasting"
equal 'needed|lasting!needed' "$(sql lasting.db "$places")" 'the last call that failed'
equal 'once' "$(sql lasting.db 'SELECT a.mode FROM finding f JOIN attempt a ON a.id = f.attempt_id')" 'what leads'
status 1 "$DEARTH" check -o sticky.db "${few[@]}" --mode sticky --report sticky.json -- "$PROGRAMS/lasting"
equal 'needed|lasting!needed' "$(sql sticky.db "$places")" 'where nothing fails once'
# what comes first in a list of findings may be of the call itself, whose last failure is the first
shown=$("$DEARTH" report --format text sticky.db)
grep -q 'in needed' <<<"$shown" || fail "the report does not name the last call: $shown"

# The end of a stack is called that, main()'s and a thread's, and one round of the calls is there; what is no
# address at all is not called NULL.
for of in '' thread; do
    status 1 "$DEARTH" check -o "deep$of.db" "${few[@]}" --mode both -- "$PROGRAMS/bottomless" $of
    equal 'stack overflow, by calls that go round' "$(sql "deep$of.db" "SELECT group_concat(DISTINCT cause) FROM attempt WHERE verdict = 'crashed' AND cause IS NOT NULL")" "a stack's end: $of"
    # of so many calls the last one that is looked at is one of them
    equal compose "$(sql "deep$of.db" "SELECT DISTINCT function FROM attempt JOIN site ON site.id = last_site_id JOIN location ON
        location.id = location_id WHERE mode = 'sticky' AND how = 'rerun' AND cause LIKE 'stack overflow%'")" "who was refused last: $of"
    seen=$(sql "deep$of.db" "SELECT group_concat(place, ' ') FROM (SELECT DISTINCT place FROM finding WHERE severity = 'bug' ORDER BY 1)")
    [[ $seen =~ ^'crashed|SIGSEGV|bottomless!com'[a-z]+' crashed|SIGSEGV|bottomless!work'$ ]] || fail "who goes round: $of: $seen"
done
shown=$("$DEARTH" report --format text --source never deep.db)
[[ $shown == *'crashed: SIGSEGV in co'*'stack overflow, by calls that go round'* ]] || fail "the headline does not say it: $shown"
[[ $shown == *'the stack is used up'* ]] || fail "no reason: $shown"
[[ $shown == *complain*compose*complain* ]] || fail "not one round: $shown"
[[ $shown != *'at address 0x0'* && $shown == *'left unset or half made'* ]] || fail "no address is called NULL: $shown"

# Without dearth there is no hook between a program's call and the allocator: none of its frames is in a stack.
for name in corrupted-double-free corrupted-invalid-free; do
    status 1 "$DEARTH" check -o "$name.db" "${few[@]}" --report "$name.json" --html "$name.html" -- "$PROGRAMS/$name"
    stack=$(jq -r '[.findings[] | select(.severity == "bug") | .crash.stack[].function] | join(" ")' "$name.json")
    [[ $stack == *_int_free*main* ]] || fail "$name: no stack: $stack"
    equal 0 "$(sql "$name.db" "SELECT count(*) FROM frame JOIN module ON module.id = frame.module_id WHERE module.path GLOB '*libdearth*'")" "$name: frames of dearth's"
    lacks "$name.json" libdearth
    lacks "$name.html" libdearth
done

[ -x "$PROGRAMS/noexcept" ] || exit 0
status 1 "$DEARTH" check -o noexcept.db "${few[@]}" -- "$PROGRAMS/noexcept"
cause=$(sql noexcept.db "SELECT group_concat(cause, ' / ') FROM (SELECT DISTINCT cause FROM attempt WHERE verdict = 'crashed' ORDER BY 1)")
[[ $cause == *Report::~Report*main* && $cause == *twice*main* ]] || fail "the boundary is not named: $cause"
shown=$("$DEARTH" report --format text --source never noexcept.db)
[[ $shown == *'SIGABRT in twice('* && $shown != *'SIGABRT in std::'* ]] || fail "the headline names another place: $shown"
status 1 "$DEARTH" check -o string.db "${few[@]}" -- "$PROGRAMS/null-string"
equal 'uncaught std::logic_error' "$(sql string.db "SELECT group_concat(DISTINCT cause) FROM attempt WHERE verdict = 'crashed'")" 'the type'
