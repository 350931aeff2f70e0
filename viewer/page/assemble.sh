#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# assemble.sh HTML CSS OUTPUT JS...: put style and scripts, as one, into the page, and their hashes into its
# Content-Security-Policy, so that no other style or script would run in it.
set -eu
html=$1 css=$2 out=$3
shift 3
js=$out.js
{
    printf '\n"use strict";\n(() => {\n'
    cat "$@"
    printf '})();\n'
} >"$js"

# CSP's 'sha256-BASE64' of a file.
hash() {
    printf "'sha256-"
    for byte in $(sha256sum "$1" | cut -c1-64 | sed 's/../& /g'); do
        # shellcheck disable=SC2059 # the format is the byte
        printf "\\$(printf %03o "0x$byte")"
    done | base64 | tr -d '\n'
    printf "'"
}

style=$(hash "$css")
script=$(hash "$js")
{
    while IFS= read -r line; do
        case $line in
        @CSP@)
            printf '<meta http-equiv="Content-Security-Policy" content="'
            printf "default-src 'none'; style-src %s; script-src %s; " "$style" "$script"
            printf "base-uri 'none'; form-action 'none'\">\n"
            ;;
        @STYLE@)
            printf '<style>'
            cat "$css"
            printf '</style>\n'
            ;;
        @SCRIPT@)
            printf '<script>'
            cat "$js"
            printf '</script>\n'
            ;;
        *) printf '%s\n' "$line" ;;
        esac
    done <"$html"
} >"$out"
for mark in @DATA@ @BEFORE@; do
    [ "$(grep -c "$mark" "$out")" = 1 ] || {
        echo "assemble.sh: $html must have $mark once" >&2
        exit 1
    }
done
