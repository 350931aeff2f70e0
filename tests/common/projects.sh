#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# "Testing a project", dearth-suite(7): each of its blocks, as it stands there, on a small project with one flaw. It
# finds the flaw, and fails every place of the project's own.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
# shellcheck source=tests/common/suite-lib.sh
source "$SOURCE/tests/common/suite-lib.sh"
PATH=$(dirname "$DEARTH"):$PATH
unset MAKEFLAGS MAKELEVEL MFLAGS # of who runs us

words() {
    cp "$SOURCE"/tests/data/words.[ch] .
    mkdir -p tests
    for name in copy length; do
        cat >tests/test_$name.c <<'EOF'
#include "../words.h"
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv) {
    if (strstr(argv[0], "test_length"))
        return words_length("abc") != 3;
    char *copy = words_copy(argc > 1 ? argv[1] : "a");
    free(copy);
    return copy == NULL;
}
EOF
    done
}

# try SECTION TARGETS: in the folder of a project; the gate fails for the flaw
try() {
    block "$1" >block.sh
    status 1 bash -e block.sh
    contains err "gate FAILED"
    contains out "words_length"
    equal "$2|$2" "$(sql suite.db "SELECT count(*), sum(state = 'tested') FROM target")" "targets with $1"
}

begin() {
    mkdir -p "$work/$1"
    cd "$work/$1"
    words
}

has() {
    command -v "$1" >/dev/null || {
        echo "not tried: $1 is not installed"
        return 1
    }
}

if has automake && has autoconf; then
    begin automake
    cat >configure.ac <<'EOF'
AC_INIT([words], [1])
AM_INIT_AUTOMAKE([foreign subdir-objects])
AC_PROG_CC
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
EOF
    cat >Makefile.am <<'EOF'
check_PROGRAMS = tests/test_copy tests/test_length
tests_test_copy_SOURCES = tests/test_copy.c words.c
tests_test_length_SOURCES = tests/test_length.c words.c
TESTS = $(check_PROGRAMS)
EOF
    autoreconf -fi >log 2>&1 || skip "autoreconf does not work here"
    try AUTOMAKE 2
fi

if has ctest && has cmake; then
    begin ctest
    cat >CMakeLists.txt <<'EOF'
cmake_minimum_required(VERSION 3.10)
project(words C)
enable_testing()
add_library(words STATIC words.c)
foreach(name copy length)
  add_executable(test_${name} tests/test_${name}.c)
  target_link_libraries(test_${name} words)
  add_test(NAME ${name} COMMAND test_${name})
endforeach()
EOF
    try CTEST 2
fi

if has meson && has ninja; then
    begin meson
    cat >meson.build <<'EOF'
project('words', 'c', default_options: ['b_ndebug=false'])
foreach name : ['copy', 'length']
  test(name, executable('test_' + name, 'tests/test_' + name + '.c', 'words.c'))
endforeach
EOF
    try MESON 2
fi

if has bats; then
    begin bats
    for name in copy length; do
        cc -g -O0 -o test_$name tests/test_$name.c words.c
    done
    cat >tests/words.bats <<'EOF'
@test "copies" { ./test_copy one; }
@test "copies more" { ./test_copy two; }
@test "counts" { run ./test_length; [ "$status" = 0 ]; }
EOF
    try BATS 2
fi

if has cargo; then
    begin cargo
    mkdir src
    printf '[package]\nname = "words"\nversion = "0.1.0"\nedition = "2021"\n' >Cargo.toml
    cat >src/lib.rs <<'EOF'
pub fn twice(s: &str) -> Option<String> {
    let mut to = String::new();
    to.try_reserve(2 * s.len()).ok()?;
    to.push_str(s);
    to.push_str(s);
    Some(to)
}
#[cfg(test)]
mod tests {
    #[test]
    fn doubles() {
        let own = String::from("the test's own");
        assert_eq!(super::twice("ab").unwrap_or("abab".to_string()), "abab");
        assert!(own.len() > 3);
    }
}
EOF
    block CARGO >block.sh
    status 0 bash -e block.sh
    # few are libtest's, which main() calls by name of the crate; none is the test's own
    equal 1 "$(sql suite.db "SELECT count(*) < 40 AND count(*) = sum(state = 'tested') FROM target")" "targets with CARGO"
fi
