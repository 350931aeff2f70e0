#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What does recording cost a server under load? Redis, with what redis-benchmark asks of it: set, get, lpush and lrange.

    tests/bench/server.py DEARTH [--rounds N] [--requests N] >table.md

One round runs every way once, one after the other, every second round in the other order: the server alone, recorded
with --detail=sites, with every event, as a sample of 512 KiB (all three without names), and under heaptrack --raw. The
load is the same number of requests each time, one by one and in batches of 16. Medians of N (7) rounds after one that is
not counted: processor time of the server and of what records it, in microseconds for a request, and requests a second; the
ratio is the median of those of each round. Data lie below $TMPDIR, or /var/tmp. No test: nothing fails when it is slow.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
arguments.add_argument("dearth")
arguments.add_argument("--rounds", type=int, default=7)
arguments.add_argument("--requests", type=int, default=60000)
options = arguments.parse_args()
KINDS = "set,get,lpush,lrange_100"
N_KINDS = 5  # lrange fills a list first
LOADS = {"one by one": [], "16 at once": ["-P", "16"]}


def ways(work):
    """Name of a way -> what stands before the server's command."""
    record = [os.path.abspath(options.dearth), "record", "-q", "--no-symbols", "-o", os.path.join(work, "d.db")]
    out = {
        "alone": [],
        "--detail=sites": record + ["--detail=sites", "--"],
        "every event": record + ["--"],
        "--sample 512K": record + ["--sample", "512K", "--"],
    }
    if shutil.which("heaptrack"):
        out["heaptrack --raw"] = ["heaptrack", "--raw", "-o", os.path.join(work, "h")]
    return out


def run(before, load, work):
    """Return: seconds of processor time of the server and what records it, and of wall under load."""
    folder = os.path.join(work, "data")
    shutil.rmtree(folder, ignore_errors=True)
    for name in os.listdir(work):
        os.remove(os.path.join(work, name))
    os.mkdir(folder)
    socket = os.path.join(folder, "s")
    server = [shutil.which("redis-server"), "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder]
    quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
    command = before + server
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=quiet)
    until = time.monotonic() + 60
    while not os.path.exists(socket) and time.monotonic() < until:
        time.sleep(0.01)
    client = ["redis-benchmark", "-s", socket, "-n", str(options.requests), "-r", "10000", "-d", "100", "-t", KINDS, "-q"]
    begun = time.perf_counter()
    subprocess.run(client + LOADS[load], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - begun
    subprocess.run(["redis-cli", "-s", socket, "shutdown", "nosave"], check=True, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(pid, 0)
    if status:
        sys.exit(f"status {os.waitstatus_to_exitcode(status)}: {' '.join(command)}")
    return used.ru_utime + used.ru_stime, wall


def measure(load, work):
    """Print the lines of a load."""
    all_ways = ways(work)
    seen = {name: [] for name in all_ways}
    for round_ in range(options.rounds + 1):
        for name in sorted(all_ways, reverse=round_ % 2 == 1):
            took = run(all_ways[name], load, work)
            if round_:
                seen[name].append(took)
    n = options.requests * N_KINDS
    for name, took in seen.items():
        processor, wall = (statistics.median(t[i] for t in took) for i in (0, 1))
        ratio = statistics.median(a[0] / b[0] for a, b in zip(took, seen["alone"]))
        print(f"| {load} | {name} | {processor / n * 1e6:.2f} | {ratio:.2f} | {n / wall:.0f} |", flush=True)


def main():
    os.environ.pop("LD_PRELOAD", None)
    with open("/proc/loadavg", encoding="ascii") as load:
        print(f"Medians of {options.rounds} rounds, {os.cpu_count()} processors, load {load.read().split()[0]} at the start.\n")
    print("| requests | way | processor, us each | to alone | requests a second |")
    print("| --- | --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp"), prefix="dearth-bench.") as work:
        for load in LOADS:
            measure(load, work)


main()
