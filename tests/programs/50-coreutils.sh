# shuf and sort: a file's bytes as they are, and with newlines turned into NULs. sort's line table cannot be remade.
$gen lines "$(pick 100000 5000000)" 4 > "$data/lines.txt"
budget=$(pick 1M 25M) timeout=900
plan=$plans/shuf.plan min_saved=50 min_lazy=500
for store in none disk; do
    options=--store=$store
    row "shuf, store $store" shuf --random-source="$data/lines.txt" "$data/lines.txt"
done
plan=$plans/sort.plan min_saved=20 min_lazy=0 budget=$(pick 3M 130M)
for store in none disk; do
    options=--store=$store
    row "sort, store $store" sort -S "$(pick 100M 1G)" --parallel=1 "$data/lines.txt"
done
options=--store=none
min_saved=0
for store in none disk; do # open for writing since before it is read: no lease
    options=--store=$store
    row "sort -o its own input, store $store" sh -c "cp '$data/lines.txt' x && exec sort -S $(pick 100M 1G) --parallel=1 -o x x"
done
min_saved=20 options=--store=none
row "sort -u -k2n" sort -u -k2n -S "$(pick 100M 1G)" --parallel=1 "$data/lines.txt"
row "sort --parallel=2" sort -S "$(pick 100M 1G)" --parallel=2 "$data/lines.txt"
min_saved=0
head -c -1 "$data/lines.txt" > "$data/cut.txt"
row "sort, missing last newline" sort -S 100M "$data/cut.txt"
plan=$plans/shuf.plan
row "shuf, missing last newline" shuf --random-source="$data/lines.txt" "$data/cut.txt"
: > "$data/empty.txt"
row "shuf, empty file" shuf --random-source="$data/lines.txt" "$data/empty.txt"
plan=$plans/sort.plan
row "sort, empty file" sort "$data/empty.txt"
row "sort, no such file" sort "$data/not-there.txt"
row "sort of a folder" sort "$data"
