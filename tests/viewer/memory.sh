#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Where memory went, in the page: each recording by itself, the same sums as SQL's, at the peak the same as
# `dearth stats` by site, also with several processes and threads; without single events no time.
. "$(dirname "$0")/../lib.sh"
need python3 jq sqlite3 strace

record -o a.db -- "$PROGRAMS/tree"
record -o a.db -- "$PROGRAMS/tree"
record -o b.db -- "$PROGRAMS/threads"
record -o c.db -- sh -c "$PROGRAMS/growing; $PROGRAMS/hello"
# Blocks that are given back within a tick of the clock: what came before the peak is not told by time.
"${CC:-cc}" -O1 -fno-inline -o many "$SOURCE/tests/bench/many_stacks.c"
record -o f.db -- ./many 4000
record --detail=sites -o d.db -- "$PROGRAMS/hello"
for name in a b c d f; do
    status 0 "$DEARTH" view -q $name.db -o $name.html
    for id in $(sql $name.db 'SELECT id FROM recording'); do
        [ $name = d ] || "$DEARTH" stats -q --by site --sort peak -n 0 -f json -r "$id" "$name.db" >"$name.$id.json"
    done
done

# In one read transaction: not a lock for each row.
ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=fcntl -o locks "$DEARTH" view -q f.db -o - >f2.html
cmp f.html f2.html
[ "$(wc -l <locks)" -lt 300 ] || fail "$(wc -l <locks) calls of fcntl"

python3 - <<'P' || fail 'memory in the page'
import collections, json, os, sqlite3, sys
sys.path.insert(0, os.environ["SOURCE"] + "/tests/viewer")
import page_values
for name in "abcdf":
    head, columns = page_values.read(f"{name}.html")
    db = sqlite3.connect(f"file:{name}.db?mode=ro", uri=True)
    ids = [id for id, in db.execute("SELECT id FROM recording ORDER BY id")]
    assert [m["recording"] for m in head["memory"]] == ids and len(ids) == (2 if name == "a" else 1)
    n = head["key_bytes"]
    keys = [columns["site.key"][i * n:i * n + n].hex() for i in range(head["sites"])]
    for index, info in enumerate(head["memory"]):
        id, rows = info["recording"], page_values.memory(head, columns, index)
        wanted = sorted((key[:2 * n], *rest) for key, *rest in db.execute(
            "SELECT lower(hex(s.key)), p.pid, x.count, x.bytes, x.peak_bytes, x.max_size, x.live_bytes, x.live_blocks, x.frees, "
            "x.temporary, x.cross_thread_frees, x.lifetime_ns / 1000, x.last_ns / 1000 FROM site_stat x JOIN site s ON s.id = x.site_id "
            "JOIN process p ON p.id = x.process_id WHERE x.recording_id = ?", (id,)))
        seen = sorted((keys[r["site"]], info["processes"][r["process"]]["pid"], *(r[c] for c in (
            "count", "bytes", "peak", "largest", "live", "live_blocks", "frees", "temporary", "cross_thread", "lifetime_us", "last_us"))) for r in rows)
        assert wanted and seen == wanted, name
        assert info["timed"] == (name != "d")
        if name == "d":
            assert not any(r["cells"] for r in rows) and "0.high" not in columns
            continue
        # Cells add up to the whole run, and up to the peak to what was live then.
        for r in rows:
            assert sum(c[2] for c in r["cells"]) == r["bytes"] and sum(c[3] for c in r["cells"]) == r["count"], r
            assert [c[0] for c in r["cells"]] == sorted({c[0] for c in r["cells"]}) and all(0 <= c[0] < info["bins"] for c in r["cells"])
        peak, peak_ns = db.execute("SELECT peak_bytes, peak_ns FROM recording WHERE id = ?", (id,)).fetchone()
        live = collections.Counter()
        for r in rows:
            live[keys[r["site"]]] += sum(c[1] for c in r["cells"] if c[0] < info["peak_bins"])
        assert sum(live.values()) == peak and info["peak_ns"] == peak_ns, (name, sum(live.values()), peak)
        stats = json.load(open(f"{name}.{id}.json"))
        items = {i["key"][:2 * n]: i["at_peak_bytes"] for i in stats["items"] if i.get("at_peak_bytes")}
        assert {k: v for k, v in live.items() if v} == items, (name, id)
        high, low = columns[f"{index}.high"], columns[f"{index}.low"]
        assert max(high) == high[info["peak_bins"] - 1] == peak and len(high) == info["bins"]
        assert all(l <= h for l, h in zip(low, high)) and min(low) >= 0
        assert len(info["processes"]) == db.execute("SELECT count(*) FROM process WHERE recording_id = ?", (id,)).fetchone()[0]
P
echo 'ok: memory in the page'

# Damaged events: said, and what does not come from them is there.
cp a.db e.db
sqlite3 e.db "UPDATE event_chunk SET data = x'00'"
status 0 "$DEARTH" view -o e.html e.db
contains err damaged
python3 "$SOURCE/tests/viewer/page_values.py" e.html >e.json
equal '[true,false]' "$(jq -c '.memory[0] | [.damaged, .timed]' e.json)" 'time is not known'
