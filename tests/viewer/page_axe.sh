#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tags: part
# axe-core finds nothing that shuts people out: pages of a program with flaws, of one that was never tested, of a suite and of
# a comparison, in both themes, on a screen and a phone, with all that can be opened open.
. "$(dirname "$0")/../lib.sh"
need python3 sqlite3 node chromium
[ -s "$SOURCE/build-axe/axe.min.js" ] || skip 'axe-core is not there: .ci/setup fetches it'

# shellcheck source=tests/viewer/page_files.sh
. "$SOURCE/tests/viewer/page_files.sh"
node "$SOURCE/tests/viewer/page_axe.js" "$SOURCE/build-axe/axe.min.js" \
    report.html two.html untimed.html hostile.html suite.html changed.html || fail 'axe-core has found something'
