#!/bin/bash
# What lens report suggests: for each program a trace is taken of a plain run, the plan that the report suggests is checked and
# used under a small budget. The output must be equal to the byte, and a stated share of the virtualised memory given up at once.
# Usage: tests/suggest.sh BUILD [PROGRAM...]
# shellcheck disable=SC2034,SC2154
set -u
build=$(cd "${1:?usage: suggest.sh BUILD [PROGRAM...]}" && pwd) || exit 2
shift
wanted=" $* "
size=small
top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tests/programs/lib.sh
. "$top/tests/programs/lib.sh"
data=$work/data
want() { [ "$wanted" = "  " ] || [[ $wanted == *" $1 "* ]]; }

# suggested TITLE COMMAND...: leaves the plan in $work/suggested.plan, of the process with the most memory that has one.
suggested()
{
    best=0
    rm -f "$work"/trace*
    (cd "$work/home" && timeout 120 "$lens" profile -o "$work/trace" -- "$@" > /dev/null 2>&1 < /dev/null)
    printf '# no plan\n' > "$work/suggested.plan"
    for trace in "$work"/trace*; do
        "$lens" report -q --json "$work/report.json" "$trace" 2> /dev/null || continue
        bytes=$(sed -n 's/^  "peak_bytes": \([0-9]*\),*$/\1/p' "$work/report.json" | head -1)
        "$lens" report -q --plan "$work/one.plan" "$trace" 2> /dev/null
        if grep -q '^site' "$work/one.plan" && [ "${bytes:-0}" -gt $best ]; then
            best=$bytes
            cp "$work/one.plan" "$work/suggested.plan"
        fi
    done
    cp "$work/suggested.plan" "$work/why"
    if "$lens" check "$work/suggested.plan" > /dev/null 2>> "$work/why"; then
        ok "$title: the suggestion is a plan"
    else
        not_ok "$title: the suggestion is a plan"
    fi
}

# try NAME SAVED BUDGET COMMAND...
try()
{
    name=$1 min_saved=$2 budget=$3 title=$1
    shift 3
    want "$name" || return 0
    plain_key='' plan=$work/suggested.plan timeout=120
    suggested "$@"
    row "$name" "$@"
}

program() { command -v "$1" > /dev/null 2>&1 || { ! want "$1" || skip "$1" "no $1: install $2"; return 1; }; }

options=--store=none
$gen kv 300000 1 > "$data/pairs.kv"
try kv 60 512K "$build/examples/kv" -p 3 "$data/pairs.kv"

$gen svm 8000 40 20000 1 > "$data/lin.svm"
if program liblinear-train liblinear-tools; then
    try liblinear-train 60 1M liblinear-train -s 2 -e 0.5 "$data/lin.svm" model
fi
try values 50 512K "$build/tests/support/loads" values "$data/lin.svm"

if program gpmetis metis; then
    filter=$no_times
    $gen metis 24 1 > "$data/mesh.graph"
    $gen metis 24 0 > "$data/plain.graph"
    try gpmetis 50 1M gpmetis "$data/mesh.graph" 4
    try gpmetis-plain 50 1M gpmetis "$data/plain.graph" 4
    filter=
fi

$gen csv 60000 6 1 header > "$data/t.csv"
tail -n +2 "$data/t.csv" > "$data/bare.csv"
try table 50 512K "$build/tests/support/loads" table "$data/bare.csv"
if [ -x $python ] && $python -c 'import numpy' 2> /dev/null; then
    try numpy 40 1M $python -c 'import os, sys, time, zlib, numpy as n
d = n.loadtxt(sys.argv[1], delimiter=",", skiprows=1)
for i in range(3): time.sleep(float(os.environ.get("PATIENCE", 0)) / 3); print(d.shape, d.sum(), zlib.crc32(d))' "$data/t.csv"
    $python -c 'import sys, numpy as n; n.save(sys.argv[1], n.arange(600000) * 0.5)' "$data/array.npy"
    try numpy-load 60 1M $python -c 'import os, sys, time, zlib, numpy as n
d = n.load(sys.argv[1])
for i in range(3): time.sleep(0.05 + float(os.environ.get("PATIENCE", 0)) / 3); print(d.sum(), zlib.crc32(d))' "$data/array.npy"
else
    skip numpy "$python has no numpy: install python3-numpy"
fi
if [ -x $python ] && $python -c 'import pandas' 2> /dev/null; then
    try pandas 40 1M $python -c 'import os, sys, time, zlib, pandas as p
d = p.read_csv(sys.argv[1])
for i in range(3): time.sleep(float(os.environ.get("PATIENCE", 0)) / 3); print(d.shape, d.mean().sum(), d.iloc[::-7].sum().sum())' "$data/t.csv"
else
    skip pandas "$python has no pandas: install python3-pandas"
fi

if program bwa bwa; then
    filter=$no_times
    $gen fasta 2 1000000 60 1 > "$data/g.fa"
    bwa index "$data/g.fa" 2> /dev/null
    $gen fastq "$data/g.fa" 300 150 2 > "$data/r.fq"
    try bwa 40 1M bwa mem -t 1 "$data/g.fa" "$data/r.fq"
    filter=
fi

$gen lines 100000 4 > "$data/lines.txt"
try shuf 25 2M shuf --random-source="$data/lines.txt" "$data/lines.txt"
try sort 10 4M sort -S 100M --parallel=1 "$data/lines.txt"

if program pnmtile netpbm; then
    $gen ppm 800 600 255 > "$data/i.ppm"
    try pnmtile 60 512K pnmtile 1800 1500 "$data/i.ppm"
fi
if program nifti_tool nifti-bin; then
    $gen nifti 64 64 40 60 1 > "$data/v.nii" # long enough that the prover gets its turn on a busy machine
    gzip -1 "$data/v.nii"
    try nifti_tool 50 1M sh -c 'rm -f o.nii; exec nifti_tool -cbl -prefix o.nii -infiles "$1"' sh "$data/v.nii.gz"
fi

awk 'BEGIN { n = 6000; d = 60; print n, d; for (i = 0; i < n; i++) { printf "word%d", i; for (k = 0; k < d; k++) printf " %.6f", ((i * 7919 + k * 104729) % 20011) / 10007 - 1; print "" } }' > "$data/vectors.txt"
try vectors 50 256K "$build/tests/support/loads" vectors "$data/vectors.txt"
awk 'BEGIN { n = 150000; print "%%MatrixMarket matrix coordinate real general"; print "% a remark"; print 40000, 40000, n; for (i = 0; i < n; i++) print (i * 7919) % 40000 + 1, (i * 104729) % 40000 + 1, (i % 1013) / 8 }' > "$data/matrix.mtx"
try matrix 50 256K "$build/tests/support/loads" matrix "$data/matrix.mtx"
closing_line
