#!/bin/sh
# Files that a program has not opened by name: whichever way a descriptor comes, `lens run` saves as with a plain open, and
# `lens report` names the file.
# Usage: tests/openings.sh BUILD
set -u
build=$(cd "${1:?usage: openings.sh BUILD}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME="$work/cache"
passed=0 failed=0
program=$build/tests/support/opened_by
kv=$build/examples/kv
least=80 store=none
mkdir -m 700 "$work/store"

result() { # ok|not ok, name, remark
    echo "$1 - $2${3:+ # $3}"
    if [ "$1" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}
field() { sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" "$work/stats" | head -1; }

seq 1000000 1400000 >"$work/data.txt"
site() { printf 'lens-plan 1\nsite "*" { min 64K file "data.txt" "memfd:data.txt" lens verbatim %s }\n' "$1"; }
site "extent read" >"$work/read.plan"
site "" >"$work/front.plan"

percent() {
    [ -s "$work/stats" ] || { echo 0; return; }
    awk -v pages="$(field absent_pages_peak)" -v touched="$(field touched_bytes_peak)" \
        'BEGIN { print (touched ? int(pages * 4096 * 100 / touched) : 0) }'
}

# How far the prover gets depends on who else wants the processor: a share too small is looked at again. Bytes are not.
saves() { # title, plan, command...; standard input is the file
    title=$1 plan=$2
    shift 2
    cp "$work/data.txt" "$work/there.txt"
    timeout 60 "$@" <"$work/data.txt" >"$work/plain"
    mv "$work/there.txt" "$work/data.txt"
    for _ in 1 2 3 4 5; do
        cp "$work/data.txt" "$work/there.txt"
        rm -f "$work/stats"
        timeout 60 "$build/lens" run --quiet --plan "$work/$plan.plan" --budget 64K --store $store --store-dir "$work/store" --stats "$work/stats" -- "$@" \
            <"$work/data.txt" >"$work/lens" 2>"$work/err"
        mv "$work/there.txt" "$work/data.txt"
        cmp -s "$work/plain" "$work/lens" || break
        [ "$(percent)" -ge $least ] && break
    done
    if ! cmp -s "$work/plain" "$work/lens"; then
        result "not ok" "$title" "differs: $(tail -1 "$work/err")"
    elif [ "$(percent)" -lt $least ]; then
        result "not ok" "$title" "saved $(percent) % instead of $least"
    else
        result ok "$title"
    fi
}

reports() { # title, what the report says, command...
    title=$1 says=$2
    shift 2
    cp "$work/data.txt" "$work/there.txt"
    rm -f "$work"/trace*
    timeout 60 "$build/lens" profile -o "$work/trace" -- "$@" <"$work/data.txt" >/dev/null 2>"$work/err"
    mv "$work/there.txt" "$work/data.txt"
    for trace in "$work"/trace*; do
        "$build/lens" report --quiet --json - "$trace"
    done >"$work/json" 2>"$work/err"
    if grep -q "$says" "$work/json" && grep -q 'data\.txt"' "$work/json"; then
        result ok "$title"
    else
        result "not ok" "$title" "$(grep -E '"relation"|"verdict"|"path"' "$work/json" | head -4 | tr -s ' \n' ' ')"
    fi
}

for way in plain dup dup-alone dup2 dup3 fcntl cloexec inherited exec socket pidfd dev-stdin dev-fd proc-fd openat2 memfd removed; do
    # What the program can write to any time is depended on by way of a copy.
    if [ $way = memfd ]; then store=disk; else store=none; fi
    saves "run, $way, read" read "$program" $way "$work/data.txt"
    saves "run, $way, fread" read "$program" $way "$work/data.txt" stream
    saves "run, $way, getline" front "$program" $way "$work/data.txt" rows
    reports "report, $way, read" '"read-into"' "$program" $way "$work/data.txt"
done
for way in dup dup-alone inherited exec socket; do
    reports "report, $way, getline" '"read-\(near\|then\)"' "$program" $way "$work/data.txt" rows
done

# A block that another function resizes keeps its extents: the plan may name either.
program=$build/tests/support/slurped
for how in known grown; do
    for site in allocates resizes; do
        printf 'lens-plan 1\nsite "%s" { min 64K file "data.txt" lens verbatim extent read }\n' $site >"$work/$site.plan"
        saves "run, $how, site $site" $site "$program" $how "$work/data.txt"
    done
    reports "report, $how" '"read-into"' "$program" $how "$work/data.txt"
    if awk '/"name": "resizes"/ { on = 1 } on && /"verdict"/ { print; exit }' "$work/json" | grep -q read-into; then
        result ok "report, $how: the function that resizes"
    else
        result "not ok" "report, $how: the function that resizes"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
