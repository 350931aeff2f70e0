#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh MINUTES [NAME...]: each fuzzer for as long, one after another, under AddressSanitizer and UBSan with
# libFuzzer (clang, libclang-rt-dev). Inputs that lead somewhere new are kept in build-fuzz/corpus-NAME; one
# that fails is build-fuzz/NAME-crash-..., which 'fuzz_NAME FILE' runs again. Status 0: nothing was found.
set -eu -o pipefail
minutes=${1:?usage: run.sh MINUTES [chunk|database|report|wire]...}
shift
[ $# -gt 0 ] || set -- chunk database report wire
cd "$(dirname "$0")/../.."
[ -d build-fuzz ] || CC=clang meson setup build-fuzz -Db_sanitize=address,undefined -Db_lundef=false \
    -Dc_args=-fsanitize=fuzzer-no-link >/dev/null
export ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
TMPDIR=$(mktemp -d /dev/shm/dearth-fuzz.XXXXXXXX)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
found=0
for name; do
    meson compile -C build-fuzz "fuzz_$name" >/dev/null
    mkdir -p "build-fuzz/corpus-$name"
    nice -n 10 "build-fuzz/tests/fuzz/fuzz_$name" -max_total_time=$((minutes * 60)) -max_len=512 -len_control=0 -timeout=60 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="build-fuzz/$name-" "build-fuzz/corpus-$name" \
        >"build-fuzz/$name.log" 2>&1 || found=1
    echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "build-fuzz/$name.log") inputs," \
        "$(grep -cE '^==[0-9]+==|^SUMMARY' "build-fuzz/$name.log" || :) reports"
done
exit "$found"
