# numpy.loadtxt and pandas.read_csv: a matrix grown by realloc, and columns. Debian's own interpreter.
plan=$plans/python3.plan
numpy='import os, sys, time, zlib, numpy as n
d = n.loadtxt(sys.argv[1], delimiter=",", skiprows=1)
end = time.monotonic() + float(os.environ.get("PATIENCE", 0))
while time.monotonic() < end: d.sum(), time.sleep(0.02)
for i in range(3): print(d.shape, d.dtype, d.sum(), d[::-7].sum(), zlib.crc32(d))'
pandas='import os, sys, time, zlib, pandas as p
d = p.read_csv(sys.argv[1])
end = time.monotonic() + float(os.environ.get("PATIENCE", 0))
while time.monotonic() < end: d.sum(numeric_only=True), time.sleep(0.02)
for i in range(3): print(d.shape, list(d.dtypes), d.mean(numeric_only=True).sum(), d.iloc[::-7].sum(numeric_only=True).sum())
print(zlib.crc32(repr(d.to_numpy().tolist()).encode()))'
rows=$(pick 60000 1500000)
$gen csv "$rows" 6 1 header > "$data/t.csv"
budget=$(pick 1M 14M) timeout=600

for module in numpy pandas; do
    if [ ! -x $python ] || ! $python -c "import $module" 2> /dev/null; then
        skip "$module" "$python has no $module: install python3-$module"
        continue
    fi
    eval "program=\$$module"
    read_table() { row "$module, $1" $python -c "$program" "$2"; }
    min_saved=40
    for store in none disk; do
        options=--store=$store
        read_table "store $store" "$data/t.csv"
    done
    options="--store=none --fault=protect"
    read_table "fault protect" "$data/t.csv"
    options=--store=none
    $gen csv "$((rows * 2))" 3 2 header > "$data/columns3.csv"
    read_table "3 columns" "$data/columns3.csv"
    $gen csv "$((rows / 3))" 17 3 header > "$data/columns17.csv"
    read_table "17 columns" "$data/columns17.csv"
    shape() { title=$1; shift; "$@" > "$data/shape.csv"; plain_key=; read_table "$title" "$data/shape.csv"; }
    shape "CRLF" sed 's/$/\r/' "$data/t.csv"
    shape "missing last newline" head -c -1 "$data/t.csv"
    shape "exponents" awk -F, -v OFS=, 'NR > 1 { for (i = 1; i <= NF; i++) $i = sprintf("%.3e", $i) } { print }' "$data/t.csv"
    shape "negative zeros" awk -F, -v OFS=, 'NR > 1 { $2 = "-0.0"; $5 = "-0." } { print }' "$data/t.csv"
    shape "blank lines" awk '{ print } NR % 1000 == 0 { print "" }' "$data/t.csv"
    min_saved=0
    shape "long numbers" awk -F, -v OFS=, 'NR > 1 { $3 = "1" $3 "12345678901234567890"; sub("1-", "-1", $3) } { print }' "$data/t.csv"
    shape "whole numbers" awk -F, -v OFS=, 'NR > 1 { for (i = 1; i <= NF; i++) $i = int($i * 1000000) } { print }' "$data/t.csv"
    shape "a column of words" awk -F, -v OFS=, 'NR > 1 { $4 = "word" NR } { print }' "$data/t.csv"
    shape "missing values" awk -F, -v OFS=, 'NR > 1 && NR % 50 == 0 { $4 = "" } { print }' "$data/t.csv"
    shape "empty file" true
    shape "header only" head -n 1 "$data/t.csv"
done
