#!/usr/bin/env python3
"""Fails each kernel call and each allocation of lens in turn, and looks what becomes of the program.

  tests/inject.py [--all] [--scenario NAME]... [--one POINT:N[+]:WHAT] [BUILD]

A first run of each scenario lists how often each point is passed (LENS_INJECT=list:FILE, docs/inject.md). Then runs follow in
which one of them fails: the output must be right, or the program stopped with exit status 121 and a line that says why; no
hang (a stack dump is shown), no file left over, no view that does not verify. Without --all: one or two times of each
point, with one error each. Closes with "N passed, N failed, N skipped".
"""
import concurrent.futures
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

LIMIT_SECONDS = 45
ERRORS = {
    "memory": ["ENOMEM"], "clock": ["jump=3600", "jump=1000000000"], "mmap": ["ENOMEM", "EAGAIN"], "munmap": ["ENOMEM"], "mprotect": ["ENOMEM"],
    "madvise": ["EAGAIN", "ENOMEM"], "mincore": ["EAGAIN"], "mremap": ["ENOMEM"], "openat": ["EMFILE", "ENOENT", "EACCES", "EINTR"],
    "close": ["EIO", "EINTR"], "read": ["EIO", "EINTR", "short"], "write": ["EIO", "EAGAIN", "EINTR", "short"],
    "pread64": ["EIO", "EINTR", "short"], "pwrite64": ["ENOSPC", "EIO", "EINTR", "short"], "fstat": ["EIO"], "newfstatat": ["EACCES"],
    "fstatfs": ["EIO"], "ftruncate": ["EIO", "ENOSPC"], "fallocate": ["ENOSPC", "EOPNOTSUPP", "EINTR", "EIO"], "fdatasync": ["EIO"],
    "sync_file_range": ["EIO"], "fchmod": ["EPERM"], "linkat": ["EEXIST", "EIO", "ENOSPC"], "renameat": ["EIO"], "unlinkat": ["EIO"],
    "mkdirat": ["EACCES", "ENOSPC"], "readlinkat": ["EACCES"], "faccessat": ["EACCES"], "getdents64": ["EIO"], "utimensat": ["EROFS"],
    "copy_file_range": ["EXDEV", "EIO", "ENOSPC", "EINTR", "short"], "memfd_create": ["EMFILE"], "fcntl": ["EMFILE", "EAGAIN", "EINVAL"],
    "dup3": ["EMFILE"], "ioctl": ["ENOMEM", "EAGAIN"], "userfaultfd": ["EPERM", "EMFILE"], "pipe2": ["EMFILE"], "ppoll": ["EINTR"],
    "prlimit64": ["EPERM"], "futex": ["EINTR", "EAGAIN"], "rt_sigaction": ["EINVAL"], "rt_sigtimedwait": ["EINTR"],
    "process_vm_readv": ["EPERM", "ENOMEM"], "prctl": ["EINVAL"], "perf_event_open": ["EACCES", "EMFILE"],
}
# Errors that go on for ever only where the kernel would do that, too.
# Points that no scenario passes, and why.
UNREACHED = {"dup3": "only a fork's child makes it, and failures are made in its parent"}
# What a view is replaced by.
REPLACING = ("linkat", "renameat", "unlinkat", "fdatasync", "ftruncate", "openat")
FOR_EVER = {"ENOMEM", "EIO", "ENOSPC", "EMFILE", "EACCES", "EPERM", "EROFS", "EXDEV"}


class Scenario:
    def __init__(self, name, options, program, data="kv", writer=False, keep_store=False, damage=False, recorded=False, passes=None):
        self.name, self.options, self.program, self.data = name, options, program, data
        self.writer, self.keep_store, self.damage, self.recorded = writer, keep_store, damage, recorded
        self.passes = passes  # the point that tells that it did what it is for: on a busy machine not each run does


