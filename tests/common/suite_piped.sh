#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What programs of a suite read from a pipe is known before they begin, and they are run alone with it. What cannot be
# known is said: a writer that goes on, more than a pipe holds, a socket. Nothing of it is seen by the suite itself.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3 python3

mkdir -p project/src project/tests
cd project
cp "$SOURCE"/tests/data/words.[ch] src/
# Standard input is all that it knows of what it is to do: a place of the project's for each word.
cat >tests/filter.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "words.h"
int main(int argc, char **argv) {
    static char all[1 << 20];
    struct stat st;
    size_t n = 0, was;
    do {
        was = n;
        n += fread(all + n, 1, sizeof all - 1 - n, stdin);
    } while (n > was);
    if (argc > 1 && (fstat(0, &st) < 0 || !(strcmp(argv[1], "pipe") ? S_ISREG(st.st_mode) : S_ISFIFO(st.st_mode))))
        return 6;
    if (!n)
        return 9;
    if (strncmp(all, "length", 6) == 0)
        return words_length(all + 6) ? 0 : 5;
    char *s = strncmp(all, "twice", 5) == 0 ? words_twice(all) : strncmp(all, "copy", 4) == 0 ? words_copy(all) : NULL;
    if (!s)
        return 1;
    fwrite(s, 1, strlen(s), stdout);
    free(s);
    return 0;
}
END
cc -g -O0 -Isrc -o filter tests/filter.c src/words.c

# a pipe, a pipe from a program, a here-document of a few bytes, a deleted file, a file; each program has to see its kind
cat >check.sh <<'END'
#!/bin/bash
echo "twice x" | ./filter pipe || exit 1
cat words.txt | ./filter || exit 2
python3 -c 'import subprocess, sys; sys.exit(subprocess.run(["./filter", "pipe"], input=b"copy me").returncode)' || exit 3
exec 7>gone; echo "copy deleted" >&7; exec 7>&-; exec 7<gone; rm gone
./filter file <&7 || exit 4
./filter <<<"copy here" || exit 5
END
echo "length of a line" >words.txt
chmod +x check.sh
exec </dev/null # of no program but those that are given one

./check.sh >plain.out
status 0 "$DEARTH" suite record -o suite.db -- ./check.sh
cmp out plain.out || fail "the suite's own output"
contains err "what 5 of them had on standard input (--no-stdin)"
equal "twice x|copy me" "$(sql suite.db "SELECT group_concat(trim(CAST(stdin_data AS TEXT), char(10)), '|') FROM unit WHERE exe GLOB '*filter' AND hex(argv_bytes) GLOB '*7069706500' ORDER BY ordinal")" "what came through pipes"
equal 0 "$(sql suite.db "SELECT count(*) FROM unit WHERE exe GLOB '*filter' AND stdin_digest IS NULL")" "inputs that are not known"
equal 0 "$(sql suite.db "SELECT count(*) - count(DISTINCT stdin_digest) FROM unit WHERE exe GLOB '*filter'")" "digests that are the same"

# each by itself: nothing is left to the script
status 0 "$DEARTH" suite replay suite.db
contains out "3 of 3 tested"
contains out " 0 do something else there"
equal 0 "$(sql suite.db "SELECT count(*) FROM unit_run n JOIN unit u ON u.id = n.unit_id WHERE u.exe NOT GLOB '*filter'")" "programs other than those that read"
equal "pipe" "$(sql suite.db "SELECT DISTINCT r.stdin_kind FROM unit_run n JOIN unit u ON u.id = n.unit_id JOIN recording r ON r.id = n.recording_id WHERE hex(u.argv_bytes) GLOB '*7069706500'")" "kinds of those that came through pipes"
status 0 "$DEARTH" repro suite.db "$(sql suite.db "SELECT id FROM finding WHERE severity = 'bug'")"

# the same suite again: nothing to do; another input: another unit
status 0 "$DEARTH" suite record -o suite.db -- ./check.sh
status 0 "$DEARTH" suite replay suite.db
contains out "0 programs were run by themselves now"

