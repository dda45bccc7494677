#!/usr/bin/env python3
"""Which layer of liblens/ may know which (docs/ARCHITECTURE.md): held against what files include and what objects call.

    tests/layers.py BUILD            prints each line or name that goes the wrong way; nothing if all is well
    tests/layers.py BUILD --circles  prints the families of files that call each other in a circle, the largest first
"""
import glob
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MAY = {
    "base": [],
    "plan": ["base"],
    "view": ["base", "plan"],
    "store": ["base", "plan", "view"],
    "memory": ["base", "plan"],
    "source": ["base", "plan", "view", "store", "memory"],
    "engine": ["base", "plan", "view", "store", "memory", "source"],
    "watch": ["base", "plan", "view", "store", "memory", "source", "engine"],
    "testing": ["base"],
}
CIRCLE_MOST = 2  # files


def wrong_includes():
    for layer, below in MAY.items():
        for path in sorted(glob.glob(os.path.join(TOP, "liblens", layer, "*.[ch]"))):
            with open(path, encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    found = re.match(r'#include "liblens/(?:([a-z]+)/)?[a-z_]+\.h"', line)
                    if found and found.group(1) and found.group(1) not in [layer, *below]:
                        yield f"{os.path.relpath(path, TOP)}:{number}: {layer}/ includes {found.group(1)}/"


def calls(build):
    """For each object of liblens the objects whose names it uses: {(layer, file): {(layer, file): [name]}}"""
    defined, wanted = {}, {}
    root = os.path.join(build, "obj", "liblens")
    for path in sorted(glob.glob(os.path.join(root, "*", "*.o"))):
        layer, name = os.path.relpath(path, root).split(os.sep)
        me = layer, name[:-2]
        wanted[me] = []
        for line in subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.splitlines():
            kind, symbol = line.split()[-2:]
            if kind == "U":
                wanted[me].append(symbol)
            elif kind in "TDBRVWC":
                defined[symbol] = me
    graph = {me: {} for me in wanted}
    for me, symbols in wanted.items():
        for symbol in symbols:
            if defined.get(symbol, me) != me:
                graph[me].setdefault(defined[symbol], []).append(symbol)
    return graph


def wrong_calls(graph):
    for (layer, name), others in sorted(graph.items()):
        for (other_layer, other), symbols in sorted(others.items()):
            if other_layer not in [layer, *MAY.get(layer, [])]:
                yield f"{layer}/{name} calls {other_layer}/{other}: {' '.join(sorted(symbols))}"


def circles(graph):
    reach = {}
    for start in graph:
        seen, ahead = set(), [start]
        while ahead:
            for other in graph[ahead.pop()]:
                if other not in seen:
                    seen.add(other)
                    ahead.append(other)
        reach[start] = seen
    families = {frozenset(b for b in reach[a] if a in reach[b]) for a in graph if a in reach[a]}
    return sorted(families, key=len, reverse=True)


def main():
    graph = calls(sys.argv[1] if len(sys.argv) > 1 else "build")
    families = circles(graph)
    if "--circles" in sys.argv:
        for family in families:
            print(len(family), " ".join(sorted("/".join(file) for file in family)))
        return
    for line in [*wrong_includes(), *wrong_calls(graph)]:
        print(line)
    for family in families:
        if len(family) > CIRCLE_MOST:
            print(f"{len(family)} files call each other in a circle: " + " ".join(sorted("/".join(file) for file in family)))
    if not graph:
        print("there are no objects to look at")


main()
