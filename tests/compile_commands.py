#!/usr/bin/env python3
"""Prints compile_commands.json for editors and clang tools, from what make would do. Usage: compile_commands.py BUILD"""
import json
import os
import re
import shlex
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
done = subprocess.run(["make", "-n", "-B", "-C", TOP, f"BUILD={sys.argv[1] if len(sys.argv) > 1 else 'build'}", "V=1", "all"],
                      capture_output=True, text=True, check=True)
entries = []
for line in done.stdout.splitlines():
    source = re.search(r" -c -o \S+ (\S+\.(?:c|cpp))$", line)
    if source:
        entries.append({"directory": TOP, "file": source.group(1), "arguments": shlex.split(line)})
json.dump(entries, sys.stdout, indent=1)
print()
