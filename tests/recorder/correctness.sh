#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What libc promises about contents, alignment, errno and return values holds under the library.
. "$(dirname "$0")/../lib.sh"

for program in realloc aligned; do
    "$PROGRAMS/$program" >plain
    status 0 "$DEARTH" record -o "$program.db" -- "$PROGRAMS/$program"
    cmp plain out
done
