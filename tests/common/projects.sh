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

# PROJECTS=wrap: the blocks with 'dearth wrap' instead (projects_wrapped.sh)
: "${PROJECTS=check}"

# try SECTION TARGETS: in the folder of a project; the gate fails for the flaw
try() {
    [ "$PROJECTS" = check ] || return 0
    block "$1" >block.sh
    status 1 bash -e block.sh
    contains err "gate FAILED"
    contains out "words_length"
    equal "$2|$2" "$(sql suite.db "SELECT count(*), sum(state = 'tested') FROM target")" "targets with $1"
}

# named HARNESS NAME: what it calls the test that found the flaw
named() {
    [ "$PROJECTS" = check ] || return 0
    equal "$2" "$(sql suite.db "SELECT name FROM test WHERE harness = '$1' AND name GLOB '*length*' LIMIT 1")" "a test of $1"
    "$DEARTH" report --by test suite.db >out
    equal 1 "$(awk -v name="$2" '/^By test/ { on = 1 } on && substr($0, 38) == name { print $3 }' out)" "bugs of $2"
}

# wrapped SECTION NAME TARGETS: the same by 'dearth wrap', each test in a file of its own
wrapped() {
    [ "$PROJECTS" = wrap ] || return 0
    block "$1" >block.sh
    [ -s block.sh ] || fail "no block '$1' in $page"
    status 1 bash -e block.sh
    contains err "gate FAILED"
    contains out "words_length"
    equal "2" "$(find wrapped -name '*.db' ! -name joined.db | wc -l)" "files with $1"
    equal "$3|$3" "$(sql wrapped/joined.db "SELECT count(*), sum(state = 'tested') FROM target")" "targets with $1"
    "$DEARTH" report --by test wrapped/ >out
    equal 1 "$(awk -v name="$2" '/^By test/ { on = 1 } on && substr($0, 38) == name { print $3 }' out)" "bugs of $2"
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
    named automake tests/test_length
    wrapped AUTOMAKE\'S tests/test_length 2
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
  add_test(NAME the_${name} COMMAND test_${name})
endforeach()
EOF
    try CTEST 2
    named CTest the_length
    wrapped CTEST\'S the_length 2
fi

if has meson && has ninja; then
    begin meson
    cat >meson.build <<'EOF'
project('words', 'c', default_options: ['b_ndebug=false'])
foreach name : ['copy', 'length']
  test('the ' + name, executable('test_' + name, 'tests/test_' + name + '.c', 'words.c'))
endforeach
EOF
    try MESON 2
    named meson "the length"
    wrapped MESON\'S "the length" 2
fi

[ "$PROJECTS" = check ] || exit 0

if has bats; then
    begin bats
    for name in copy length; do
        cc -g -O0 -o test_$name tests/test_$name.c words.c
    done
    cat >tests/words.bats <<'EOF'
@test "copies" { ./test_copy one; }
@test "copies more" { ./test_copy two; }
@test "the length (of it)" { run ./test_length; [ "$status" = 0 ]; }
EOF
    try BATS 2
    named bats "words.bats: the length (of it)"
fi

if /usr/bin/python3 -c 'import pytest' 2>/dev/null && has /usr/bin/python3-config; then
    begin pytest
    cat >extension.c <<'EOF'
#include <Python.h>
#include "words.h"
static PyObject *length(PyObject *self, PyObject *arguments) {
    const char *s;
    (void)self;
    return PyArg_ParseTuple(arguments, "s", &s) ? PyLong_FromSize_t(words_length(s)) : NULL;
}
static PyObject *copy(PyObject *self, PyObject *arguments) {
    const char *s;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "s", &s))
        return NULL;
    char *to = words_copy(s);
    PyObject *out = to ? PyUnicode_FromString(to) : PyErr_NoMemory();
    free(to);
    return out;
}
static PyMethodDef methods[] = {{"length", length, METH_VARARGS, 0}, {"copy", copy, METH_VARARGS, 0}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "words", 0, -1, methods, 0, 0, 0, 0};
PyMODINIT_FUNC PyInit_words(void) { return PyModule_Create(&module); }
EOF
    # shellcheck disable=SC2046 # words are meant to be split
    cc -g -O0 -shared -fPIC $(/usr/bin/python3-config --includes) -o words.so extension.c words.c
    cat >tests/test_words.py <<'EOF'
import pytest
import words
def test_copies():
    assert words.copy("a") == "a"
@pytest.mark.parametrize("s", ["abc"])
def test_length(s):
    assert words.length(s) == len(s)
EOF
    PATH=/usr/bin:$PATH try PYTEST 2
    equal "tests/test_words.py::test_copies|tests/test_words.py::test_length[abc]" "$(sql suite.db "SELECT group_concat(name, '|') FROM test WHERE harness = 'pytest' AND filter IS NOT NULL")" "tests of pytest"
fi

if has c++ && [ -e /usr/include/gtest/gtest.h ]; then
    begin googletest
    cat >tests/unit.cc <<'EOF'
extern "C" {
#include "../words.h"
}
#include <cstdlib>
#include <gtest/gtest.h>
TEST(Words, copy) { free(words_copy("a")); }
TEST(Words, length) { EXPECT_EQ(words_length("abc"), 3u); }
EOF
    cc -g -O0 -c words.c
    c++ -g -O0 -o tests/unit tests/unit.cc words.o -lgtest -lgtest_main -pthread
    block GOOGLETEST >block.sh
    status 0 bash block.sh # its last command reports
    contains err "gate FAILED"
    contains out "Words.length"
    equal "2|2" "$(sql suite.db "SELECT count(*), sum(state = 'tested') FROM target")" "targets with GOOGLETEST"
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
    equal "words: words" "$(sql suite.db "SELECT name FROM test WHERE harness = 'cargo'")" "what cargo runs"
    equal 1 "$(sql suite.db "SELECT count(*) < 40 AND count(*) = sum(state = 'tested') FROM target")" "targets with CARGO"
fi
