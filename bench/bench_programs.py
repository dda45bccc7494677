"""The programs of the benchmarks, and their inputs, made once per run and only when asked for."""
import os
import shutil
import subprocess

PYTHON = "/usr/bin/python3"  # Debian's own: another one on PATH has other modules
NUMPY = "import sys, numpy as n; d = n.loadtxt(sys.argv[1], delimiter=',', skiprows=1); print(d.shape, [d.sum() for i in range(5)])"
PANDAS = "import sys, pandas as p; d = p.read_csv(sys.argv[1]); print(d.shape, [d.mean().sum() for i in range(5)])"


class Inputs:
    def __init__(self, work, build):
        self.work, self.build = work, build

    def make(self, name, write):
        path = os.path.join(self.work, name)
        if not os.path.exists(path):
            write(path + ".part")
            os.rename(path + ".part", path)
        return path

    def generated(self, name, *arguments):
        def write(path):
            with open(path, "wb") as file:
                subprocess.run([os.path.join(self.build, "tests/gen/gen"), *map(str, arguments)], stdout=file, check=True)
        return self.make(name, write)

    def svm(self, rows):
        return self.generated(f"svm-{rows}.svm", "svm", rows, 40, 20000, 1)

    def kv(self, lines):
        return self.generated(f"pairs-{lines}.kv", "kv", lines, 1)

    def csv(self, rows):
        return self.generated(f"table-{rows}.csv", "csv", rows, 6, 1, "header")

    def lines(self, count):
        return self.generated(f"lines-{count}.txt", "lines", count, 4)

    def mesh(self, side, weighted):
        return self.generated(f"mesh-{side}-{weighted}.graph", "metis", side, weighted)

    def picture(self, width, height, depth):
        return self.generated(f"picture-{width}-{depth}.ppm", "ppm", width, height, depth)

    def genome(self, bases):
        path = self.generated(f"genome-{bases}.fa", "fasta", 4, bases, 60, 1)
        if not os.path.exists(path + ".sa"):
            subprocess.run(["bwa", "index", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        return path

    def reads(self, bases, count):
        return self.generated(f"reads-{bases}-{count}.fq", "fastq", self.genome(bases), count, 150, 2)

    def volumes(self, count):
        def write(path):
            with open(path, "wb") as file:
                maker = subprocess.Popen([os.path.join(self.build, "tests/gen/gen"), "nifti", "96", "96", "60", str(count), "1"], stdout=subprocess.PIPE)
                subprocess.run(["gzip", "-1"], stdin=maker.stdout, stdout=file, check=True)
                maker.wait()
        return self.make(f"volumes-{count}.nii.gz", write)

    def json(self):
        def write(path):
            with open(path, "w", encoding="ascii") as file:
                file.write("[")
                for i in range(150000):
                    file.write(f'{"," if i else ""}{{"id":{i},"name":"row {i * 7919 % 100003}","value":{i * 0.25},"tags":["a{i % 13}","b{i % 7}"]}}\n')
                file.write("]\n")
        return self.make("rows.json", write)

    def c_source(self, top):
        """One file of C that needs nothing but libc, large enough to compile for a second or two."""
        def write(path):
            with open(os.path.join(top, "tests/gen/gen.c"), encoding="utf-8") as file:
                text = file.read()
            head, body = text.split("static uint64_t state;", 1)
            body = "static uint64_t state;" + body
            with open(path, "w", encoding="utf-8") as file:
                file.write(head)
                for i in range(25):
                    names = ["state", "seed", "next", "put", "arg", "main", "gen_kv", "gen_lines", "gen_csv", "gen_svm", "gen_metis", "gen_fasta",
                             "gen_fastq", "gen_ppm", "gen_nifti"]
                    file.write("".join(f"#define {n} {n}_{i}\n" for n in names) + body + "".join(f"#undef {n}\n" for n in names)
                               + "#undef A\n#undef SEED\n")
        return self.make("large.c", write)


class Program:
    """name: as shown; plan: of examples/plans; needs: the command; uses: what it calls; arguments: from the inputs; for_time: in the sections about time."""

    def __init__(self, name, plan, needs, arguments, for_time=False, module=None, forks=False, uses=()):
        self.name, self.plan, self.needs, self.arguments = name, plan, needs, arguments
        self.for_time, self.module = for_time, module
        self.uses = uses
        # Pages that a fork shares must be counted once.
        self.sampling = ["--pss", "--interval", "15"] if forks else []

    def missing(self):
        for command in (self.needs, *self.uses):
            if not shutil.which(command) and not command.startswith("examples/"):
                return f"{command} is not installed"
        if self.module and subprocess.run([self.needs, "-c", f"import {self.module}"], stderr=subprocess.DEVNULL, check=False).returncode:
            return f"{self.needs} has no {self.module}"
        return None

    def command(self, inputs):
        first = os.path.join(inputs.build, self.needs) if self.needs.startswith("examples/") else self.needs
        return [first, *map(str, self.arguments(inputs))]


def linked(path, *words):
    """gpmetis writes beside its input: a link in the run's own folder."""
    return ["-c", f"ln -s '{path}' g && exec {' '.join(words)}"]


PROGRAMS = [
    Program("kv", "kv", "examples/kv", lambda i: ["-p", "20", i.kv(6000000)], True),
    Program("kv_threads, 8 threads", "kv_threads", "examples/kv_threads", lambda i: ["-n", 5000, i.kv(6000000)]),
    Program("kv_fork, 4 workers", "kv_fork", "examples/kv_fork", lambda i: [i.kv(6000000)], forks=True),
    Program("liblinear-train -s 0", "liblinear-train", "liblinear-train", lambda i: ["-s", 0, "-e", 0.1, "-q", i.svm(100000), "model"]),
    Program("liblinear-train -s 1", "liblinear-train", "liblinear-train", lambda i: ["-s", 1, "-e", 1, "-q", i.svm(100000), "model"]),
    Program("liblinear-train -s 2", "liblinear-train", "liblinear-train", lambda i: ["-s", 2, "-q", i.svm(100000), "model"], True),
    Program("liblinear-train -s 2 -B 1", "liblinear-train", "liblinear-train", lambda i: ["-s", 2, "-B", 1, "-q", i.svm(100000), "model"]),
    Program("gpmetis, weights", "gpmetis", "sh", lambda i: linked(i.mesh(60, 1), "gpmetis g 8"), uses=["gpmetis"]),
    Program("gpmetis, no weights", "gpmetis", "sh", lambda i: linked(i.mesh(60, 0), "gpmetis g 8"), uses=["gpmetis"]),
    Program("numpy.loadtxt", "python3", PYTHON, lambda i: ["-c", NUMPY, i.csv(700000)], True, "numpy"),
    Program("pandas.read_csv", "python3", PYTHON, lambda i: ["-c", PANDAS, i.csv(700000)], False, "pandas"),
    Program("bwa mem", "bwa", "bwa", lambda i: ["mem", "-t", 1, i.genome(5000000), i.reads(5000000, 3000)]),
    Program("shuf", "shuf", "shuf", lambda i: ["--random-source=" + i.lines(1000000), i.lines(1000000)], True),
    Program("sort", "sort", "sort", lambda i: ["-S", "400M", "--parallel=1", i.lines(1000000)]),
    Program("pnmtile, 8 bits", "pnmtile", "pnmtile", lambda i: [9000, 6000, i.picture(3000, 2000, 255)], True),
    Program("pnmtile, 16 bits", "pnmtile", "pnmtile", lambda i: [9000, 6000, i.picture(3000, 2000, 65535)]),
    Program("nifti_tool", "nifti_tool", "nifti_tool", lambda i: ["-cbl", "-prefix", "o.nii", "-infiles", i.volumes(100)]),
]
