#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In a suite a failure that lasts keeps to the project's own code: the test around it goes on to get memory, and tells what
# that code made of its failure.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3 jq

mkdir -p project/src project/tests
cd project
cat >src/lib.h <<'END'
char *greeting(const char *name);
END
# Flaw: the message about the failure is composed without a look at whether there is memory for it.
cat >src/lib.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib.h"
static void __attribute__((noinline)) complain(const char *name) {
    char *message = malloc(200);
#ifdef FIXED
    if (!message)
        return;
#endif
    snprintf(message, 200, "no memory for %s", name);
    message[0] = 'N';
    free(message);
}
char *greeting(const char *name) {
    char *s = malloc(strlen(name) + 4);
    if (!s)
        complain(name);
    else
        sprintf(s, "hi %s", name);
    return s;
}
END
cat >tests/test_greeting.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include "../src/lib.h"
static void *must(size_t n) {
    void *p = malloc(n);
    if (!p)
        abort();
    return p;
}
int main(void) {
    char *s = greeting("you");
    char *log = must(100);
    snprintf(log, 100, s ? "%s" : "no greeting", s);
    puts(log);
    free(log);
    int status = s ? 0 : 1;
    free(s);
    return status;
}
END
for twin in flawed fixed; do
    mkdir $twin
    define=-UFIXED
    [ $twin = flawed ] || define=-DFIXED
    cc -g -O1 $define -o $twin/test_greeting tests/test_greeting.c src/lib.c
    status 0 "$DEARTH" suite record -o $twin.db -- sh -c "$twin/test_greeting && true"
    status 0 "$DEARTH" suite replay --mode sticky --leaks off --guard off $twin.db
done
verdict() {
    sql "$1" "SELECT DISTINCT verdict FROM attempt JOIN site ON site.id = site_id JOIN location
        ON location.id = location_id WHERE function = 'greeting' AND mode = 'sticky'"
}
equal crashed "$(verdict flawed.db)" 'the flaw in the error path'
equal reported "$(verdict fixed.db)" 'its twin: the test gets memory'
equal 1 "$(sql fixed.db 'SELECT min(spared) > 0 AND min(also_failed) > 0 FROM attempt')" \
    'the project fails on, the test does not'
id=$(sql flawed.db 'SELECT min(id) FROM finding')
status 0 "$DEARTH" repro flawed.db "$id"
contains err "in what is the project's own"

# What was failed with another scope is not settled in this.
status 0 "$DEARTH" suite record -o again.db -- sh -c "flawed/test_greeting && true"
status 0 "$DEARTH" suite replay --mode sticky --not-in complain --leaks off --guard off again.db
equal reported "$(verdict again.db)" 'where the message gets memory'
status 0 "$DEARTH" suite replay --mode sticky --leaks off --guard off again.db
equal 1 "$(sql again.db "SELECT count(*) > 0 FROM attempt WHERE verdict = 'crashed'")" 'where it gets none'
before=$(sql again.db 'SELECT count(*) FROM attempt')
status 0 "$DEARTH" suite replay --mode sticky --leaks off --guard off again.db
equal "$before" "$(sql again.db 'SELECT count(*) FROM attempt')" 'and once is enough'
