#!/usr/bin/env python3
"""The gauges of a process: what is counted for each site adds up to what is counted for all (docs/formats.md).
   top_gauges.py PROCESS STATS_H"""
import os
import re
import struct
import sys
import time


def counters(header, which):
    body = re.search(r"#define %s\(X\)((?:.*\\\n)*.*)" % which, header).group(1)
    return re.findall(r"X\((\w+),", body)


def read(pid):
    folder = f"/proc/{pid}/fd"
    for entry in os.listdir(folder):
        if os.readlink(f"{folder}/{entry}").startswith("/memfd:lens-gauges"):
            with open(f"{folder}/{entry}", "rb") as file:
                return file.read()
    sys.exit("no gauges")


def look(pid, names, site_names):
    data = read(pid)
    count, sites = struct.unpack_from("<II", data, 32)
    if count != len(names):
        sys.exit(f"{count} counters, the header lists {len(names)}")
    whole = dict(zip(names, struct.unpack_from(f"<{count}Q", data, 144)))
    sums = dict.fromkeys(site_names, 0)
    for i in range(sites):
        at = 144 + 8 * count + i * (48 + 8 * len(site_names)) + 48
        for name, value in zip(site_names, struct.unpack_from(f"<{len(site_names)}Q", data, at)):
            sums[name] += value
    sums["blocks_bytes"] = sums.pop("bytes")
    return {name: (value, whole[name]) for name, value in sums.items() if value != whole[name]}, whole


pid = int(sys.argv[1])
with open(sys.argv[2]) as file:
    text = file.read()
deadline = time.monotonic() + 30
while True:  # one look is not of one moment while the prover works
    apart, whole = look(pid, counters(text, "LENSI_STATS"), counters(text, "LENSI_SITE_STATS"))
    if not apart:
        break
    if time.monotonic() > deadline:
        sys.exit(f"sites and whole differ: {apart}")
    time.sleep(0.1)
if not whole["faults"] or not whole["absent_pages"]:
    sys.exit(f"nothing was counted: {whole}")
