#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Files that commands write: whole or not at all, through links, with the mode that was there; special
# files directly; a full disk, a limit or a kill leave the old one and nothing beside it.
. "$(dirname "$0")/../lib.sh"

"$BUILD/tests/recorder/make_database" d.db --events 500
mkdir made
export DEARTH
writers=("report -o" "report -f sarif -o" "view -o" "export -o" "export -f csv -o" "export -f pprof -o")

# What is written is what standard output shows; modes.
umask 027
for writer in "${writers[@]}"; do
    rm -f made/*
    eval "\"\$DEARTH\" $writer - d.db" >wanted
    eval "\"\$DEARTH\" $writer made/f d.db" 2>err || fail "$writer: $(cat err)"
    cmp wanted made/f || fail "$writer: another content"
    equal '640 f' "$(stat -c %a made/f) $(ls -A made)" "$writer: a new file"
    chmod 604 made/f
    echo old >made/f
    eval "\"\$DEARTH\" $writer made/f d.db" 2>err
    cmp wanted made/f || fail "$writer: another content the second time"
    equal '604 f' "$(stat -c %a made/f) $(ls -A made)" "$writer: a file that was there"
    eval "\"\$DEARTH\" $writer made/f --private d.db" 2>err
    equal '600 f' "$(stat -c %a made/f) $(ls -A made)" "$writer: --private"
    rm made/f
    eval "\"\$DEARTH\" $writer made/f --private d.db" 2>err
    equal '600 f' "$(stat -c %a made/f) $(ls -A made)" "$writer: a new file, --private"
done
"$DEARTH" check -q --fail-on none --private --report made/r --html made/h -- "$PROGRAMS/reported" >/dev/null
equal '600 600' "$(stat -c %a made/r made/h | tr '\n' ' ' | sed 's/ $//')" 'modes of what check wrote'
umask 022

# Links are followed, also to what is not there yet; special files are written, not replaced.
rm -f made/*
"$DEARTH" report d.db >wanted
ln -s ../link made/link
ln -s made/real link
for _ in new old; do
    status 0 "$DEARTH" report -o made/link d.db
    cmp wanted made/real || fail 'the file behind two links'
    equal 'made/link link' "$(find made/link link -type l | tr '\n' ' ' | sed 's/ $//')" 'links'
done
status 0 "$DEARTH" report -o /dev/null d.db
[ -c /dev/null ] || fail '/dev/null was replaced'
mkfifo pipe
"$DEARTH" report -o pipe d.db &
cmp wanted pipe || fail 'through a FIFO'
wait
[ -p pipe ] || fail 'the FIFO was replaced'
for name in /dev/stdout /dev/fd/1 /proc/self/fd/1 -; do
    echo before >log
    "$DEARTH" report -o "$name" d.db >>log
    { echo before && cat wanted; } | cmp - log || fail "$name, which is a file that is added to"
    "$DEARTH" report -o "$name" d.db | cmp wanted || fail "$name, which is a pipe"
done
"$DEARTH" report -o /dev/fd/7 d.db 7>log
cmp wanted log || fail 'a descriptor of ours'

# refused FILE WORDS
refused() {
    status 2 "$DEARTH" report -o "$1" d.db
    contains err "$1"
    contains err "$2"
    equal 1 "$(wc -l <err)" 'lines'
    status 2 "$DEARTH" check -q --report "$1" -- touch started
    contains err "$1"
    [ ! -e started ] || fail 'the program was started before that was said'
}
refused made 'Is a directory'
refused made/ 'Is a directory'
refused none/f 'No such file'
refused '' 'No such file'
cp d.db precious.db
ln -s precious.db to-database
for name in precious.db to-database precious.db-wal precious.db-shm precious.db-journal; do
    refused "$name" 'a database of dearth'
done
equal precious.db "$(echo precious.db*)" 'files of the database'
cmp d.db precious.db || fail 'a database was written over'
ln -s loop loop
refused loop 'symbolic links'
status 2 "$DEARTH" report -o /dev/full d.db
contains err /dev/full
status 2 "$DEARTH" report -o /dev/fd/9 d.db
contains err /dev/fd/9

# Owner: kept by root; what an ordinary user may write to but not replace is overwritten.
plain=()
[ "$(id -u)" != 0 ] || plain=(setpriv --reuid 65534 --regid 65534 --clear-groups)
chmod 755 "$work"
chmod 644 d.db
if "${plain[@]}" "$DEARTH" --version >/dev/null 2>&1; then
    mkdir -m 777 shut
    "${plain[@]}" touch shut/f
    seq 100000 >shut/f
    number=$(stat -c %i shut/f)
    [ "$(id -u)" != 0 ] || chmod 1777 "$work" # d.db is read where no log can be made
    "${plain[@]}" chmod 444 d.db 2>/dev/null || chmod 444 d.db
    chmod 555 shut
    status 0 "${plain[@]}" "$DEARTH" report -o shut/f d.db
    cmp wanted shut/f || fail 'a file in a folder that is shut'
    equal "$number f" "$(stat -c %i shut/f) $(ls -A shut)" 'it is the same file'
    refused_new=0
    "${plain[@]}" "$DEARTH" report -o shut/new d.db 2>err || refused_new=$?
    equal "2 1 f" "$refused_new $(grep -c shut/new err) $(ls -A shut)" 'a new file there'
    chmod 755 shut
    chmod 444 shut/f
    refused_new=0
    "${plain[@]}" "$DEARTH" view -o shut/f d.db 2>err || refused_new=$?
    equal "2 1" "$refused_new $(grep -c shut/f err)" 'a file that is read-only'
    cmp wanted shut/f || fail 'a file that is read-only was written to'
    if [ "$(id -u)" = 0 ]; then
        chown 1:2 shut/f
        status 0 "$DEARTH" view -o shut/f d.db
        equal '1:2 444' "$(stat -c '%u:%g %a' shut/f)" 'owner and mode'
        echo mine >other
        chmod 666 other
        chmod 1777 .
        status 0 "${plain[@]}" "$DEARTH" report -o other d.db
        equal '0' "$(stat -c %u other)" 'the owner of a file of somebody else'
        cmp wanted other || fail 'a file of somebody else'
    fi
    chmod 755 .
fi

# A size limit, and a kill at any moment: the old file is whole, nothing is beside it.
"$BUILD/tests/recorder/make_database" large.db --events 60000
rm -rf made/*
echo old >made/f
bash -c 'ulimit -f 64; "$DEARTH" export -f csv -o made/f large.db' 2>err && fail 'written past the limit'
contains err 'File too large'
equal 'old f' "$(cat made/f) $(ls -A made)" 'after the limit'
for signal in KILL TERM INT PIPE; do
    for pause in 0 1 2 4 8; do
        "$DEARTH" export -f csv -o made/f large.db &
        writer=$!
        sleep "0.0$pause"
        kill -"$signal" "$writer" 2>/dev/null || :
        wait "$writer" 2>/dev/null || :
        equal f "$(ls -A made)" "$signal after $pause: files"
        [ "$(cat made/f)" = old ] || [ "$(tail -c 1 made/f | od -An -c | tr -d ' ')" = '\n' ] || fail 'half a file'
    done
done

# A full disk, also for what can only be overwritten.
inside=(unshare --mount --map-root-user)
if "${inside[@]}" true 2>/dev/null; then
    cat >full.sh <<'F'
mount -t tmpfs -o size=64k none place || exit 77
seq 3000 >place/f && cp place/f kept
dd if=/dev/zero of=place/fill bs=4k 2>/dev/null && exit 10
for writer in "report -o" "view -o" "export -f csv -o"; do
    "$1" $writer place/f large.db 2>err && exit 1
    grep -q 'place/f: cannot write; what was there is kept: No space' err || exit 2
    cmp place/f kept || exit 3
    [ "$(ls -A place)" = "$(printf 'f\nfill')" ] || exit 4
done
mkdir -p point && touch point/f
mount --bind place/f point/f
"$1" export -f csv -o point/f large.db 2>err && exit 5
cmp place/f kept || exit 6
rm place/fill
"$1" export -o point/f d.db || exit 7
"$1" export d.db | cmp - place/f || exit 8
[ "$(ls -A place point | tr '\n' ' ')" = 'place: f  point: f ' ] || exit 9
F
    mkdir place
    got=0
    "${inside[@]}" bash full.sh "$DEARTH" || got=$?
    [ "$got" = 77 ] || equal 0 "$got" 'a full disk'
fi
