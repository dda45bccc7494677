#!/usr/bin/env python3
"""A program's core dump under lens: no longer than its memory, and what is resident of its blocks can be read from it.

  tests/core.py [BUILD]

Both the kernel's dump (where /proc/sys/kernel/core_pattern names a file) and gdb's. Closes with "N passed, N failed, N skipped".
"""
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

MEGABYTES, BUDGET_PAGES, PAGE, WORDS = 24, 1024, 4096, 512
LONGEST_BYTES = 400 << 20
PATIENCE_SECONDS = 60
PLAN = 'lens-plan 1\nsite "*" { min 1M file "data" lens verbatim extent read }\n'
passed = failed = skipped = 0


def verdict(good, name, why=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"{'ok' if good else 'not ok'} - {name}{': ' if why else ''}{why}", flush=True)


def skip(name, why):
    global skipped
    skipped += 1
    print(f"skip - {name}: {why}", flush=True)


class Core:
    """What lies where in a core file (ELF, 64 bits, little-endian)."""
    def __init__(self, path):
        self.file = open(path, "rb")
        self.length = os.path.getsize(path)
        head = self.file.read(64)
        table, size, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
        self.file.seek(table)
        rows = self.file.read(size * count)
        self.parts = []
        for i in range(count):
            kind, _, offset, address, _, in_file, _, _ = struct.unpack_from("<IIQQQQQQ", rows, i * size)
            if kind == 1:
                self.parts.append((address, in_file, offset))

    def read(self, address, size):
        """The bytes there, None if the file has none."""
        for start, in_file, offset in self.parts:
            if start <= address and address + size <= start + in_file:
                self.file.seek(offset + address - start)
                return self.file.read(size)
        return None


def page_of_data(page):
    return struct.pack(f"<{WORDS}Q", *((page * WORDS + i + 1) * 0x9e3779b97f4a7c15 & (1 << 64) - 1 for i in range(WORDS)))


def block_of(program, core):
    """By gdb, as a person would."""
    done = subprocess.run(["gdb", "-batch", "-ex", "print/x (unsigned long) block", program, core], capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
    for line in done.stdout.splitlines():
        if line.startswith("$1 = 0x"):
            return int(line.split("= ")[1], 16)
    raise RuntimeError(f"gdb does not find the block in {core}: {done.stdout[-300:]} {done.stderr[-300:]}")


def judge(name, program, path, resident_least):
    core = Core(path)
    block, right, wrong = block_of(program, path), 0, 0
    for page in range(MEGABYTES << 20 >> 12):
        bytes_there = core.read(block + page * PAGE, PAGE)
        if bytes_there == page_of_data(page):
            right += 1
        elif bytes_there is not None and any(bytes_there):
            wrong += 1
    there = os.stat(path).st_blocks * 512
    why = f"{core.length >> 20} MB long, {there >> 20} MB of it on disk; {right} pages of the block, {wrong} wrong ones"
    verdict(core.length <= LONGEST_BYTES and wrong == 0 and right >= resident_least, name, why)


class Run:
    def __init__(self, build, rung):
        self.folder = tempfile.mkdtemp(prefix="lens-core.")
        self.program = os.path.join(build, "tests/support/direct")
        data, plan = os.path.join(self.folder, "data"), os.path.join(self.folder, "plan")
        subprocess.run([self.program, "make", data, str(MEGABYTES)], check=True)
        with open(plan, "w", encoding="ascii") as text:
            text.write(PLAN)
        self.process = subprocess.Popen(
            [os.path.join(build, "lens"), "run", "--plan", plan, "--fault", rung, "--store", "none", "--budget", f"{BUDGET_PAGES * PAGE}", "--",
             self.program, "run", data, os.path.join(self.folder, "stop"), "idle"], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)))
        self.is_ready = self.process.stdout.readline().startswith(b"ready")

    def end(self, number):
        self.process.send_signal(number)
        return self.process.communicate(timeout=PATIENCE_SECONDS)[1].decode(errors="replace")

    def close(self):
        if self.process.poll() is None:
            self.end(signal.SIGKILL)
        shutil.rmtree(self.folder)


def gdb_dump(run):
    path = os.path.join(run.folder, "core.gdb")
    subprocess.run(["gdb", "-batch", "-p", str(run.process.pid), "-ex", f"generate-core-file {path}"], capture_output=True, check=False, timeout=PATIENCE_SECONDS)
    return path


def kernel_dump(run):
    run.end(signal.SIGABRT)
    return os.path.join(run.folder, next((name for name in os.listdir(run.folder) if name.startswith("core")), "core"))


def dump(build, rung, name, make, resident_least):
    run = Run(build, rung)
    try:
        judge(f"{name}, {rung}", run.program, make(run), resident_least)
    except (OSError, RuntimeError, subprocess.TimeoutExpired) as why:
        verdict(False, f"{name}, {rung}", str(why))
    finally:
        run.close()


def core_is_a_file():
    with open("/proc/sys/kernel/core_pattern", encoding="utf-8") as text:
        return text.read().startswith("core")


def main():
    build = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build")
    if not shutil.which("gdb"):
        skip("core dumps", "there is no gdb")
    for rung in ("inthread", "thread", "protect") if shutil.which("gdb") else ():
        if core_is_a_file():
            dump(build, rung, "the kernel's dump", kernel_dump, BUDGET_PAGES // 4)
        else:
            skip(f"the kernel's dump, {rung}", "/proc/sys/kernel/core_pattern does not name a file of the program's folder")
        # Of a block with absent pages gdb gives up the rest, where it cannot read them (docs/promises.md, 5).
        dump(build, rung, "gdb's dump", gdb_dump, BUDGET_PAGES // 2 if rung == "protect" else 0)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
