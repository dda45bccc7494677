#!/usr/bin/env python3
"""Everything that attacks the promises (docs/promises.md), at full size, and one table of what was tried and what came of it.

  tests/nightly.py [--minutes N] [--only PART,...] [--seeds N] [--markdown FILE] [BUILD]

Parts, in their order: catalogue seccomp model differential inject fuzz writer soak chaos. --minutes (240) is shared out among those that go on for as
long as they are let: differential and soak get a fifth each, the fuzz targets a fifth together. chaos takes what its seeds (3 for each rung) take.
What each part says goes to BUILD/nightly/PART.log. The table is printed after each part anew, so that a night that is cut short leaves one. Exit
status: 0, 1 if anything failed, 2 for wrong use.
"""
import os
import re
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def thousands(n):
    return f"{int(n):,}"


def all_of(pattern, text):
    return re.findall(pattern, text, re.M)


def total(pattern, text):
    return sum(int(n) for n in all_of(pattern, text))


def last(pattern, text, otherwise="0"):
    found = all_of(pattern, text)
    return found[-1] if found else otherwise


def tell_cases(text):
    return f"{last(r'^([0-9]+) passed', text)} cases"


def tell_chaos(text):
    packages = all_of(r"^(\w+) +([0-9]+) runs, ([0-9]+) failures; seeds(.*)$", text)
    seeds = {seed for p in packages for seed in p[3].split()}
    return f"{len(packages)} packages, {sum(int(p[1]) for p in packages)} runs, {len(seeds)} seeds"


def tell_inject(text):
    right, stopped = last(r"the output was right ([0-9]+) times", text), last(r"with the reason ([0-9]+) times", text)
    points = last(r"^([0-9]+) points of [0-9]+ were passed", text)
    return f"{thousands(total(r'([0-9]+) failures tried', text))} failures at {points} points: output right {thousands(right)}, stopped with the reason {thousands(stopped)}"


def tell_model(text):
    return f"{thousands(last(r'nothing is lost in ([0-9]+) states', text))} states; nine mistakes, built in, are found"


def tell_differential(text):
    return f"{thousands(last(r'^([0-9]+) passed', text))} random files, each lens against a slow one"


def tell_fuzz(text):
    return f"{thousands(total(r'Done ([0-9]+) runs', text))} executions of {len(all_of(r'^ok .* - fuzz_', text))} targets, under sanitizers"


