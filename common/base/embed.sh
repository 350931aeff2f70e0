#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# embed.sh INPUT OUTPUT NAME: make a C header with the bytes of INPUT as a string constant.
# Bytes are written as octal escapes: no quoting rules, any content.
set -eu
{
    printf '/* Generated from %s. */\nstatic const char %s[] =\n' "$(basename "$1")" "$3"
    od -An -v -to1 -w16 "$1" | sed 's/ /\\/g; s/^/    "/; s/$/"/'
    printf ';\n'
} > "$2"