SCENARIOS = [
    Scenario("faults", ["--store", "none"], ["examples/kv", "-p", "2", "DATA"]),
    Scenario("thread", ["--store", "none", "--fault", "thread"], ["examples/kv", "-p", "2", "DATA"]),
    Scenario("protect", ["--store", "none", "--fault", "protect"], ["examples/kv", "-p", "2", "DATA"]),
    Scenario("store", ["--store", "disk"], ["examples/kv", "-p", "20", "DATA"], data="more"), # long enough for a view to be published
    Scenario("stored", ["--store", "disk"], ["examples/kv", "-p", "2", "DATA"], data="more", keep_store=True),
    Scenario("damaged", ["--store", "disk"], ["examples/kv", "-p", "20", "DATA"], data="more", keep_store=True, damage=True),
    Scenario("fork", ["--store", "none"], ["examples/kv_fork", "-w", "2", "DATA"]),
    Scenario("fork_protect", ["--store", "none", "--fault", "protect"], ["examples/kv_fork", "-w", "2", "DATA"]),
    Scenario("copy", ["--store", "auto"], ["tests/support/direct", "run", "DATA", "STOP", "idle"], data="bytes", writer=True),
    Scenario("change", ["--store", "none"], ["tests/support/direct", "run", "DATA", "STOP", "truncate"], data="bytes"),
    Scenario("direct", ["--trust-backing", "lease"], ["tests/support/direct", "run", "DATA", "STOP", "fork"], data="bytes", passes="mremap"),
    Scenario("chaos", ["--chaos", "1"], ["examples/kv_fork", "-w", "2", "DATA"]),
    Scenario("profile", [], ["examples/kv_fork", "-w", "2", "DATA"], recorded=True),
    Scenario("profile_full", ["--full"], ["examples/kv", "-p", "2", "DATA"], recorded=True),
    Scenario("profile_use", ["--full", "--use"], ["examples/kv", "-p", "2", "DATA"], data="more", recorded=True),
]


