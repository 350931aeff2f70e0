#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Columns and parameters of SQL have names (common/store/columns.h): a number stands only for the first of
# its statement, where there is no other.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"

# by_number FILE...: "file:line:text" of what names a column after the first, or a parameter after the
# first, by its number. A call that is spread over lines is put on one. The calls: SQLite's and the
# store's, and any helper whose name says column or bind, or that copies or reads one (text_of, copy_blob).
by_number() {
    perl -0777 -ne '
        my $call = qr/\b\w*(?:column|bind|text_or_empty|text_of|copy_blob|copy_digest)\w*\s*\(\s*[^(),"]+,\s*(\d+)\s*(?=[-+,)])/;
        my $word = qr/\b\w*bind\w*\s*\(/;
        while (/$call/g) {
            my ($all, $n, $at) = ($&, $1, $-[0]);
            next if $n < ($all =~ $word ? 2 : 1);
            my $line = 1 + (substr($_, 0, $at) =~ tr/\n//);
            $all =~ s/\s+/ /g;
            print "$ARGV:$line:$all\n";
        }
        while (/"[^"\n]*\?(\d+)[^"\n]*"/g) {
            my ($all, $n, $at) = ($&, $1, $-[0]);
            next if $all !~ /\?(?:[2-9]|1\d)/;
            my $line = 1 + (substr($_, 0, $at) =~ tr/\n//);
            print "$ARGV:$line:$all\n";
        }
    ' "$@"
}

need perl
cat >planted.c <<'END'
store_column_text(s, 0), sqlite3_bind_int64(s, 1, id), "WHERE id = ?1";
sqlite3_column_int(w->get, NAME);
a = sqlite3_column_int64(s, 1);
b = store_column_key(w->statements[i],
                     12);
bind(s, 4 + i, sums[i]);
"WHERE key = ?2";
bind_text(
    s, 3, text);
END
equal 5 "$(by_number planted.c | wc -l)" "planted references by number that are found"

# What may stay, with its reason; nothing at the moment.
allowed='^$'

mapfile -t files < <(find "$SOURCE/common" "$SOURCE/recorder" "$SOURCE/replayer" "$SOURCE/viewer" -name '*.[ch]')
[ ${#files[@]} -gt 100 ] || fail "only ${#files[@]} files were found"
by_number "${files[@]}" | sed "s|^$SOURCE/||" | grep -vE "$allowed" >found || true
[ ! -s found ] || {
    cat found >&2
    fail "columns or parameters by number: give them names, see common/store/columns.h"
}
echo "ok: no column by number in ${#files[@]} files"
