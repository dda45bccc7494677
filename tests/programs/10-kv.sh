# The key=value readers of examples/: one thread, eight threads, forked workers.
kv=$build/examples/kv
file=$data/pairs.kv
plan=$plans/kv.plan min_saved=60
budget=$(pick 512K 16M)
$gen kv "$(pick 600000 20000000)" 1 > "$file"

row "kv" "$kv" "$file"
for store in none memory disk; do
    for rung in inthread thread protect; do
        options="--store=$store --fault=$rung" expect=rung=$rung
        row "kv, store $store, fault $rung" "$kv" -p 3 "$file"
    done
done
options=--store=none expect=
plan=$plans/kv_threads.plan
row "kv_threads, 8 threads" "$build/examples/kv_threads" -n 2000 "$file"
options=--store=disk
row "kv_threads, 8 threads, store disk" "$build/examples/kv_threads" -n 2000 "$file"
plan=$plans/kv_fork.plan
for rung in inthread thread protect; do
    options="--store=none --fault=$rung"
    row "kv_fork, 4 workers, fault $rung" "$build/examples/kv_fork" "$file"
done
options=--store=disk
row "kv_fork, 4 workers, store disk" "$build/examples/kv_fork" "$file"

# Over other allocators.
plan=$plans/kv.plan options=--store=none
for name in jemalloc mimalloc; do
    allocator=$libraries/lib$name.so.2
    if [ -e "$allocator" ]; then
        row "kv over $name" "$kv" -p 2 "$file"
    else
        skip "kv over $name" "no $allocator: install lib${name}2 or lib${name}2.0"
    fi
done
allocator=

# As somebody without privileges; the rungs that need some may be refused, the run may not fail.
if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null; then
    chmod 755 "$work" "$data"
    chmod 644 "$file"
    cp "$kv" "$work/bin/kv"
    user=65534
    mkdir -m 700 "$work/nobody.store"
    chown 65534 "$work/nobody.store"
    store_dir=$work/nobody.store
    cp "$plan" "$work/bin/kv.plan"
    plan=$work/bin/kv.plan
    cp "$file" "$data/own.kv"
    chown 65534 "$data/own.kv"
    for store in none disk; do
        options=--store=$store
        row "kv as nobody, store $store" "$work/bin/kv" -p 2 "$data/own.kv"
    done
    options="--store=none --fault=protect"
    row "kv as nobody, fault protect" "$work/bin/kv" -p 2 "$data/own.kv"
    # No lease on what belongs to somebody else: the store, or the user's word.
    options=--store=disk
    row "kv as nobody, root's file, store disk" "$work/bin/kv" -p 2 "$file"
    options="--store=none --trust-backing=replace-only"
    row "kv as nobody, root's file, replace-only" "$work/bin/kv" -p 2 "$file"
    min_saved=0 options=--store=none expect=nothing
    row "kv as nobody, root's file, store none" "$work/bin/kv" -p 2 "$file"
    min_saved=60 expect=
    user='' store_dir='' plan=$plans/kv.plan
    rm -rf "$work/nobody.store"
else
    skip "kv as nobody" "not root, or no setpriv"
fi

# Nothing to do: no plan, a plan that never matches, no rung.
options=--store=none min_saved=0 expect=nothing
plan=
row "kv without a plan" "$kv" -p 2 "$file"
printf 'lens-plan 1\nsite "nobody_calls_this" { file "*" lens verbatim }\n' > "$work/never.plan"
plan=$work/never.plan
row "kv, a plan that never matches" "$kv" -p 2 "$file"
plan=$plans/kv.plan
options=--fault=off
row "kv, fault off" "$kv" -p 2 "$file"
options=--store=none expect=

# Other shapes of the same text. Where the shape is one that the program reads, the lens must follow.
plain_key='' min_saved=60 budget=256K
small=$data/shape.kv
shape() { title=$1; shift; "$@" > "$small"; plain_key=; row "kv, $title" "$kv" -p 2 "$small"; }
head -n 150000 "$file" > "$data/base.kv"
shape "CRLF" sed 's/$/\r/' "$data/base.kv"
shape "missing last newline" sh -c "head -c -1 '$data/base.kv'; printf '\n1=2;'"
shape "exponents" awk -F= '{ sub(";", "", $2); printf "%s=%.5e;\n", $1, $2 }' "$data/base.kv"
shape "negative zero" awk -F= 'NR % 3 { print; next } { print "-0=-0.0;" }' "$data/base.kv"
shape "blank lines" awk '{ print } NR % 1000 == 0 { print "" }' "$data/base.kv"
shape "hexadecimal, inf and nan" awk -F= 'NR % 5 == 1 { print $1 "=0x1.8p-3;"; next } NR % 5 == 2 { print $1 "=-inf;"; next } NR % 5 == 3 { print $1 "=nan;"; next } { print }' "$data/base.kv"
shape "spaces and signs" awk -F= '{ printf "  +%d= %s\n", NR, $2 }' "$data/base.kv"
shape "numbers out of range" awk -F= 'NR % 4 == 1 { print "99999999999=1e999;"; next } NR % 4 == 2 { print "-99999999999=1e-999;"; next } { print }' "$data/base.kv"
min_saved=0
shape "a line that is none in the middle" awk 'NR == 100000 { print "what?" } { print }' "$data/base.kv"
shape "empty file" true
shape "one line" echo "1=2;"
row "kv, no such file" "$kv" "$data/not-there.kv"

# The file is replaced while the program works on it: by another of the same name, and in place.
plan=$plans/kv.plan min_saved=50 budget=256K options=--store=none
while_running()
{
    title=$1
    shift
    cp "$data/base.kv" "$data/live.kv"
    rm -rf "$work/stats"
    mkdir -m 777 "$work/stats"
    stats=$work/stats/row.json
    plain_key=
    run_plain "$kv" -p 500 "$data/live.kv"
    rm -f "$work/lens/stdout"
    (
        patience=1200
        until grep -q pairs "$work/lens/stdout" 2> /dev/null || [ $((patience -= 1)) = 0 ]; do sleep 0.05; done
        "$@"
    ) &
    run_lens "$kv" -p 500 "$data/live.kv"
    wait $!
}
replace() { tac "$data/live.kv" > "$data/new.kv" && mv "$data/new.kv" "$data/live.kv"; }
rewrite() { tac "$data/base.kv" > "$data/new.kv" && cat "$data/new.kv" > "$data/live.kv"; }
cut_short() { head -c 1000 "$data/base.kv" > "$data/live.kv"; }
while_running "" replace
judge "kv, file replaced by rename during the run"
for how in rewrite cut_short; do
    while_running "" $how
    # Whoever runs without leases may be stopped (121), loudly; nobody may get other bytes.
    if [ "$(cat "$work/lens/status")" = 121 ] && [ "$(wc -l < "$work/said")" = 1 ]; then
        ok "kv, file changed in place ($how): stopped with 121 and one line"
    else
        judge "kv, file changed in place ($how)"
    fi
done
