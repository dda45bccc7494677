#!/usr/bin/env python3
"""A server that runs for long with virtualised data (tests/soak/server.c), while everything about it changes.

  tests/soak.py [--seconds N] [--row RUNG/STORE]... [--quick] [BUILD]

Its two files are replaced by rename again and again (and written in place at times), it reloads, its forked workers look things
up, clients check every answer, and another process presses for memory: in a control group with a limit that holds both,
where this machine allows one. Rows: each rung with each store, N seconds in all (default 900). Judged are answers, lost writes, and
whether memory, descriptors or mappings grow; told are the latency of a touch, memory over time, and what was absent.
--quick: a short row of each, and mistakes built into the server, each of which must be found. Closes with "N passed, N failed, N skipped".
"""
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RUNGS, STORES = ("inthread", "thread", "protect"), ("none", "memory", "disk", "auto")
THREADS, CLIENTS, SEED = 4, 3, 20264
PATIENCE_SECONDS = 90
RELOADS_LEAST = 10
GROUPS = ("/sys/fs/cgroup/memory", "/sys/fs/cgroup")
PLAN = """lens-plan 1
lens pairs = record("%d=%d;\\n")
site "load_table" { min 64K file "*.kv" lens pairs }
site "load_blob" { min 64K file "*.bin" lens verbatim extent read }
"""


class Size:
    """What a row is made of."""
    def __init__(self, records, period_ms, sample_seconds, budget, press_mb, group_mb):
        self.records, self.period_ms, self.sample_seconds = records, period_ms, sample_seconds
        self.budget, self.press_mb, self.group_mb = budget, press_mb, group_mb


QUICK = Size(40000, 100, 0.04, "256K", 12, 96)
LONG = Size(400000, 2000, 0.5, "4M", 64, 192)


class Group:
    """A control group with a memory limit, of either version; None where there is none to be had."""
    def __init__(self, megabytes):
        self.path = None
        for top in GROUPS:
            path = os.path.join(top, f"lens-soak-{os.getpid()}")
            try:
                os.mkdir(path)
                self.path = path
                limit = next(name for name in ("memory.limit_in_bytes", "memory.max") if os.path.exists(os.path.join(path, name)))
                write(os.path.join(path, limit), str(megabytes << 20))
                return
            except (OSError, StopIteration):
                self.close()

    def enter(self):
        if self.path:
            write(os.path.join(self.path, "cgroup.procs"), str(os.getpid()))

    def close(self):
        if self.path:
            try:
                os.rmdir(self.path)
            except OSError:
                pass
        self.path = None


def write(path, text):
    with open(path, "w", encoding="ascii") as out:
        out.write(text)


# ---- looking at a process from outside


def memory_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as text:
        fields = dict(line.split(":", 1) for line in text)
    return [int(fields[name].split()[0]) for name in ("RssAnon", "RssFile", "RssShmem")]


def counters_of(pid, names):
    """The counters that `lens top` reads (docs/formats.md), or nothing."""
    folder = f"/proc/{pid}/fd"
    for fd in os.listdir(folder):
        try:
            if "lens-gauges" not in os.readlink(os.path.join(folder, fd)):
                continue
            with open(os.path.join(folder, fd), "rb") as page:
                head = page.read(144)
                count = struct.unpack_from("<I", head, 32)[0]
                values = struct.unpack(f"<{count}Q", page.read(8 * count))
                return dict(zip(names, values))
        except OSError:
            continue
    return {}


class Sample:
    def __init__(self, pid, start, names):
        self.at = time.monotonic() - start
        self.anon, self.file, self.shmem = memory_of(pid)
        self.fds = len(os.listdir(f"/proc/{pid}/fd"))
        with open(f"/proc/{pid}/maps", "rb") as maps:
            self.maps = sum(1 for _ in maps)
        counters = counters_of(pid, names)
        self.absent = counters.get("absent_pages", 0) + counters.get("mapped_now_pages", 0)
        self.proven = counters.get("resident_pages", 0)
        self.books = counters.get("metadata_bytes", 0)

    def memory(self):
        return self.anon + self.shmem


