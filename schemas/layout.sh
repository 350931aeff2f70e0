#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# layout.sh SHM_H STORE_ID_H STORE_SQL LAYOUT OUTPUT: stop the build when a layout has changed and its version
# has not been raised with it. LAYOUT has a line "NAME VERSION HASH" for each: the hash is over the file
# without comments and white space. OUTPUT: an empty header, made when all is well.
# layout.sh --update SHM_H STORE_ID_H STORE_SQL LAYOUT: write LAYOUT anew, after raising the version.
set -eu

# Comments of C and SQL out, blanks squeezed: what is left is the layout.
strip() {
    sed -e 's|--.*||' -e 's|//.*||' "$1" | tr '\n\t' '  ' | sed -e 's|/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/||g' -e 's/  */ /g'
}
version() {
    sed -n "s/^#define $2 *\([0-9]*\)u\{0,1\}.*/\1/p" "$1"
}
lines() {
    echo "shm.h $(version "$1" SHM_VERSION) $(strip "$1" | sha256sum | cut -c1-32)"
    echo "store.sql $(version "$2" STORE_VERSION) $(strip "$3" | sha256sum | cut -c1-32)"
}

if [ "$1" = --update ]; then
    lines "$2" "$3" "$4" >"$5"
    exit 0
fi
if ! lines "$1" "$2" "$3" | cmp -s - "$4"; then
    lines "$1" "$2" "$3" | diff "$4" - >&2 || :
    echo "layout.sh: the layout of shm.h or store.sql is not the one that its version stands for: raise" \
        "SHM_VERSION or STORE_VERSION (with a migration), then schemas/layout.sh --update" \
        "schemas/shm.h schemas/store_id.h schemas/store.sql schemas/layout" >&2
    exit 1
fi
echo '/* shm.h and store.sql are what their versions stand for. */' >"$5"
