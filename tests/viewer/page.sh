#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The page: one file, nothing from the database can become markup, its own policy lets it run and
# nothing else, and it holds the values of the report.
. "$(dirname "$0")/../lib.sh"
need python3

python3 "$SOURCE/tests/data/report_db.py" "$SOURCE" a.db
status 0 "$DEARTH" view a.db -o page.html
contains err page.html
status 0 "$DEARTH" view a.db --private -o private.html
equal '600 644' "$(stat -c %a private.html) $(umask 022 && "$DEARTH" view -q a.db -o open.html && stat -c %a open.html)" 'modes of pages'
"$DEARTH" view a.db -o - | cmp - page.html || fail 'not the same bytes'
"$DEARTH" report --stacks -o report.json a.db

python3 - <<'P' || fail 'the page'
import base64, hashlib, html.parser, json, os, re, sys
sys.path.insert(0, os.environ["SOURCE"] + "/tests/viewer")
import page_values
page = open("page.html", encoding="utf-8").read()
report = json.load(open("report.json", encoding="utf-8"))

class Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.scripts, self.styles, self.policy, self.tags, self.inside = [], [], None, [], None
    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        self.inside = tag
        if attrs.get("http-equiv") == "Content-Security-Policy":
            self.policy = attrs["content"]
    def handle_endtag(self, tag):
        self.inside = None
    def handle_data(self, data):
        if self.inside == "script":
            self.scripts.append(data)
        if self.inside == "style":
            self.styles.append(data)

reader = Reader()
reader.feed(page)
assert len(reader.scripts) == 2 and len(reader.styles) == 1, "an element was broken out of"
assert page.count("</script>") == 3 and page.count("<script") == 3 # one for another database is empty
values, code = reader.scripts
assert re.fullmatch("[A-Za-z0-9+/=]+", values)

# Its policy: nothing is loaded; only this style and this script may run.
def sha(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
policy = dict(part.split(None, 1) for part in reader.policy.split(";") if part.strip())
assert policy["default-src"] == "'none'", policy
assert policy["script-src"] == sha(code) and policy["style-src"] == sha(reader.styles[0])
for tag, attrs in reader.tags:
    assert not {"src", "style", "onclick", "onload", "onerror"} & set(attrs), (tag, attrs)
    assert attrs.get("href", "#").startswith("#"), (tag, attrs)
    assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form"), tag
shell = page.replace(values, "")
assert "http:" not in shell and "https:" not in shell and "url(" not in shell and "@import" not in shell
for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
    assert way not in code, way

# The values are the report's.
head, columns = page_values.read("page.html")
strings = head["strings"]
assert strings[0] is None
n = head["key_bytes"]
keys = [columns["site.key"][i * n:i * n + n].hex() for i in range(head["sites"])]
assert keys == [s["key"][:2 * n] for s in report["sites"]] and len(set(keys)) == len(keys)
assert head["site_tally"]["tested"] == report["summary"]["sites"]["tested"]
assert len(head["findings"]) == len(report["findings"])
nodes = page_values.nodes(columns)
def stack(node):
    out = []
    while node:
        parent, frame = nodes[node]
        assert parent < node, "parents come first"
        fn, file, line, module, offset = (columns["frame." + name][frame] for name in ("function", "file", "line", "module", "offset"))
        out.append((strings[fn], strings[file], line or None, strings[module], offset))
        node = parent
    return out
flat = lambda s: [(f["function"], f["file"], f["line"], f["module"], f["offset"]) for f in s]
for node, theirs in zip(columns["site.node"], report["sites"]):
    indexes = report["stacks"][theirs["stack"]] if theirs["stack"] is not None else []
    assert stack(node) == flat(report["frames"][i] for i in indexes), theirs["key"]
for mine, theirs in zip(head["findings"], report["findings"]):
    assert mine["repro"] == theirs["repro"] and mine["stderr"] == theirs["stderr_tail"]
    if theirs["crash"]:
        assert stack(mine["crash"]["node"]) == flat(theirs["crash"]["stack"])
at = 0 # attempts: how many, then verdict and number
for theirs in report["sites"]:
    n = columns["site.attempts"][at]
    seen = columns["site.attempts"][at + 1:at + 1 + 2 * n]
    assert {head["verdicts"][v]: k for v, k in zip(seen[::2], seen[1::2])} == theirs["verdicts"], theirs["key"]
    at += 1 + 2 * n
P
echo 'ok: the page'

# Without -o: here, in the terminal.
status 0 "$DEARTH" view a.db
contains out 'dearth repro a.db 2'
status 2 "$DEARTH" view no-such.db
status 2 "$DEARTH" view a.db -o /no-such-folder/page.html