def grown(samples, of, by=statistics.median):
    """How much more the last quarter has than the second: the first is warming up. And the second's own."""
    quarter = max(1, len(samples) // 4)
    before = by([of(s) for s in samples[quarter:2 * quarter] or samples])
    return by([of(s) for s in samples[-quarter:]]) - before, before


# ---- a row


class Row:
    def __init__(self, soak, name, size, seconds, mistake=""):
        self.soak, self.name, self.size, self.seconds, self.mistake = soak, name, size, seconds, mistake
        self.samples, self.wrong, self.told, self.processes = [], [], {}, []
        self.folder = tempfile.mkdtemp(prefix="row.", dir=soak.work)
        self.said = open(os.path.join(self.folder, "said"), "w+b")
        self.group = Group(size.group_mb)

    def start(self, words, *, inside=False, prefix=()):
        process = subprocess.Popen([*prefix, self.soak.server, *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said,
                                   preexec_fn=self.group.enter if inside else None, env=self.soak.env)
        self.processes.append(process)
        process.ready = threading.Event()
        process.listener = threading.Thread(target=self.listen, args=(process, words[0]))
        process.listener.start()
        return process

    def listen(self, process, what):
        """What it says, line by line: the last value of each key counts."""
        for line in process.stdout:
            key, _, value = line.decode().strip().partition(" ")
            self.told[f"{what} {key}"] = value
            process.ready.set()
        process.ready.set()

    def end(self, process, what):
        try:
            process.stdin.close()
        except OSError:
            pass # it has ended already
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.wrong.append(f"{what} does not end: {self.soak.stacks(process.pid)}")
            process.kill()
            process.wait()
        if process.returncode:
            self.wrong.append(f"{what} ended with status {process.returncode}")
        process.listener.join()

    def run(self, prefix):
        """Starts all, watches for a while, and ends all."""
        size, folder = self.size, self.folder
        subprocess.run([self.soak.server, "make", folder, "1", str(size.records)], check=True)
        server = self.start(["serve", folder, THREADS, size.records, *([self.mistake] if self.mistake else [])], inside=True, prefix=prefix)
        server.ready.wait(PATIENCE_SECONDS)
        if "serve ready" not in self.told:
            self.wrong.append("the server did not start")
            return
        press = self.start(["press", size.press_mb, os.path.join(folder, "blob.bin")], inside=True)
        replace = self.start(["replace", folder, size.records, size.period_ms])
        ask = self.start(["ask", folder, CLIENTS, SEED, size.records])
        start = time.monotonic()
        while self.goes_on(time.monotonic() - start) and not any(p.poll() is not None for p in (server, ask, replace, press)):
            try:
                self.samples.append(Sample(server.pid, start, self.soak.names))
            except (OSError, KeyError):
                break
            time.sleep(size.sample_seconds)
        for process, what in ((ask, "ask"), (replace, "replace"), (press, "press"), (server, "serve")):
            self.end(process, what)

    def goes_on(self, seconds):
        """On a machine with other work the time may not be enough to tell anything."""
        return seconds < self.seconds or (seconds < self.seconds + PATIENCE_SECONDS and self.number("serve reloads") < RELOADS_LEAST)

    def number(self, what):
        return int(self.told.get(what, "0"))

    def judge(self, lensed):
        memory, memory_before = grown(self.samples, Sample.memory)
        # The least of each quarter: loading takes some of both for a moment.
        self.growth = [memory, *(grown(self.samples, lambda s, n=name: getattr(s, n), min)[0] for name in ("fds", "maps"))]
        maps_before = grown(self.samples, lambda s: s.maps, min)[1]
        if memory > max(4096, memory_before / 10):
            self.wrong.append(f"memory grew by {memory:.0f} kB from {memory_before:.0f}")
        if self.growth[1] > 3:
            self.wrong.append(f"descriptors grew by {self.growth[1]:.0f}")
        if self.growth[2] > max(60, maps_before / 3):
            self.wrong.append(f"mappings grew by {self.growth[2]:.0f} from {maps_before:.0f}")
        for what in ("serve wrongs", "ask wrongs"):
            if self.told.get(what) != "0":
                self.wrong.append(f"{what}: {self.told.get(what)}")
        for what in ("serve touches", "serve reloads", "serve workers", "ask answers"):
            if self.number(what) < 3:
                self.wrong.append(f"nothing much happened: {what} {self.number(what)}")
        if lensed and not max((s.absent for s in self.samples), default=0):
            self.wrong.append("nothing was ever absent")

    def absent_share(self):
        pages = (self.size.records * (8 + 16)) >> 12
        return statistics.median(s.absent for s in self.samples) / pages if self.samples else 0

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.listener.join()
            process.stdin.close()
            process.stdout.close()
        self.group.close()
        self.said.seek(0)
        said = self.said.read().decode(errors="replace")
        self.said.close()
        if not self.soak.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        return said


class Soak:
    def __init__(self, build, keep=False):
        self.build, self.keep = os.path.abspath(build), keep
        self.server = os.path.join(self.build, "tests/soak/server")
        self.work = tempfile.mkdtemp(prefix="lens-soak.")
        self.plan = os.path.join(self.work, "plan")
        write(self.plan, PLAN)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("LENS_") and k != "LD_PRELOAD"}
        with open(os.path.join(TOP, "liblens/base/stats.h"), encoding="utf-8") as text:
            self.names = [line.split("(", 1)[1].split(",", 1)[0] for line in text if line.startswith("    X(")]
        self.passed = self.failed = self.skipped = 0
        self.total = {}

    def stacks(self, pid):
        done = subprocess.run(["gdb", "-batch", "-ex", "thread apply all bt 12", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=60)
        return done.stdout[-6000:]

    def row(self, rung, store, size, seconds, options=()):
        row = Row(self, f"{rung}, store {store}", size, seconds)
        prefix = [os.path.join(self.build, "lens"), "run", "--plan", self.plan, "--fault", rung, "--store", store, "--store-dir", os.path.join(row.folder, "store"),
                  "--store-limit", "256M", "--budget", size.budget, *options, "--"]
        row.run(prefix)
        row.judge(True)
        said = row.close()
        if "passing through" in said:
            self.skipped += 1
            print(f"skip - {row.name}: {next(line for line in said.splitlines() if 'passing through' in line)}", flush=True)
            return
        self.report(row, said)

    def mistake(self, name, seconds, expected):
        row = Row(self, f"the mistake {name} is found", QUICK, seconds, name)
        row.run([])
        row.judge(False)
        said = row.close()
        found = any(expected in w for w in row.wrong)
        self.verdict(found, row.name, "" if found else f"only: {row.wrong} {said[-300:]}")

    def verdict(self, good, name, why):
        self.passed, self.failed = self.passed + good, self.failed + (not good)
        print(f"{'ok' if good else 'not ok'} - {name}{': ' if why else ''}{why}", flush=True)

    def report(self, row, said):
        us = lambda key: f"{row.number('serve ' + key) / 1000:.1f}"
        last = row.samples[-1] if row.samples else None
        facts = (f"{row.number('ask answers')} answers, {row.number('serve reloads')} reloads, {row.number('serve workers')} workers; touch "
                 f"p50 {us('p50_ns')} p99 {us('p99_ns')} p99.9 {us('p999_ns')} max {us('max_ns')} us; memory {row.growth[0]:+.0f} kB, "
                 f"descriptors {row.growth[1]:+.0f}, mappings {row.growth[2]:+.0f}; {row.absent_share() * 100:.0f} % absent")
        self.verdict(not row.wrong, row.name, facts if not row.wrong else "; ".join(row.wrong) + "; " + facts)
        if row.wrong:
            print("".join(f"    {line}\n" for line in said.splitlines()[-20:]), end="", flush=True)
        elif last and row.seconds > 20:
            self.story(row)
        for key in ("ask answers", "serve touches", "serve reloads", "serve workers"):
            self.total[key] = self.total.get(key, 0) + row.number(key)

    def story(self, row):
        """How it went over time, and the histogram."""
        print("    at    RssAnon RssFile RssShmem  fds  maps  absent proven pages")
        for i in range(8):
            s = row.samples[min(len(row.samples) - 1, i * len(row.samples) // 7)]
            print(f"    {s.at:5.0f} {s.anon:8} {s.file:7} {s.shmem:8} {s.fds:4} {s.maps:5} {s.absent:7} {s.proven:6}")
        print(f"    touches: {row.told.get('serve histogram', '')} (ns)", flush=True)


def main():
    seconds, rows, quick, keep, build = 900.0, [], False, False, os.path.join(TOP, "build")
    rest = iter(sys.argv[1:])
    for word in rest:
        if word == "--seconds":
            seconds = float(next(rest, "900"))
        elif word == "--row":
            rows.append(tuple(next(rest, "inthread/none").split("/")))
        elif word == "--quick":
            quick = True
        elif word == "--keep":
            keep = True
        elif os.path.exists(os.path.join(word, "lens")):
            build = word
        else:
            sys.exit(__doc__)
    soak = Soak(build, keep)
    try:
        if quick:
            mistakes = [("wrong", "wrongs"), ("lost", "wrongs"), ("leak-fd", "descriptors grew"), ("leak-map", "mappings grew"), ("leak-memory", "memory grew")]
            for name, expected in mistakes:
                soak.mistake(name, 0.5, expected)
        rows = rows or [(rung, store) for rung in RUNGS for store in STORES if not (quick and store == "auto")]
        for rung, store in rows:
            soak.row(rung, store, QUICK if quick else LONG, 1 if quick else seconds / len(rows))
        print(f"{soak.total.get('serve touches', 0)} touches, {soak.total.get('ask answers', 0)} answers, {soak.total.get('serve reloads', 0)} reloads, "
              f"{soak.total.get('serve workers', 0)} workers")
    finally:
        if not keep:
            shutil.rmtree(soak.work, ignore_errors=True)
    print(f"{soak.passed} passed, {soak.failed} failed, {soak.skipped} skipped")
    return 1 if soak.failed else 0


if __name__ == "__main__":
    sys.exit(main())
