"""What recording costs and whether it is right: lens profile next to heaptrack and jemalloc's own profiler."""
import glob
import json
import os
import random
import re
import shlex
import shutil
import statistics
import subprocess
import time

from bench_programs import PANDAS, PYTHON
from bench_tables import Table, ratio

JEMALLOC = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"
MB = 1 << 20


def write_json(path):
    """20 MB of objects, the same in every run."""
    rng = random.Random(1)
    with open(path, "w", encoding="ascii") as file:
        size = file.write("[0")
        while size < 20 * 1000 * 1000:
            size += file.write("," + json.dumps({
                "id": rng.randrange(10**9), "name": f"user{rng.randrange(10**6)}", "tags": [f"t{rng.randrange(1000)}" for _ in range(3)],
                "score": rng.random(), "nested": {"a": rng.randrange(1000), "b": [1, 2, rng.randrange(50)]}}))
        file.write("]")


CPLUSPLUS = """
#include <cstdio>
#include <map>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>
struct Node { std::string name; std::vector<int> values; std::unique_ptr<Node> next; };
static std::vector<double> numbers() { std::vector<double> v; for (int i = 0; i < 3000000; i++) v.push_back(i); return v; }
static std::map<int, std::string> tree() { std::map<int, std::string> m; for (int i = 0; i < 200000; i++) m[i * 7919 % 200003] = std::string(40, 'x'); return m; }
static std::unique_ptr<Node> chain() { std::unique_ptr<Node> n; for (int i = 0; i < 100000; i++) { auto f = std::make_unique<Node>(); f->name = std::string(30, 'y'); f->values.assign(20, i); f->next = std::move(n); n = std::move(f); } return n; }
static int throwing() { int caught = 0; for (int i = 0; i < 20000; i++) try { if (i % 2) throw std::runtime_error("odd " + std::to_string(i)); } catch (const std::exception &e) { caught += e.what()[0] == 'o'; } return caught; }
int main() { auto a = numbers(); auto b = tree(); auto c = chain(); std::unordered_map<int, int> d; for (int i = 0; i < 300000; i++) d[i] = i;
  std::printf("%zu %zu %zu %d\\n", a.size(), b.size(), d.size(), throwing()); while (c) c = std::move(c->next); }
"""


def compiler_command(source):
    """What g++ would run to compile it, as a list of words."""
    said = subprocess.run(["g++", "-###", "-O2", "-std=c++17", "-S", "-o", "/dev/null", source], capture_output=True, text=True, check=True).stderr
    return next(shlex.split(line) for line in said.splitlines() if re.match(r' "?\S*/cc1plus', line))


def programs(b):
    """Name -> command. Inputs are made when first asked for."""
    source = b.inputs.make("stl.cpp", lambda path: open(path, "w", encoding="ascii").write(CPLUSPLUS))
    binary = os.path.join(b.work, "stl")
    if not os.path.exists(binary):
        subprocess.run(["g++", "-O1", "-g", "-std=c++17", "-o", binary, source], check=True)
    return {
        "jq, 20 MB of JSON": ["jq", "length", b.inputs.make("objects.json", write_json)],
        # The compiler itself: heaptrack records the process it starts, which of g++ is only the driver.
        "cc1plus -O2, STL": compiler_command(source),
        "liblinear-train": ["liblinear-train", "-s", "0", "-e", "0.1", b.inputs.svm(60000), "model"],
        "python3 + pandas": [PYTHON, "-c", PANDAS, b.inputs.csv(150000)],
        "C++ with exceptions": [binary],
    }


def remove(pattern):
    for path in glob.glob(pattern):
        os.unlink(path)


def size_of(pattern):
    return sum(os.path.getsize(path) for path in glob.glob(pattern))


class Ways:
    """The ways to run a command: plain, recorded by us, by heaptrack, by jemalloc."""

    def __init__(self, b):
        self.b, self.trace, self.peer = b, os.path.join(b.work, "lens.trace"), os.path.join(b.work, "heaptrack.out")

    def command(self, way, command):
        record = [self.b.tool("lens"), "profile", "-q", "-o", self.trace]
        return {
            "plain": command,
            "lens, sampled": [*record, "--", *command],
            "lens, --full": [*record, "--full", "--", *command],
            "heaptrack": ["heaptrack", "-o", self.peer, *command],
            "jemalloc": ["env", "LD_PRELOAD=" + JEMALLOC, *command],
            "jemalloc, prof:true": ["env", "LD_PRELOAD=" + JEMALLOC, f"MALLOC_CONF=prof:true,prof_final:true,prof_prefix:{self.b.work}/jeprof",
                                    *command],
        }[way]

    def run(self, way, command):
        remove(self.trace + "*")
        remove(self.peer + "*")
        result = self.b.measure(self.command(way, command), keep_output=False)
        result["cpu"] = result["user"] + result["sys"]
        result["trace"] = size_of(self.trace + "*") if way.startswith("lens") else size_of(self.peer + "*")
        remove(self.b.work + "/jeprof*")
        return result


