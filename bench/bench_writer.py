"""How long another process waits that opens a leased backing for writing (section writer of bench/run)."""
import os
import re
import subprocess
import time

from bench_tables import Table, mb

GIGABYTE = 1 << 30
PATIENCE_SECONDS = 120


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as text:
        fields = dict(line.split(":", 1) for line in text)
    return int(fields["RssAnon"].split()[0]) + int(fields["RssShmem"].split()[0])


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as text:
        fields = text.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_until(condition, process):
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if condition():
            return True
        time.sleep(0.02)
    return False


def run(b, megabytes, store):
    """A program that has read the file and waits; absent before, seconds the writer waited, memory before and after."""
    folder, program = b.fresh("writer"), b.tool("tests/support/direct")
    data, stop, plan = (os.path.join(folder, name) for name in ("data", "stop", "plan"))
    subprocess.run([program, "make", data, str(megabytes)], check=True)
    with open(plan, "w", encoding="ascii") as text:
        text.write('lens-plan 1\nsite "*" { min 1M file "data" lens verbatim extent read }\n')
    with subprocess.Popen([b.tool("lens"), "run", "--plan", plan, "--budget", "64M", "--store", store, "--store-dir", os.path.join(folder, "store"), "--",
                           program, "run", data, stop, "idle"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=b.env) as process:
        process.stdout.readline()
        absent = wait_until(lambda: resident_kib(process.pid) < 160 << 10, process)
        before = resident_kib(process.pid)
        start, used = time.monotonic(), cpu_seconds(process.pid)
        os.close(os.open(data, os.O_WRONLY))
        waited, used = time.monotonic() - start, cpu_seconds(process.pid) - used
        after = resident_kib(process.pid)
        with open(stop, "w", encoding="ascii"):
            pass
        said = process.stderr.read().decode(errors="replace")
        process.wait()
    subprocess.run(["rm", "-rf", folder], check=True)
    return absent and process.returncode == 0 and bool(re.search("about to be written", said)), waited, before, after, used


def section_writer(b):
    table = Table("A 1 GB backing is opened for writing by another process", "the writer goes on within 2 s, and the program's data are as they were",
                  ["store", "the writer waited", "of that CPU", "unreclaimable before", "after", "data"])
    worst, right = 0.0, True
    for store, what in (("none", "none: all made real"), ("auto", "auto: a private copy")):
        rounds = [run(b, GIGABYTE >> 20, store) for _ in range(b.rounds)]
        good = all(r[0] for r in rounds)
        waited = sorted(r[1] for r in rounds)[len(rounds) // 2]
        table.row(what, f"{waited:.2f} s", f"{sorted(r[4] for r in rounds)[len(rounds) // 2]:.2f} s", mb(rounds[0][2]), mb(rounds[0][3]), "right" if good else "WRONG")
        worst, right = max(worst, waited), right and good
    table.verdict(worst <= 2 and right, f"{worst:.2f} s")
    table.show()
