# SPDX-License-Identifier: Apache-2.0
"""report_db.py SOURCE FILE: make FILE from schemas/store.sql and tests/data/report.sql."""
import re
import sqlite3
import sys

source, path = sys.argv[1:]


def read(name):
    with open(f"{source}/{name}", encoding="utf-8") as file:
        return file.read()


header = read("schemas/store_id.h")
version = re.search(r"#define STORE_VERSION\s+(\w+)", header).group(1)
application = re.search(r"#define STORE_APPLICATION_ID\s+(\w+)", header).group(1)
db = sqlite3.connect(path)
db.executescript(read("schemas/store.sql"))
db.executescript(f"PRAGMA application_id = {application}; PRAGMA user_version = {version};")
db.executescript(read("tests/data/report.sql"))
db.commit()