def overheads(b):
    table = Table("Recording: what it costs",
                  "sampled at most 1.10 x plain; --full at most half of heaptrack's overhead, and of its memory",
                  ["program", "way", "CPU", "x", "wall", "x", "own memory", "trace"])
    ways, reached = Ways(b), True
    for name in ("jq, 20 MB of JSON", "cc1plus -O2, STL"):
        command, runs = programs(b)[name], {}
        for _ in range(b.rounds):
            for way in ("plain", "lens, sampled", "lens, --full", "heaptrack", "jemalloc", "jemalloc, prof:true"):
                runs.setdefault(way, []).append(ways.run(way, command))

        def middle(way, key):
            return statistics.median(r[key] for r in runs[way])
        for way in runs:
            base = "jemalloc" if way.startswith("jemalloc") else "plain"
            table.row(name, way, f"{middle(way, 'cpu'):.2f} s", ratio(middle(way, "cpu"), middle(base, "cpu")), f"{middle(way, 'wall'):.2f} s",
                      ratio(middle(way, "wall"), middle(base, "wall")),
                      f"{(middle(way, 'anon') - middle(base, 'anon')) / 1024:.1f} MB", f"{middle(way, 'trace') / 1024:.0f} kB" if "lens" in way or "heap" in way else "")
        cost = {way: middle(way, "cpu") / middle("plain", "cpu") - 1 for way in runs}
        own = {way: middle(way, "anon") - middle("plain", "anon") for way in runs}
        good = cost["lens, sampled"] <= 0.10 and cost["lens, --full"] <= cost["heaptrack"] / 2 and own["lens, --full"] <= own["heaptrack"] / 2
        reached &= good
        table.note(f"{name}: sampled {100 * cost['lens, sampled']:+.0f} %, --full {100 * cost['lens, --full']:+.0f} %, heaptrack "
                   f"{100 * cost['heaptrack']:+.0f} % of the plain CPU time; of heaptrack's own memory lens --full takes "
                   f"{100 * own['lens, --full'] / own['heaptrack']:.0f} %, sampled {100 * own['lens, sampled'] / own['heaptrack']:.0f} %.")
    table.note("CPU is user and system time of all processes; medians of runs that alternate. Own memory is the peak of anonymous memory of all "
               "processes less the plain run's (heaptrack interprets its data in a second process). The jemalloc rows have jemalloc "
               "without profiling as their base.")
    table.verdict(reached, "see the lines below")
    table.show()


def trace_sizes(b):
    table = Table("Recording: the size of a trace", "at most half of heaptrack's zstd trace, for 10^8 allocations",
                  ["recorder", "allocations", "trace", "bytes an allocation", "wall"])
    ways, data, sizes = Ways(b), b.inputs.make("objects.json", write_json), {}
    for way, copies in (("lens, --full", 5), ("heaptrack", 5), ("lens, --full", 47), ("lens, sampled", 47)):
        count = copies * 2123000 # jq's allocations for one copy
        result = ways.run(way, ["jq", "length", *[data] * copies])
        sizes[way, copies] = result["trace"]
        table.row(way, f"{count / 1e6:.0f} million", f"{result['trace'] / 1e6:.3f} MB", f"{result['trace'] / count:.4f}", f"{result['wall']:.1f} s")
    table.note("jq over copies of 20 MB of JSON. heaptrack at 10^8 takes longer than a benchmark should; its trace grows with the allocations, so "
               "9.4 times its first row is what is compared.")
    part = sizes["lens, --full", 47] / (9.4 * sizes["heaptrack", 5])
    table.verdict(part <= 0.5, f"{100 * part:.1f} % of heaptrack's")
    table.show()


# ---- a server

def ask(socket, *words):
    return subprocess.run(["redis-cli", "-s", socket, *words], capture_output=True, text=True, check=False).stdout


