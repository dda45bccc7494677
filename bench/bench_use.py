"""What watching the use of memory costs, and whether its predictions hold: lens profile --use beside plain runs and lens run."""
import json
import os
import shutil
import statistics
import subprocess

from bench_tables import Table

SHARES = (0.5, 0.25, 0.1)
PROGRAMS = ("kv", "liblinear-train -s 2", "pnmtile, 8 bits", "bwa mem", "shuf", "numpy.loadtxt", "gpmetis, weights")


def memory_bound(b):
    """A program that does nothing but read its memory, in a loop and at random, and one that fills and reads."""
    uses = b.tool("tests/use/uses")
    return {"a loop over 64 MB": [uses, "loops", "600"], "64 MB at random": [uses, "randoms", "150000000"]}


def watched(b, command, trace, how):
    for path in (trace,):
        if os.path.exists(path):
            os.unlink(path)
    return b.measure([b.tool("lens"), "profile", "-q", *how, "-o", trace, "--", *command])


def middle(results, key):
    return statistics.median(r[key] for r in results)


def middle_cpu(results):
    return statistics.median(r["user"] + r["sys"] for r in results)


def same(results):
    return "identical" if len({r["output"] for r in results}) == 1 else "DIFFERENT"


def cost(b, named):
    table = Table("Watching how memory is used: lens profile --use beside a plain run", "at most 1.05 x on a memory-bound program",
                  ["program", "plain", "profile", "profile --use", "ratio of medians", "median of ratios", "CPU ratio", "output"])
    worst = 0.0
    trace = os.path.join(b.work, "use.trace")
    for name, command in named.items():
        plain, recorded, used = [], [], []
        b.plain(command)
        for _ in range(b.rounds + 4):
            plain.append(b.plain(command))
            recorded.append(watched(b, command, trace, []))
            used.append(watched(b, command, trace, ["--use"]))
        pairs = statistics.median(u["wall"] / p["wall"] for u, p in zip(used, plain))
        cpu = statistics.median(u["user"] + u["sys"] for u in used) / statistics.median(p["user"] + p["sys"] for p in plain)
        medians = middle(used, "wall") / middle(plain, "wall")
        table.row(name, f"{middle(plain, 'wall'):.2f} s", f"{middle(recorded, 'wall'):.2f} s", f"{middle(used, 'wall'):.2f} s",
                  f"{medians:.2f}", f"{pairs:.2f}", f"{cpu:.2f}", same(plain + recorded + used))
        worst = max(worst, min(pairs, medians))
    table.verdict(worst <= 1.05, f"the most is {worst:.2f} x")
    table.show()


def report(b, trace):
    done = subprocess.run([b.tool("lens"), "report", "-q", "--json", "-", trace], capture_output=True, text=True, check=False)
    return json.loads(done.stdout)["miss_ratio"] if done.returncode == 0 else None


def at(curve, share):
    """The point of the curve nearest to a share."""
    return min(curve["points"], key=lambda point: abs(point["share"] - share))


def kinds_of_runs(b, command, program, budget):
    """The three that a report tells apart: its key, its name, the runs. The later ones find what the first left in the store."""
    rounds = min(b.rounds, 2)
    yield "slowdown_no_store", "no store", [b.lens(command, b.plan(program.plan), budget, timeout=100) for _ in range(rounds)]
    stores = [b.fresh("store") for _ in range(rounds)]
    for key, name in (("slowdown", "first"), ("slowdown_later", "later")):
        yield key, name, [b.lens(command, b.plan(program.plan), budget, "auto", timeout=100, store_dir=store) for store in stores]
    for store in stores:
        shutil.rmtree(store, ignore_errors=True)


def predictions(b, programs):
    table = Table("Predicted slowdown beside what lens run takes", "within a factor of 1.3",
                  ["program", "plain", "budget", "pages predicted", "brought back", "run", "slowdown predicted", "measured", "in CPU time", "factor"])
    worst = 1.0
    trace = os.path.join(b.work, "use.trace")
    for program in programs:
        command = program.command(b.inputs)
        b.plain(command)
        bare = [b.plain(command) for _ in range(b.rounds)]
        plain, plain_cpu = middle(bare, "wall"), middle_cpu(bare)
        watched(b, command, trace, ["--use"])
        curve = report(b, trace)
        if not curve:
            table.note(f"{program.name}: the trace tells nothing of the use of memory")
            continue
        for share in SHARES:
            point = at(curve, share)
            first = [program.name, f"{plain:.2f} s", f"{share * 100:.0f} %", f"{point['faulted_pages']:.0f}"]
            for key, name, runs in kinds_of_runs(b, command, program, int(point["budget_bytes"])):
                measured = middle(runs, "wall") / plain
                factor = max(measured / point[key], point[key] / measured)
                table.row(*first, f"{statistics.median(r['stats'].get('faulted_pages', 0) for r in runs):.0f}", name, f"{point[key]:.2f}",
                          f"{measured:.2f}", f"{middle_cpu(runs) / plain_cpu:.2f}", f"{factor:.2f}")
                worst, first = max(worst, factor), [""] * 4
        table.note(f"{program.name}: {curve['sampled_pages']} sampled pages of {curve['bytes'] / (1 << 20):.1f} MB; a page costs {curve['stream_ns'] / 1000:.1f} us in a "
                   f"stream, {curve['touch_ns'] / 1000:.1f} us at random, text {curve['text_ns_per_byte']:.2f} ns a byte")
    table.verdict(worst <= 1.3, f"the most is {worst:.2f}")
    table.show()


def section_use(b, programs):
    chosen = [p for p in programs if p.name in PROGRAMS and not p.missing()]
    named = memory_bound(b)
    named.update({p.name: p.command(b.inputs) for p in chosen if p.name.startswith("liblinear")})
    cost(b, named)
    predictions(b, chosen)
