#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An installed dearth finds its library in its own prefix, wherever that was moved to, and works.
# tags: unsanitized
. "$(dirname "$0")/../lib.sh"
need meson

meson install -C "$BUILD" --no-rebuild --quiet --destdir "$work/root" >install.txt 2>&1 ||
    fail "$(cat install.txt)"
installed=$(find root -type f -name dearth -perm -1)
[ -x "$installed" ] || fail "no program: $(find root)"
library=$(find "$work/root" -name '*.so' -path '*dearth*' | head -n 1)
[ -n "$library" ] || fail "no library: $(find root)"
pages=$(find root -name '*dearth*.1*' | wc -l)
[ "$pages" -ge 7 ] || fail "$pages man pages"
equal "$(cd "$SOURCE" && find common/man -name '*.1' | wc -l)" "$pages" 'man pages installed'

[ -x "$(dirname "$installed")/cargo-dearth" ] || fail 'no cargo-dearth beside dearth'

status 0 "$installed" record -o r.db -- grep dearth_preload /proc/self/maps
contains out "$work/root"
status 1 "$installed" check -o c.db -- "$PROGRAMS/crashed"
contains out new_node