def serve(b, ways, way, requests):
    """redis-server under redis-benchmark: what the server took, and what it says of itself."""
    folder = os.path.join(b.work, "redis")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    socket = os.path.join(folder, "socket")
    remove(ways.trace + "*")
    remove(ways.peer + "*")
    server = subprocess.Popen(ways.command(way, ["redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder]),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while "PONG" not in ask(socket, "ping"):
            if time.monotonic() > deadline or server.poll() is not None:
                raise RuntimeError(f"redis-server does not start: {way}")
            time.sleep(0.05)
        subprocess.run(["redis-benchmark", "-s", socket, "-q", "-n", str(requests), "-c", "20", "-r", "20000", "-d", "200",
                        "-t", "set,get,lpush,hset,sadd,zadd"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        pid = re.search(r"process_id:(\d+)", ask(socket, "info", "server"))[1]
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            high = int(re.search(r"VmHWM:\s*(\d+)", file.read())[1])
        said = int(re.search(r"used_memory_peak:(\d+)", ask(socket, "info", "memory"))[1])
        ask(socket, "shutdown", "nosave")
        server.wait(timeout=120)
    finally:
        if server.poll() is None:
            server.kill()
    return {"cpu": (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), "memory": high, "said": said, "status": server.returncode,
            "trace": size_of(ways.trace + "*") if way.startswith("lens") else size_of(ways.peer + "*")}


def servers(b):
    if not shutil.which("redis-benchmark"):
        return
    table = Table("Recording: redis-server under redis-benchmark", "sampled at most 1.10 x plain; the peak within what redis says of itself",
                  ["way", "server's CPU", "x", "server's memory", "trace", "peak that is told"])
    ways, runs, told = Ways(b), {}, {}
    for _ in range(b.rounds):
        for way in ("plain", "lens, sampled", "lens, --full", "heaptrack"):
            runs.setdefault(way, []).append(serve(b, ways, way, 50000))
            if way.startswith("lens"):
                report = subprocess.run([b.tool("lens"), "report", "-q", "--json", "-", ways.trace], capture_output=True, text=True, check=True).stdout
                told[way] = json.loads(report)["peak_bytes"]
    for way, results in runs.items():
        middle = {key: statistics.median(r[key] for r in results) for key in results[0]}
        base = statistics.median(r["cpu"] for r in runs["plain"])
        table.row(way, f"{middle['cpu']:.2f} s", ratio(middle["cpu"], base), f"{middle['memory'] / 1024:.1f} MB",
                  f"{middle['trace'] / 1024:.0f} kB" if way != "plain" else "", f"{told[way] / 1e6:.1f} MB" if way in told else "")
    said = statistics.median(r["said"] for r in runs["plain"])
    cost = statistics.median(r["cpu"] for r in runs["lens, sampled"]) / base
    table.note(f"50,000 requests of each kind, 20 clients. Redis's own count at its peak is {said / 1e6:.1f} MB: jemalloc's sizes, which are larger "
               "than what was asked for. CPU is user and system time of the server alone.")
    good = cost <= 1.10 and 0.8 * said <= told["lens, --full"] <= said and all(r["status"] == 0 for way in runs.values() for r in way)
    table.verdict(good, f"{cost:.2f} x sampled")
    table.show()


# ---- agreement

def sites_of_lens(b, ways, command):
    ways.run("lens, --full", command)
    text = subprocess.run([b.tool("tests/tools/trace_dump"), ways.trace], capture_output=True, text=True, check=True).stdout
    found = []
    for line in text.splitlines():
        match = re.match(r"site \d+ (\S+) .* at_peak (\d+) .* path (.*)", line)
        if match and not match[1].startswith("mmap"):
            found.append((int(match[2]), match[3].split("<")))
    return sorted(found, key=lambda site: -site[0])[:5]


def sites_of_heaptrack(b, ways, command):
    ways.run("heaptrack", command)
    folded = os.path.join(b.work, "folded")
    subprocess.run(["heaptrack_print", "-F", folded, "--flamegraph-cost-type", "peak", *glob.glob(ways.peer + "*")],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    with open(folded, encoding="utf-8", errors="replace") as lines:
        found = [(int(line.rsplit(" ", 1)[1]), line.rsplit(" ", 1)[0].split(";")[::-1]) for line in lines if " " in line.strip()]
    return sorted(found, key=lambda site: -site[0])[:5]


def short(frames):
    """The innermost function both tools have a name for."""
    for frame in frames:
        name = re.sub(r"<.*|\(.*", "", frame).split("::")[-1].strip()
        if re.fullmatch(r"[A-Za-z_]\w*", name) and name not in ("operator", "_M_allocate", "allocate"):
            return name
    return "?"


def agreement(b):
    table = Table("Recording: agreement with heaptrack", "the same five largest sites at the peak, sizes within 2 %",
                  ["program", "rank", "lens --full", "heaptrack", "difference", "function"])
    ways, worst = Ways(b), 0.0
    for name, command in programs(b).items():
        if name.startswith("cc1plus"):
            continue
        ours, theirs = sites_of_lens(b, ways, command), sites_of_heaptrack(b, ways, command)
        least = theirs[0][0] / 1000
        for rank, (mine, peer) in enumerate(zip(ours, theirs), 1):
            if peer[0] < least:
                break
            difference = abs(mine[0] - peer[0]) / max(peer[0], 1)
            worst = max(worst, difference)
            table.row(name if rank == 1 else "", rank, f"{mine[0] / 1e6:.3f} MB", f"{peer[0] / 1e6:.3f} MB", f"{100 * difference:.2f} %", short(mine[1]))
    table.note("Sites of less than a thousandth of the largest are left out: there heaptrack's own C++ runtime (72,704 bytes) is among a C program's.")
    table.verdict(worst <= 0.02, f"the largest difference is {100 * worst:.2f} %")
    table.show()


def section_profile(b):
    if not shutil.which("heaptrack"):
        raise RuntimeError("heaptrack is not installed")
    started = time.monotonic()
    overheads(b)
    trace_sizes(b)
    servers(b)
    agreement(b)
    return time.monotonic() - started