def tell_soak(text):
    rows = all_of(r"^ok - .*touch p50 ([0-9.]+) p99 ([0-9.]+) p99.9 ([0-9.]+) max ([0-9.]+) us; memory ([+-][0-9]+) kB", text)
    touches, answers, reloads, workers = (all_of(r"^([0-9]+) touches, ([0-9]+) answers, ([0-9]+) reloads, ([0-9]+) workers", text) or [("0",) * 4])[-1]
    words = f"{thousands(touches)} touches, {thousands(answers)} answers checked, {thousands(reloads)} reloads, {thousands(workers)} forks"
    if rows:
        def middle(column):
            return sorted(float(r[column]) for r in rows)[len(rows) // 2]
        words += (f"; touch (median of {len(rows)} rows) p50 {middle(0)}, p99 {middle(1)}, p99.9 {middle(2)} µs, longest of all {max(float(r[3]) for r in rows) / 1000:.0f} ms; "
                  f"memory {min(int(r[4]) for r in rows):+} to {max(int(r[4]) for r in rows):+} kB")
    return words


def tell_writer(text):
    """The rows of bench/run: what was asked, and the seconds that a writer waited."""
    rows = all_of(r"^\| ([^|]*[a-z][^|]*) \|[^\n]*?([0-9.]+) s", text)
    return "1 GB opened for writing: " + (", ".join(f"{name.strip()} {seconds} s" for name, seconds in rows) if rows else "see the log")


class Night:
    def __init__(self, build, minutes, seeds):
        self.build, self.logs = build, os.path.join(build, "nightly")
        share = max(int(minutes * 60 / 5), 10)
        targets = [n for n in os.listdir(os.path.join(build, "fuzz")) if re.fullmatch(r"fuzz_\w+", n)] if os.path.isdir(os.path.join(build, "fuzz")) else []
        self.parts = {  # name: what it is called, command, what is told of its output
            "catalogue": ("programs that break what is preloaded, each rung", ["tests/catalogue.sh", build], tell_cases),
            "seccomp": ("system calls refused, or ending who makes them", ["tests/seccomp.sh", build], tell_cases),
            "model": ("states of a page, explored", ["tests/model.sh", build], tell_model),
            "differential": ("lenses by other eyes", ["tests/differential.sh", build, "--seconds", str(share)], tell_differential),
            "inject": ("failures injected", ["tests/inject.py", "--all", build], tell_inject),
            "fuzz": ("fuzzing", ["tests/fuzz.sh", build, str(max(share // max(len(targets), 1), 5))], tell_fuzz),
            "writer": ("dependents made real", ["bench/run", "--markdown", build, "writer"], tell_writer),
            "soak": ("a server that runs for long", ["tests/soak.py", "--seconds", str(share), build], tell_soak),
            "chaos": ("real packages under chaos", ["tests/chaos.sh", build, "full", "--seeds", str(seeds)], tell_chaos),
        }
        self.rows = []

    def run(self, name):
        title, command, tell = self.parts[name]
        log = os.path.join(self.logs, name + ".log")
        began = time.monotonic()
        with open(log, "w", encoding="utf-8") as out:
            status = subprocess.run(command, cwd=TOP, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
        with open(log, encoding="utf-8", errors="replace") as said:
            text = said.read()
        failed = int(last(r"^[0-9]+ passed, ([0-9]+) failed", text, "0"))
        self.rows.append((title, tell(text), failed if failed or status == 0 else f"status {status}", (time.monotonic() - began) / 60))
        return status == 0 and not failed

    def table(self):
        lines = ["| what | tried | failed | minutes |", "|---|---|---:|---:|"]
        return "\n".join(lines + [f"| {title} | {tried} | {failed} | {minutes:.1f} |" for title, tried, failed, minutes in self.rows])


def options(words):
    chosen = {"minutes": "240", "seeds": "3", "only": "", "markdown": ""}
    build, rest = os.path.join(TOP, "build"), iter(words)
    for word in rest:
        if word in ("-h", "--help"):
            print(__doc__)
            sys.exit(0)
        if word.startswith("--") and word[2:] in chosen:
            chosen[word[2:]] = next(rest, None)
            if chosen[word[2:]] is None:
                sys.exit(usage(f"{word} needs a value"))
        elif os.path.exists(os.path.join(word, "lens")):
            build = os.path.abspath(word)
        else:
            sys.exit(usage(f"{word} is neither an option nor a folder with a lens in it"))
    for key in ("minutes", "seeds"):
        if not re.fullmatch(r"[0-9]+", chosen[key]) or int(chosen[key]) == 0:
            sys.exit(usage(f"--{key} takes a whole number above zero, not {chosen[key]}"))
    return build, chosen


def usage(why):
    print(f"nightly.py: {why}; see tests/nightly.py --help", file=sys.stderr)
    return 2


def main():
    build, chosen = options(sys.argv[1:])
    night = Night(build, int(chosen["minutes"]), int(chosen["seeds"]))
    names = chosen["only"].split(",") if chosen["only"] else list(night.parts)
    for name in names:
        if name not in night.parts:
            return usage(f"{name} is no part: {' '.join(night.parts)}")
    os.makedirs(night.logs, exist_ok=True)
    good = True
    for name in names:
        good &= night.run(name)
        print(f"{night.table()}\n", flush=True)
        if chosen["markdown"]:
            with open(chosen["markdown"], "w", encoding="utf-8") as out:
                out.write(night.table() + "\n")
    print(f"logs: {night.logs}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
