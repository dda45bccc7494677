#!/usr/bin/env python3
"""Every lens against a slow one of its own (slow_*.py), on random files with random arguments.

  tests/differential/differential.py BUILD [--seconds N] [--seed SEED [--count N]] [--only LENS,...] [--verbose]

Without --seed: fixed seeds, then a fresh one until the time (12 s) is over. build/tests/tools/make_view makes each view in many ways and
says when they differ; what it makes must be what the slow lens makes. A failure prints the command that repeats it.
Closes with "N passed, N failed, N skipped".
"""
import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
from cases import KINDS  # noqa: E402
from slow_numbers import pandas  # noqa: E402

FIXED_SEEDS = range(1, 5)
CASES_OF_A_SEED = 40   # of each lens
CASES_OF_A_MAKER = 400  # its parser's memory is never given back


class Maker:
    """make_view, started anew now and then."""

    def __init__(self, path):
        self.path, self.process, self.left = path, None, 0

    def ask(self, request):
        """The first line of the answer, and the bytes of the view."""
        if self.left == 0:
            self.close()
            self.process, self.left = subprocess.Popen([self.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE), CASES_OF_A_MAKER
        self.left -= 1
        self.process.stdin.write(request.encode("latin-1") + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline().decode("latin-1").rstrip("\n")
        if not line:
            self.left = 0
            return "make_view ended with %d" % self.process.wait(), b""
        return line, self.process.stdout.read(int(line[5:])) if line.startswith("view ") else b""

    def close(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()


def wrong(case, answer, got):
    """What is wrong with the answer, or None."""
    if case.may_refuse and answer == "error 84":
        return None
    if case.view is None:
        return None if answer == "error 84" else "answered '%s' (%d bytes), not that the file is refused" % (answer, len(got))
    if not answer.startswith("view "):
        return answer
    wanted = case.view[:case.room]
    if len(wanted) - case.slack <= len(got) <= len(wanted) and wanted.startswith(got):
        return None
    at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), min(len(got), len(wanted)))
    return "%d bytes instead of %d, the first other one at %d: %s instead of %s" % (len(got), len(wanted), at, got[at:at + 16].hex(),
                                                                                     wanted[at:at + 16].hex())


def run(maker, folder, name, seed, number, verbose):
    path = os.path.join(folder, "file")
    r = random.Random("%s %d %d" % (name, seed, number))
    case = KINDS[name](r, path)
    with open(path, "wb") as file:
        file.write(case.data)
    answer, got = maker.ask("%d %d %s %s" % (r.getrandbits(60), case.room, path, case.expression))
    what = wrong(case, answer, got)
    if what or verbose:
        print("%s - %s, seed %d, case %d: %s" % ("not ok" if what else "ok", name, seed, number, case.expression))
        print("    file: %r" % (case.data if len(case.data) < 1500 else case.data[:1500] + b"..."))
    if what:
        print("    %s\n    again: tests/differential/differential.py BUILD --only %s --seed %d --case %d" % (what, name, seed, number), flush=True)
    return not what


def main():
    options = argparse.ArgumentParser(usage=__doc__)
    options.add_argument("build", nargs="?", default="build")
    options.add_argument("--seconds", type=float, default=12)
    options.add_argument("--seed", type=int)
    options.add_argument("--case", type=int)
    options.add_argument("--only", default=",".join(KINDS))
    options.add_argument("--most-failures", type=int, default=20)
    options.add_argument("--verbose", action="store_true")
    given = options.parse_args()
    names = given.only.split(",")
    maker, folder = Maker(os.path.join(given.build, "tests/tools/make_view")), tempfile.mkdtemp(prefix="lens-differential-")
    counts, failed, end = dict.fromkeys(names, 0), 0, time.monotonic() + given.seconds

    def seed_of_all(seed):
        nonlocal failed
        for name in names:
            for number in range(CASES_OF_A_SEED) if given.case is None else [given.case]:
                counts[name] += 1
                failed += not run(maker, folder, name, seed, number, given.verbose)

    if not pandas.pandas:
        print("skip - numbers as pandas reads them: this python has no pandas")
    for seed in FIXED_SEEDS if given.seed is None else [given.seed]:
        seed_of_all(seed)
    if given.seed is None:
        fresh = random.SystemRandom().getrandbits(48) // 1000 * 1000
        print("fresh seeds from %d on" % fresh, flush=True)
        while time.monotonic() < end and failed < given.most_failures:
            seed_of_all(fresh)
            fresh += 1
    maker.close()
    shutil.rmtree(folder)
    print(", ".join("%s %d" % item for item in counts.items()))
    print("%d passed, %d failed, %d skipped" % (sum(counts.values()) - failed, failed, not pandas.pandas))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
