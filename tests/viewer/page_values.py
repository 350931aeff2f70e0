# SPDX-License-Identifier: Apache-2.0
"""The values of a page, unpacked as viewer/page/page_columns.h says; beside the page's own reader.
page_values.py FILE prints the head."""
import base64
import json
import re
import sys
import zlib


def read(path):
    """-> head, columns: {name: list of numbers, or bytes}"""
    with open(path, encoding="utf-8") as file:
        page = file.read()
    packed = re.search(r'id="data">([^<]*)</script>', page).group(1)
    values = zlib.decompress(base64.b64decode(packed, validate=True))
    at = 0

    def varint():
        nonlocal at
        n = shift = 0
        while True:
            byte = values[at]
            at += 1
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return n

    n = varint()
    head = json.loads(values[at:at + n])
    at += n
    columns = {}
    for name, n, kind in head["columns"]:
        assert name not in columns, name
        if kind == 2:
            columns[name] = values[at:at + n]
            at += n
        else:
            numbers = [varint() for _ in range(n)]
            columns[name] = [n >> 1 ^ -(n & 1) for n in numbers] if kind == 1 else numbers
    assert at == len(values), "bytes are left"
    return head, columns


def nodes(columns):
    """-> [None, (parent, frame), ...]"""
    return [None] + [(i - back if back else 0, frame) for i, (back, frame)
                     in enumerate(zip(columns["node.back"], columns["node.frame"]), 1)]


def memory(head, columns, index):
    """Rows of the recording at @index: dicts, with `cells`: [(bin, live, bytes, count), ...]."""
    info = head["memory"][index]
    names = [name.split(".")[1] for name in columns if name.startswith(f"{index}.")]
    rows, process, site, at = [], 0, 0, 0
    for i in range(len(columns[f"{index}.site"])):
        row = {name: columns[f"{index}.{name}"][i] for name in names if not name.startswith("cell") and name not in ("high", "low")}
        process += row["process"]
        site += row["site"]
        row["process"], row["site"] = process - 1, site - 1
        row["cells"], bin_at = [], 0
        for _ in range(columns[f"{index}.cells"][i] if info["timed"] else 0):
            bin_at += columns[f"{index}.cell_bin"][at]
            row["cells"].append((bin_at,) + tuple(columns[f"{index}.cell_{name}"][at] for name in ("live", "bytes", "count")))
            at += 1
        rows.append(row)
    return rows


if __name__ == "__main__":
    json.dump(read(sys.argv[1])[0], sys.stdout, separators=(",", ":"), ensure_ascii=False)
