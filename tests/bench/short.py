#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What does a short recording cost? true, some small runs of real programs and a shell loop that starts 100 programs,
as test suites do; in wall and processor time.

    tests/bench/short.py DEARTH [OTHER-DEARTH] [--rounds N] [--programs jq,suite,...] >table.md

One round runs every way once, one after the other, every second round in the other order. Medians of N (15)
rounds after one that is not counted, in milliseconds; processor time is that of dearth, of the program and of
all that both started; the ratio is the median of those of each round. Ways: the program alone; recorded with names
that are kept (a cache of its own), with DEARTH_SYMBOL_CACHE=off, and with --no-symbols; OTHER-DEARTH (an older
build) the same; heaptrack --raw where it is installed and works. Data lie below $TMPDIR, or /var/tmp. No test:
nothing fails when it is slow. What `dearth check` costs: check.sh.
"""
import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time

arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
arguments.add_argument("dearth")
arguments.add_argument("other", nargs="?")
arguments.add_argument("--rounds", type=int, default=15)
arguments.add_argument("--programs", type=lambda names: names.split(","))
arguments.add_argument("--ways", type=lambda names: names.split(","))
options = arguments.parse_args()
sample = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "sample.json")
programs = {
    "true": ["true"],
    "jq": ["jq", ".[].a", sample],
    "git": ["git", "--version"],
    "sqlite3": ["sqlite3", ":memory:", "CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2); SELECT * FROM t"],
    "xmllint": ["xmllint", "{work}/in.xml"],
    "xz": ["xz", "-kc", sample],
    "sed": ["sed", "s/a/b/g", sample],
    "curl": ["curl", "-s", "file://" + sample],
    "python3": ["python3", "-c", "pass"],
    "suite": ["sh", "-c", "i=0; while [ $i -lt 100 ]; do sed -n 1p {work}/in.xml; i=$((i + 1)); done"],
}


def run(command, environment, folder):
    """Run it in an emptied @folder. Return: seconds of wall and of processor time."""
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
    begun = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, environment, file_actions=quiet)
    _, status, used = os.wait4(pid, 0)
    if status and command[0] == "heaptrack":
        return None
    if status:
        sys.exit(f"status {os.waitstatus_to_exitcode(status)}: {' '.join(command)}")
    return time.perf_counter() - begun, used.ru_utime + used.ru_stime


def ways(program, work):
    """Name of a way -> command and what it has in its environment."""
    out = {"alone": (program, {})}
    data = os.path.join(work, "data")
    for name, dearth in (("", options.dearth), (" (other)", options.other)):
        if not dearth:
            continue
        record = [os.path.abspath(dearth), "record", "-q", "-o", os.path.join(data, "d.db")]
        cache = {"XDG_CACHE_HOME": os.path.join(work, "cache" + name.strip(" ()"))}
        out["kept names" + name] = (record + ["--"] + program, cache)
        out["no cache" + name] = (record + ["--"] + program, {"DEARTH_SYMBOL_CACHE": "off"})
        out["--no-symbols" + name] = (record + ["--no-symbols", "--"] + program, cache)
    if shutil.which("heaptrack"):
        out["heaptrack --raw"] = (["heaptrack", "--raw", "-o", os.path.join(data, "h")] + program, {})
    return {name: way for name, way in out.items() if not options.ways or name.replace(" (other)", "") in options.ways}


def measure(program, work):
    """Name of a way -> list of (wall, processor) seconds."""
    all_ways = ways(program, work)
    seen = {name: [] for name in all_ways}
    for round_ in range(options.rounds + 1):
        for name in sorted(all_ways, reverse=round_ % 2 == 1):
            command, more = all_ways[name]
            took = run(command, {**os.environ, "LC_ALL": "C.UTF-8", **more}, os.path.join(work, "data"))
            if round_ and took:
                seen[name].append(took)
    return seen


def put_rows(name, seen):
    """Lines of the table."""
    for way, took in seen.items():
        if not took:
            continue
        wall, processor = (statistics.median(t[i] for t in took) * 1e3 for i in (0, 1))
        other = seen.get(way + " (other)")
        ratio = f"{statistics.median(a[1] / b[1] for a, b in zip(took, other)):.2f}" if other else ""
        print(f"| {name} | {way} | {wall:.1f} | {processor:.1f} | {ratio} |", flush=True)


def main():
    os.environ.pop("LD_PRELOAD", None)
    os.environ.pop("DEARTH_SYMBOL_CACHE", None)
    with open("/proc/loadavg", encoding="ascii") as load:
        print(f"Medians of {options.rounds} rounds, {os.cpu_count()} processors, load {load.read().split()[0]} at the start.\n")
    print("| program | way | wall, ms | processor, ms | processor, with this dearth / with the other |")
    print("| --- | --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp"), prefix="dearth-bench.") as work:
        with open(os.path.join(work, "in.xml"), "w", encoding="ascii") as xml:
            xml.write('<r><e id="1"><n>name</n></e><e id="2"/></r>\n')
        for name in options.programs or programs:
            program = [word.replace("{work}", work) for word in programs[name]]
            program[0] = shutil.which(program[0])  # heaptrack wants a path
            if program[0]:
                put_rows(name, measure(program, work))


main()
