#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# discover.sh: the end-to-end tests below this folder, one line each: FOLDER/NAME and the tags that the
# script's line '# tags: ...' gives it. Scripts with the tag 'part' are run by others, or by a test of
# their folder's meson.build that gives them more than the usual.
set -eu
cd "$(dirname "$0")"
for script in common/*.sh recorder/*.sh replayer/*.sh viewer/*.sh; do
    tags=$(sed -n '1,12s/^# tags: *//p' "$script")
    case " $tags " in
    *' part '*) ;;
    *) echo "${script%.sh} $tags" ;;
    esac
done
