#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Private copies that a killed worker left are removed by the next one: these and nothing else, whatever
# they are called, whoever owns them, whatever links lead to or is mounted in them.
# tags: part
. "$(dirname "$0")/../lib.sh"
export TMPDIR=$work/tmp
mkdir tmp tree precious
chmod 755 "$work"
echo precious >precious/file
echo content >tree/file

# Attempts with a private copy, whose only use here is that they look for what was left.
look() {
    (cd tree && timeout 100 "$DRIVE" -i copy -n 1 -- true) >out 2>err || fail "attempts: $(cat out err)"
}
names() {
    find tmp -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tr '\n' ' ' | sed 's/ $//'
}

# Killed: the copy is left, and goes with the next worker; that of one that lives stays.
(cd tree && exec "$DRIVE" -q -i copy -t 60000 -j 1 -n 1 -- sleep 60) &
first=$!
for _ in $(seq 1000); do
    [ -z "$(find tmp -path '*/tree/file')" ] || break
    sleep 0.02
done
left=$(names)
case $left in .dearth-copy-*) ;; *) fail "no copy was seen: $left" ;; esac
look
equal "$left" "$(names)" 'copies beside one that is in use'
kill -KILL "$first"
wait "$first" 2>/dev/null || :
for _ in $(seq 1000); do
    look
    [ -n "$(names)" ] || break # its worker ends a moment later
    sleep 0.02
done
equal '' "$(names)" 'copies after one was killed'

# stale NAME: as a killed worker would have left it.
stale() {
    mkdir -m 700 "tmp/$1"
    mkdir "tmp/$1/tree"
    (umask 077 && mark "tmp/$1" >"tmp/$1/owner")
}
mark() {
    printf 'dearth: a private copy, in folder %x of device %x\n' "$(stat -c %i "$1")" "$(stat -c %d "$1")"
}
# What is in it does not matter: links, folders that nobody may enter, and deep ones.
copy=.dearth-copy-999999-aaaaaa
stale "$copy"
ln -s "$work/precious" "tmp/$copy/tree/link"
ln -s "$work/precious/file" "tmp/$copy/tree/file"
mkdir -p "tmp/$copy/tree/shut/in"
echo x >"tmp/$copy/tree/shut/in/file"
chmod 0 "tmp/$copy/tree/shut/in" "tmp/$copy/tree/shut"
(
    cd "tmp/$copy/tree" || exit
    for _ in $(seq 200); do
        mkdir a-folder-with-a-long-name-so-that-paths-get-too-long
        cd -P a-folder-with-a-long-name-so-that-paths-get-too-long || exit
        echo x >file
    done
)
look
equal '' "$(names)" 'copies with odd things in them'
equal 'precious' "$(cat precious/file)" 'what links led to'

# Not ours: each of these stays, with what is in it.
mkdir -m 700 tmp/.dearth-copy-1-plain tmp/.dearth-copy-999999-plain
echo mine >tmp/.dearth-copy-1-plain/file
echo mine >tmp/.dearth-copy-999999-plain/file
ln -s ../precious tmp/.dearth-copy-999999-link
stale .dearth-copy-999999-linked
rmdir tmp/.dearth-copy-999999-linked/tree
ln -s "$work/precious" tmp/.dearth-copy-999999-linked/tree
stale .dearth-copy-999999-other
echo mine >tmp/.dearth-copy-999999-other/tree/file
cp -a tmp/.dearth-copy-999999-other tmp/.dearth-copy-999999-copied
stale .dearth-copy-999999-open
chmod 755 tmp/.dearth-copy-999999-open
stale .dearth-copy-999999-locked
if [ "$(id -u)" = 0 ]; then
    stale .dearth-copy-999999-user
    echo mine >tmp/.dearth-copy-999999-user/tree/file
    chown -R 65534 tmp/.dearth-copy-999999-user
fi
exec 9<>tmp/.dearth-copy-999999-locked/owner
flock 9
before=$(names)
look
equal "$(sed 's/ \.dearth-copy-999999-other//' <<<"$before")" "$(names)" 'what looks like a copy and is none'
for kind in 1-plain 999999-plain 999999-copied/tree 999999-user/tree; do
    [ "$(id -u):$kind" != "$(id -u | sed 's/^0$/x/'):999999-user/tree" ] || continue
    equal mine "$(cat "tmp/.dearth-copy-$kind/file")" "$kind"
done
equal precious "$(cat precious/file)" 'what links led to'
contains err 'linked: a private copy cannot be removed'
exec 9>&-
rm -rf tmp/.dearth-copy-*

# What is mounted in it is somebody's.
if unshare --mount --map-root-user true 2>/dev/null; then
    stale "$copy"
    mkdir -p "tmp/$copy/tree/a/mounted" "tmp/$copy/tree/b"
    touch "tmp/$copy/tree/a/file" "tmp/$copy/tree/b/mounted"
    cat >mounted.sh <<'M'
mount --bind precious "$1/tree/a/mounted" && mount --bind precious/file "$1/tree/b/mounted" || exit 1
cd tree && timeout 100 "$DRIVE" -i copy -n 1 -- true
M
    unshare --mount --map-root-user bash mounted.sh "tmp/$copy" >out 2>err || fail "inside: $(cat out err)"
    equal precious "$(cat precious/file)" 'what was mounted'
    contains err 'something is mounted in it'
    [ ! -e "tmp/$copy/tree/a/file" ] || fail 'what was beside it is left'
    look
    equal '' "$(names)" 'when it is mounted no more'
fi
