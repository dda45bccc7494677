"""Hard limits of a control group, for programs that do not loop: limits of 40, 60 and 80 % of what each holds without one."""
import os
import shutil

from bench_tables import Table, mb

SHARES = (40, 60, 80)
PATIENCE_S = 40
# Rows in an order that no read-ahead foresees; each of them a few pages on.
ROWS = ("import sys, numpy as n\na = n.fromfile(sys.argv[1], n.float32)\na = a[:a.size // 64 * 64].reshape(-1, 64)\n"
        "i, total = 1, 0\nfor k in range(20000):\n    i = i * 1103515245 % 2147483648 + 12345; total += int(a[i % len(a)].view(n.uint32).sum())\nprint(total)")


def rows(inputs, python):
    """name, plan, what must be installed, the command, its input"""
    svm, lines = inputs.svm(50000), inputs.lines(500000)
    made = [
        ("shuf", "shuf", "shuf", ["shuf", "--random-source=" + lines, lines], lines),
        ("sort", "sort", "sort", ["sort", "-S", "400M", "--parallel=1", lines], lines),
        ("liblinear-train -s 1", "liblinear-train", "liblinear-train", ["liblinear-train", "-s", "1", "-e", "1", "-q", svm, "model"], svm),
        ("numpy, random rows", None, python, [python, "-c", ROWS, lines], lines),
    ]
    if shutil.which("bwa"):
        genome, reads = inputs.genome(5000000), inputs.reads(5000000, 1500)
        made.append(("bwa mem", "bwa", "bwa", ["bwa", "mem", "-t", "1", genome, reads], genome))
    return made


def verbatim_plan(b):
    path = os.path.join(b.work, "verbatim.plan")
    with open(path, "w", encoding="ascii") as file:
        file.write('lens-plan 1\nsite "*" {\n    min 4M\n    file "*"\n    lens verbatim\n}\n')
    return path


def end_of(run, plain):
    if run["timed_out"]:
        return f"not finished in {PATIENCE_S} s"
    if run["status"] == 137:
        return "killed: no memory"
    if run["status"]:
        return f"status {run['status']:.0f}"
    return "identical" if run["output"] == plain["output"] else "DIFFERS"


def with_zram(b, peer, command, limit, cold):
    place = peer.on()
    try:
        return b.measure(command, ["--cgroup", limit, *cold], PATIENCE_S)
    finally:
        peer.off(place)


def runs_of(b, peer, command, plan, limit, cold):
    """zram first, so that the others have its time beside them; lens without any swap."""
    try:
        yield "plain, zram swap", with_zram(b, peer, command, limit, cold)
    except peer.missing as why:
        yield f"plain, zram swap: {why}", None
    for store in ("auto", "none", "disk"):
        yield "lens, store " + store, b.lens(command, plan, None, store, ["--cgroup", limit, "--swap-limit", "0", *cold], PATIENCE_S)


def report_row(table, shown, name, r, plain, zram):
    end = end_of(r, plain)
    done = end in ("identical", "DIFFERS")
    share = r["wall"] / zram["wall"] if done and zram and not zram["status"] else 0
    cpu = (r["user"] + r["sys"]) / max(zram["user"] + zram["sys"], 0.01) if share else 0
    faults = r.get("stats", {}).get("faults")
    table.row(*shown, name, f"{r['wall']:.2f} s", f"{share:.2f}" if share else "-", f"{cpu:.2f}" if share else "-", faults if faults is not None else "",
              mb(r["inblock"] / 2), end)
    return end, share


def section_random(b, peer, python):
    table = Table("Hard limits, programs that touch at random: a share of the plain peak, default options but for the store",
                  "at most 0.8 x zram's time with store auto, every output identical",
                  ["program", "limit", "run", "wall", "x zram", "CPU x zram", "faults", "read from disk", "end"])
    worst, failures = 0.0, 0
    for name, plan, needs, command, data in rows(b.inputs, python):
        if not shutil.which(needs):
            table.row(name, needs + " is not installed")
            continue
        plain = b.measure(command)
        if plain["status"]:
            table.row(name, f"status {plain['status']:.0f} without a limit")
            continue
        for share in SHARES:
            limit, zram = f"{int(plain['unreclaimable'] * share / 100)}K", None
            for run, r in runs_of(b, peer, command, b.plan(plan) if plan else verbatim_plan(b), limit, ["--cold", data]):
                if r is None:
                    table.note(f"{name}, {share} %: {run}")
                    continue
                zram = r if run.startswith("plain") else zram
                end, against = report_row(table, [name, f"{share} %: {limit}"], run, r, plain, zram)
                if run == "lens, store auto":
                    worst, failures = max(worst, against), failures + (end != "identical")
    table.note("zram's store lies outside of the group; the input is cold. x zram is of wall time, and noisy on a machine with other work")
    table.verdict(0 < worst <= 0.8 and not failures, f"the most is {worst:.2f} x; {failures} of its runs did not end as they should")
    table.show()