# not kept when asked not to
status 0 "$DEARTH" suite record --no-stdin -o none.db -- ./check.sh
lacks err "standard input"
equal 0 "$(sql none.db "SELECT count(*) FROM unit WHERE length(stdin_data) > 0")" "inputs that are kept in spite of --no-stdin"
equal 0 "$(grep -c "twice x" none.db || :)" "what came through a pipe, in a database without it"

# what cannot be known: it is said, and the parent takes the program's place
cat >late.sh <<'END'
#!/bin/bash
(sleep 1; echo "twice x") | ./filter pipe || exit 1
END
cat >large.sh <<'END'
#!/bin/bash
(echo "twice x"; head -c 200000 /dev/zero) | ./filter pipe >/dev/null || exit 1
END
cat >socket.sh <<'END'
#!/bin/bash
exec python3 -c 'import socket, subprocess
a, b = socket.socketpair()
a.send(b"twice x")
a.shutdown(socket.SHUT_WR)
exit(subprocess.run(["./filter"], stdin=b).returncode)'
END
chmod +x ./*.sh
for way in late large socket; do
    status 0 "$DEARTH" suite record -o $way.db -- ./$way.sh
    equal 0 "$(sql $way.db "SELECT count(*) FROM unit WHERE exe GLOB '*filter' AND stdin_data IS NOT NULL")" "$way: inputs that are kept"
    status 0 "$DEARTH" suite replay $way.db
    contains out "1 of 1 tested"
done
contains err "its standard input was a socket or a device"
status 0 "$DEARTH" suite replay --fresh late.db
contains err "what came through the pipe on its standard input is not known"

# programs that inherit a pipe that stays open wait for it together, not each
cat >many.sh <<'END'
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    ./words "$i" || exit 1
done
END
printf '#include <stdlib.h>\n#include "words.h"\nint main(int n, char **v) { char *s = words_copy(v[n - 1]); free(s); return !s; }\n' >tests/words.c
cc -g -O0 -Isrc -o words tests/words.c src/words.c
python3 -c 'import os, subprocess, sys
r, w = os.pipe() # of which nobody reads, and that nobody ends
sys.exit(subprocess.run(sys.argv[1:], stdin=r).returncode)' "$DEARTH" suite record -o many.db -- sh many.sh
equal 20 "$(sql many.db "SELECT count(*) FROM unit WHERE exe GLOB '*words' AND stdin_kind = 'pipe'")" "programs with a pipe"
equal 1 "$(sql many.db "SELECT sum(waited_ns) < 2000000000 FROM process")" "they wait less than each for itself"

# a program that runs tests inside gets it again for each of them
if printf '#include <gtest/gtest.h>\n' | c++ -E -xc++ - >/dev/null 2>&1; then
    cat >tests/inside.cc <<'END'
#include <cstdio>
#include <cstdlib>
#include <string>
extern "C" {
#include "words.h"
}
#include <gtest/gtest.h>
static std::string word;
TEST(Words, Length) { EXPECT_EQ(words_length(word.c_str()), 4u); }
TEST(Words, Copy) {
    char *s = words_copy(word.c_str());
    EXPECT_STREQ(s, "four");
    free(s);
}
int main(int argc, char **argv) {
    testing::InitGoogleTest(&argc, argv);
    for (int c; (c = getchar()) > ' ';)
        word += (char)c;
    return RUN_ALL_TESTS();
}
END
    cc -g -O0 -Isrc -c -o words.o src/words.c
    c++ -g -O0 -Isrc -o inside tests/inside.cc words.o -lgtest -pthread
    printf 'echo four | ./inside || exit 1\n' >inside.sh
    status 0 "$DEARTH" suite record -o inside.db -- sh inside.sh
    contains err "2 tests that 1 program runs inside were run by themselves"
    lacks err "others do not pass so"
    status 0 "$DEARTH" suite replay inside.db
    contains out "2 of 2 tested"
    contains out " 0 do something else there"
    equal "Words.Copy,Words.Length" "$(sql inside.db "SELECT group_concat(name) FROM (SELECT DISTINCT t.name FROM test t JOIN unit_run n ON n.unit_id = t.unit_id WHERE n.recording_id IS NOT NULL AND t.filter IS NOT NULL ORDER BY t.name)")" "tests that were run by themselves"
fi