class Driver:
    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.top = tempfile.mkdtemp(prefix="lens-inject.")
        self.made = {"kv": os.path.join(self.top, "pairs.kv"), "more": os.path.join(self.top, "more.kv"), "bytes": os.path.join(self.top, "data")}
        for name, pairs in (("kv", "60000"), ("more", "200000")):
            with open(self.made[name], "wb") as out:
                subprocess.run([os.path.join(self.build, "tests/gen/gen"), "kv", pairs, "1"], stdout=out, check=True)
        subprocess.run([os.path.join(self.build, "tests/support/direct"), "make", self.made["bytes"], "2"], check=True)
        self.plan = os.path.join(self.top, "plan")
        with open(self.plan, "w", encoding="ascii") as out:
            out.write('lens-plan 1\nsite "load_pairs" { min 64K file "*.kv" lens record("%d=%f;\\n") }\n'
                      'site "*" { min 1M file "data" lens verbatim extent read }\n')
        self.stop = os.path.join(self.top, "stop")
        with open(self.stop, "w", encoding="ascii"):
            pass
        self.expected, self.counts, self.full_store = {}, {}, None
        self.right = self.stopped = self.failed = 0
        self.points = set()

    # ---- one run

    def prepare(self, scenario, folder):
        """The data are the run's own: some programs change them."""
        data = os.path.join(folder, os.path.basename(self.made[scenario.data]))
        shutil.copyfile(self.made[scenario.data], data)
        if scenario.keep_store and self.full_store:  # the view is of this very file
            data = self.full_store[0]
            shutil.copytree(self.full_store[1], os.path.join(folder, "store"))
            for view in os.listdir(os.path.join(folder, "store")) if scenario.damage else ():
                if view.endswith(".view"):
                    with open(os.path.join(folder, "store", view), "r+b") as image:
                        image.seek(40)
                        image.write(b"damage")
        return data

    def command(self, scenario, data, folder):
        words = {"DATA": data, "STOP": self.stop}
        program = [os.path.join(self.build, scenario.program[0])] + [words.get(w, w) for w in scenario.program[1:]]
        if scenario.recorded:
            return [os.path.join(self.build, "lens"), "profile", "-o", os.path.join(folder, "trace"), *scenario.options, "--", *program]
        if "--chaos" in scenario.options:
            return [os.path.join(self.build, "lens"), "run", *scenario.options, "--", *program]
        return [os.path.join(self.build, "lens"), "run", "--plan", self.plan, "--budget", "128K", "--store-dir", os.path.join(folder, "store"),
                *scenario.options, "--", *program]

    def run(self, scenario, order, folder):
        """Status, output and what was said; status None: it hung, and where."""
        data = self.prepare(scenario, folder)
        env = {k: v for k, v in os.environ.items() if not k.startswith("LENS_") and k not in ("LD_PRELOAD", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")}
        env.update(HOME=folder, LENS_INJECT=order)
        if not order:
            del env["LENS_INJECT"]
        writer = open(data, "r+b") if scenario.writer else None
        with open(os.path.join(folder, "out"), "w+b") as out, open(os.path.join(folder, "err"), "w+b") as err:
            process = subprocess.Popen(self.command(scenario, data, folder), stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, cwd=folder,
                                       start_new_session=True)
            try:
                status, where = process.wait(LIMIT_SECONDS), ""
            except subprocess.TimeoutExpired:
                status, where = None, stack_of(process.pid)
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            out.seek(0)
            err.seek(0)
            said, output = err.read().decode(errors="replace"), out.read()
        if writer:
            writer.close()
        output = b"\n".join(line for line in output.splitlines() if not line.startswith(b"ready "))
        return status, output, said + where

    # ---- judging

    def leftovers(self, folder, scenario):
        """Files that should not be there, or a view that does not verify."""
        if scenario.damage: # it may be there still
            self.gc(folder)
        wrong = []
        for root, _, names in os.walk(folder):
            for name in names:
                inside_store = "store" in os.path.relpath(root, folder).split(os.sep) or ".cache" in root
                if name.endswith(".new") or (inside_store and not name.endswith(".view") and name != "builders.lock"):
                    wrong.append(os.path.join(root, name))
                is_trace = scenario.recorded and (name == "trace" or re.fullmatch(r"trace\.[0-9]+", name))
                if not inside_store and not is_trace and name not in ("out", "err", "pairs.kv", "more.kv", "data", "list"):
                    wrong.append(os.path.join(root, name))
        if os.path.isdir(os.path.join(folder, "store")):
            verify = subprocess.run([os.path.join(self.build, "lens"), "store", "verify", "--store-dir", os.path.join(folder, "store")],
                                    capture_output=True, check=False, env={"HOME": folder, "PATH": os.environ["PATH"]})
            if verify.returncode:
                wrong.append(verify.stdout.decode(errors="replace"))
        return wrong

    def judge(self, scenario, order, status, output, said):
        """None if it is as promised, else what is wrong."""
        killed = order.endswith(":kill") and status == -signal.SIGKILL
        if killed:
            return None
        if status is None:
            return "it hung"
        if status == 121 and "lens: " not in said:
            return "stopped without a word"
        if is_stopped(status, said) and (not scenario.recorded or "--use" in scenario.options):  # --use has absent pages
            return None
        if status != 0:
            return f"status {status}"
        return None if output == self.expected[scenario.name] else "another output"

    def unreadable(self, order, folder, said):
        """A trace that cannot be reported, or that is missing though nothing was said and could have been."""
        trace = os.path.join(folder, "trace")
        if not os.path.exists(trace) or not os.path.getsize(trace):
            return None if "lens: " in said or order.startswith("write:") else "no trace, and no word why"
        report = subprocess.run([os.path.join(self.build, "lens"), "report", *glob.glob(trace + "*")], capture_output=True, check=False, timeout=LIMIT_SECONDS)
        return f"the trace cannot be read: status {report.returncode}, {report.stderr.decode(errors='replace')}" if report.returncode else None

    def try_one(self, scenario, order):
        folder = tempfile.mkdtemp(prefix="run.", dir=self.top)
        status, output, said = self.run(scenario, order, folder)
        wrong = self.judge(scenario, order, status, output, said)
        if order.endswith(":kill") and status == -signal.SIGKILL and not wrong:
            wrong = self.after_kill(scenario, folder)
        if scenario.recorded and not wrong and not is_stopped(status, said):
            wrong = self.unreadable(order, folder, said)
        left = [] if wrong else self.leftovers(folder, scenario)
        if left:
            wrong = f"left over: {left}"
        shutil.rmtree(folder)
        if wrong:
            return "failed", f"not ok - {scenario.name}, {order}: {wrong}\n" + "".join(f"#   {line}\n" for line in said.splitlines()[-40:])
        return "stopped" if is_stopped(status, said) else "right", ""

    def gc(self, folder):
        subprocess.run([os.path.join(self.build, "lens"), "store", "gc", "--store-dir", os.path.join(folder, "store")], capture_output=True,
                       check=False, env={"HOME": folder, "PATH": os.environ["PATH"]})

    def after_kill(self, scenario, folder):
        """Whatever was begun: nothing half published, and the next run is right and tidies up."""
        self.gc(folder)
        left = self.leftovers(folder, scenario)
        if left:
            return f"after SIGKILL: {left}"
        os.rename(os.path.join(folder, "store"), folder + ".store") if os.path.isdir(os.path.join(folder, "store")) else None
        next_folder = tempfile.mkdtemp(prefix="run.", dir=self.top)
        if os.path.isdir(folder + ".store"):
            os.rename(folder + ".store", os.path.join(next_folder, "store"))
        status, output, said = self.run(Scenario(scenario.name, scenario.options, scenario.program, scenario.data, scenario.writer), "", next_folder)
        wrong = self.judge(scenario, "", status, output, said)
        left = [] if wrong else self.leftovers(next_folder, scenario)
        shutil.rmtree(next_folder)
        return f"the run after SIGKILL: {wrong or left}\n{said}" if wrong or left else None

    # ---- what there is to try

    def look(self, scenario):
        """A run without failures; its output, and how often each point is passed."""
        folder = tempfile.mkdtemp(prefix="look.", dir=self.top)
        if scenario.keep_store and not self.full_store:
            data = self.prepare(scenario, folder)
            self.full_store = (data, os.path.join(folder, "store"))
            env = {"HOME": folder, "PATH": os.environ["PATH"]}
            long_run = Scenario("", scenario.options, next(s for s in SCENARIOS if s.name == "store").program)
            subprocess.run(self.command(long_run, data, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, env=env)
        for _ in range(8):
            place = tempfile.mkdtemp(prefix="look.", dir=self.top)
            status, output, said = self.run(scenario, f"list:{os.path.join(place, 'list')}", place)
            if status != 0:
                raise SystemExit(f"inject: {scenario.name} fails by itself, status {status}:\n{said}")
            with open(os.path.join(place, "list"), encoding="ascii") as lines:
                counts = {name: int(n) for name, n in (line.split() for line in lines) if int(n)}
            if not scenario.passes or scenario.passes in counts:
                break
        self.expected[scenario.name] = output
        self.points |= set(counts)
        return counts

    def orders(self, scenario, counts, everything):
        for point, count in counts.items():
            if scenario.damage and not everything and point not in REPLACING: # the rest is as in the scenario `store`
                continue
            kinds = ERRORS[point] if everything else ERRORS[point][:1]
            for n in times(count, 24 if everything else 1 if scenario.data == "bytes" else 2):  # these take a second each
                yield from (f"{point}:{n}:{kind}" for kind in kinds)
            for kind in kinds:
                if kind in FOR_EVER and (everything or scenario.data != "bytes"):
                    yield from (f"{point}:{n}+:{kind}" for n in times(count, 4 if everything else 1))
        if "disk" in scenario.options:
            yield from (f"any:{n}:kill" for n in times(sum(counts.values()), 60 if everything else 4))
            for point in ("openat", "pwrite64", "fallocate", "ftruncate", "fdatasync", "linkat", "fcntl", "unlinkat", "fstat"):
                yield from (f"{point}:{n}:kill" for n in times(counts.get(point, 0), 24 if everything else 1))

    def work(self, scenario, orders):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
            for kind, text in pool.map(lambda order: self.try_one(scenario, order), orders):
                self.right += kind == "right"
                self.stopped += kind == "stopped"
                self.failed += kind == "failed"
                if text:
                    print(text, end="", flush=True)


def stop_words():
    """What each lensi_stop() says: the longest piece of its first literal that no conversion interrupts."""
    words, top = [], os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    for name in glob.glob(os.path.join(top, "liblens", "*", "*.c")) + glob.glob(os.path.join(top, "preload", "**", "*.c"), recursive=True):
        with open(name, encoding="utf-8") as source:
            for literal in re.findall(r'lensi_stop\([^"]*"([^"]*)"', source.read()):
                words.append(max(re.split(r"%[a-z]+", literal), key=len))
    return words


STOP_WORDS = stop_words()


def is_stopped(status, said):
    """By us; status 1 is that of a parent whose child was."""
    return status == 121 or (status == 1 and any(word in said for word in STOP_WORDS))


def stack_of(pid):
    if not shutil.which("gdb"):
        return "\n(no gdb for a stack dump)"
    dump = subprocess.run(["gdb", "-p", str(pid), "-batch", "-ex", "thread apply all backtrace 12"], capture_output=True, check=False, timeout=60)
    return "\n" + "\n".join(line for line in dump.stdout.decode(errors="replace").splitlines() if line.startswith(("#", "Thread")))


def times(count, most):
    """The first, the last, and what lies evenly between."""
    if count <= most:
        return range(1, count + 1)
    if most == 1:
        return [(count + 1) // 2]
    return sorted({1 + i * (count - 1) // (most - 1) for i in range(most)})


def usage(status):
    print(__doc__.strip(), file=sys.stderr if status else sys.stdout)
    return status


def main():
    words, everything, names, one, build = iter(sys.argv[1:]), False, [], None, "build"
    for word in words:
        if word == "--all":
            everything = True
        elif word == "--help":
            return usage(0)
        elif word in ("--scenario", "--one"):
            value = next(words, "")
            if not value or (word == "--scenario" and value not in (s.name for s in SCENARIOS)):
                return usage(2)
            if word == "--scenario":
                names.append(value)
            else:
                one = value
        elif word.startswith("-"):
            return usage(2)
        else:
            build = word
    driver = Driver(build)
    try:
        for scenario in SCENARIOS:
            if names and scenario.name not in names:
                continue
            counts = driver.look(scenario)
            before = driver.failed
            orders = [one] if one else list(driver.orders(scenario, counts, everything))
            driver.work(scenario, orders)
            print(f"{scenario.name}: {len(counts)} points, {sum(counts.values())} passings, {len(orders)} failures tried, {driver.failed - before} not as promised", flush=True)
    finally:
        shutil.rmtree(driver.top, ignore_errors=True)
    if not names and not one:
        missed = sorted(set(ERRORS) - driver.points - set(UNREACHED))
        driver.failed += bool(missed)
        print(f"{len(driver.points)} points of {len(ERRORS)} were passed" + (f"; not ok - never passed: {', '.join(missed)}" if missed else ""))
    print(f"the output was right {driver.right} times, the program stopped with the reason {driver.stopped} times")
    print(f"{driver.right + driver.stopped} passed, {driver.failed} failed, 0 skipped")
    return 1 if driver.failed or not driver.right else 0


if __name__ == "__main__":
    sys.exit(main())
