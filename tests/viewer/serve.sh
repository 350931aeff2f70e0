#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The page in a browser, and served: to this machine, to whoever has the address, to be read alone; made anew when the
# database has changed; requests that are none, that do not end, and that are many do no harm.
. "$(dirname "$0")/../lib.sh"
need python3

python3 "$SOURCE/tests/data/report_db.py" "$SOURCE" a.db
chmod 600 a.db
"$DEARTH" view -q -o wanted.html a.db

# --open: the commands of BROWSER in turn; names are never commands.
cat >browse <<'S'
#!/bin/sh
printf '%s\n' "$#" "$@" >>opened
S
chmod +x browse
mkdir "a b"
status 0 env BROWSER="false:$PWD/browse" "$DEARTH" view --open -o 'a b/$(touch pwned) "x.html' a.db
equal "1 $PWD/a b/"'$(touch pwned) "x.html' "$(xargs -d '\n' echo <opened)" 'what the browser is given'
cmp wanted.html 'a b/$(touch pwned) "x.html' || fail 'the page that was opened'
[ ! -e pwned ] || fail 'a name was run'
rm opened
status 0 env BROWSER="$PWD/browse --new %s now" XDG_RUNTIME_DIR="$PWD/a b" "$DEARTH" view --open a.db
equal '3 --new' "$(head -n 2 opened | xargs)" 'arguments of BROWSER'
cmp wanted.html "$(sed -n 3p opened)" || fail 'the page of its own'
equal 600 "$(stat -c %a "$(sed -n 3p opened)")" 'its mode'
status 2 env BROWSER=false "$DEARTH" view --open -o x.html a.db
contains err 'did not open'
mkdir empty
status 2 env -u BROWSER PATH="$PWD/empty" "$DEARTH" view --open -o x.html a.db
contains err 'BROWSER'
status 2 "$DEARTH" view --open -o - a.db
status 2 "$DEARTH" view --serve -o x.html a.db
status 2 "$DEARTH" view --port 8000 a.db
status 2 "$DEARTH" view --serve --port 65536 a.db

# --serve
"$DEARTH" view --serve a.db >url 2>said &
server=$!
trap 'kill "$server" 2>/dev/null || :; rm -rf "$work"' EXIT
for _ in $(seq 300); do
    [ ! -s url ] || break
    sleep 0.1
done
url=$(cat url)
[[ $url =~ ^http://127\.0\.0\.1:[0-9]+/[0-9a-f]{32}/$ ]] || fail "the address is '$url'"
contains said 'Ctrl-C'
port=${url#http://127.0.0.1:} port=${port%%/*}

cat >client.py <<'P'
import http.client, json, os, socket, sqlite3, sys, threading
url, port = sys.argv[1], int(sys.argv[2])
path = "/" + url.split("/", 3)[3]
wanted = open("wanted.html", "rb").read()

def ask(method="GET", at=path, **headers):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    c.request(method, at, headers=headers)
    r = c.getresponse()
    return r.status, dict(r.getheaders()), r.read()

def raw(data, end=True):
    s = socket.create_connection(("127.0.0.1", port), 60)
    s.sendall(data)
    if end:
        s.shutdown(socket.SHUT_WR)
    seen = b""
    while True:
        more = s.recv(65536)
        if not more:
            return seen
        seen += more

def check(what, ok):
    print("ok:" if ok else "FAILED:", what)
    if not ok:
        sys.exit(1)

status, headers, body = ask()
check("the page", status == 200 and body == wanted)
check("its headers", headers["Content-Type"] == "text/html; charset=utf-8" and headers["Cache-Control"] == "no-store"
      and headers["Referrer-Policy"] == "no-referrer" and headers["X-Content-Type-Options"] == "nosniff")
status, headers, body = ask("HEAD")
check("HEAD", status == 200 and body == b"" and int(headers["Content-Length"]) == len(wanted))
for at in "/", "/favicon.ico", path[:-1], path + "x", "/" + "0" * 32 + "/", path + "?a", "/../" + path:
    status, _, body = ask(at=at)
    check("nothing at " + at, status == 404 and len(body) < 100)
for method in "POST", "PUT", "DELETE", "OPTIONS":
    check(method, ask(method)[0] == 405)
for host, status in ("evil.example", 403), ("127.0.0.1.evil.example", 403), ("localhost", 200), ("LOCALHOST:1", 200), ("[::1]:2", 200):
    check("Host: " + host, ask(Host=host)[0] == status)
get = f"GET {path} HTTP/1.1\r\n".encode()
check("no Host", raw(get + b"\r\n").startswith(b"HTTP/1.1 403"))
check("no HTTP", raw(b"hello\r\n\r\n").startswith(b"HTTP/1.1 400"))
check("HTTP/0.9", raw(f"GET {path}\r\n\r\n".encode()).startswith(b"HTTP/1.1 400"))
check("NUL", raw(b"GET /\0 HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400"))
check("nothing", raw(b"") == b"")
check("half a head", raw(get) == b"")
check("a long head", raw(get + b"a: " + b"b" * 9000, False).startswith(b"HTTP/1.1 431"))
s = socket.create_connection(("127.0.0.1", port), 60)
for byte in get + b"Host: localhost\r\n\r\n":
    s.send(bytes([byte]))
check("byte by byte", s.recv(12) == b"HTTP/1.1 200")
s.close()

# Idle ones, more than it takes at once, are in nobody's way for long.
idle = [socket.create_connection(("127.0.0.1", port), 60) for _ in range(20)]
check("beside idle ones", ask()[0] == 200)
answers = []
many = [threading.Thread(target=lambda: answers.append(ask()[0])) for _ in range(40)]
[t.start() for t in many]
[t.join() for t in many]
check("many at once", answers == [200] * 40)

# Made anew when somebody writes.
db = sqlite3.connect("a.db")
db.execute("UPDATE recording SET argv = '[\"another-name\"]'")
db.commit()
db.close()
status, _, body = ask()
with open("after.html", "wb") as file:
    file.write(body)
sys.path.insert(0, os.environ["SOURCE"] + "/tests/viewer")
import page_values
check("after a change", status == 200 and "another-name" in json.dumps(page_values.read("after.html")[0]) and body != wanted)
P
python3 client.py "$url" "$port" || fail 'the server'
sockets=$(ss -Hltn "sport = :$port" 2>/dev/null || :)
[ -z "$sockets" ] || [[ $sockets == *" 127.0.0.1:$port "* ]] || fail "it listens elsewhere: $sockets"
status 2 "$DEARTH" view --serve --port "$port" a.db
contains err 'cannot listen'
kill -TERM "$server" # a shell lets what runs beside it ignore Ctrl-C
ended=0
wait "$server" || ended=$?
equal 143 "$ended" 'status after a signal'
equal a.db "$(echo a.db*)" 'files'
