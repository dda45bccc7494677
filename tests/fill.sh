#!/bin/bash
# Who fills a block: a program whose fillers are known, on every side of a fork and in threads, what the kernel writes, and
# where the kernel lets nobody look.
#   tests/fill.sh BUILD
set -u
build=$(cd "${1:-build}" && pwd)
lens=$build/lens fillers=$build/tests/profile/fillers deny=$build/tests/support/deny
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset LENS_TRACE LENS_PLAN
export LC_ALL=C
passed=0 failed=0 skipped=0
result() { # status, name, remark
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
        echo "ok - $2"
    else
        failed=$((failed + 1))
        echo "not ok - $2${3:+ # $3}"
    fi
}
skip() {
    skipped=$((skipped + 1))
    echo "skip - $1: $2"
}
same() { # name, got, wanted
    [ "$2" = "$3" ]
    result $? "$1" "got \"$2\", wanted \"$3\""
}
mode=--full under=
record() { # PROGRAM...: $status, out, err, report.json (of the first process), trace, trace.PID
    rm -f trace trace.* report.json
    timeout -k 2 60 $under "$lens" profile $mode -o trace -- "$@" >out 2>err </dev/null
    status=$?
    "$lens" report --json report.json trace >report.txt 2>report.err
}
# share SITE FILLER: of 100, rounded; "reads" after the name for what the kernel wrote
share() {
    jq -r --arg site "$1" --arg filler "$2" '[.sites[] | select(.name == $site) | .filled_by[]? |
        select(.name + (if .by_reads then " reads" else "" end) == $filler) | .share] | add // 0 | . * 100 | round' report.json
}
is_near() { # SITE, FILLER, wanted share: a machine that is busy loses samples
    got=$(share "$1" "$2")
    [ "$got" -ge $(($3 - 15)) ] && [ "$got" -le $(($3 + 15)) ]
}
# Records anew, some times, until shares are what they should be: what a busy machine loses is chance.
record_until() { # SITE/FILLER/WANTED,..., PROGRAM...
    local rows=$1 wanted site filler all
    shift
    for _ in 1 2 3 4 5 6 7 8; do
        record "$@"
        all=yes
        while IFS=/ read -r site filler wanted; do
            is_near "$site" "$filler" "$wanted" || all=
        done < <(tr , '\n' <<<"$rows")
        [ -z "$all" ] || return
    done
}
near() { # name, SITE, FILLER, wanted share
    local got
    is_near "$2" "$3" "$4"
    result $? "$1" "$3 has $got % of $2, wanted $4; $(jq -c --arg site "$2" '[.sites[] | select(.name == $site) | .filled_by[]? | [.name, .share, .samples]]' report.json)"
}

all=for_stores/by_stores/100,for_memset/by_memset/100,for_two/by_stores/75,for_two/by_others/25
# All of them, recorded in $mode: for how faults are sampled, and for how --use sees them. The label goes before each name.
known_fillers() {
    record_until $all,for_zeros/by_recursion/100 "$fillers" stores
    if grep -q 'is not watched' err; then
        skip "$1known fillers" "$(cat err)"
        return
    fi
    same "$1status and output" "$status $(cat out err)" "0 $("$fillers" stores)"
    near "$1stores" for_stores by_stores 100
    near "$1libc stores for its caller" for_memset by_memset 100
    near "$1two functions fill: the larger part" for_two by_stores 75
    near "$1two functions fill: the smaller part" for_two by_others 25
    near "$1at the end of a deep stack" for_zeros by_recursion 100
    record_until for_threads/by_stores/75,for_threads/by_others/25 "$fillers" threads
    near "$1threads: most of them" for_threads by_stores 75
    near "$1threads: the other" for_threads by_others 25
    record_until for_later/by_stores/100 "$fillers" reversed
    near "$1a thread older than the block" for_later by_stores 100
    head -c 16M /dev/urandom >data
    record_until "for_reads/by_reads reads/50,for_reads/by_stores/50" "$fillers" reads "$work/data"
    near "$1read(2): by the kernel, for the reader" for_reads "by_reads reads" 50
    near "$1read(2): the rest" for_reads by_stores 50
    record_until for_stores/by_stores/100,for_later/by_stores/100 "$fillers" forks
    near "$1fork: before" for_stores by_stores 100
    near "$1fork: after" for_later by_stores 100
    same "$1fork: what is copied was filled before" "$(share for_stores by_others)" 0
    "$lens" report --json report.json trace.* >/dev/null 2>&1
    near "$1fork: the child's own" for_child by_memset 100
    same "$1fork: the child fills nothing of its parent's" "$(share for_stores by_others)" 0
}

# ---- where it is denied: one line, and all else as ever
if "$deny" 298 true 2>/dev/null && [ "$(uname -m)" = x86_64 ]; then
    plain=$("$fillers" stores)
    under="$deny 298"
    record "$fillers" stores
    same "denied: status and output" "$status $(cat out)" "0 $plain"
    same "denied: one line" "$(cat err)" \
        "lens: who fills the memory is not watched: perf_event_open: not permitted (kernel.perf_event_paranoid above 2, or a sandbox); --use watches without"
    same "denied: the report does without" "$(jq -c '[.sites[] | select(.name == "for_two") | .filled_by]' report.json)" "[null]"

    mode="--full --use" # sees first touches by itself
    known_fillers "denied, --use: "
    mode=--full
    under="$deny 310"
    record "$fillers" stores
    same "unwind tables that cannot be copied: status and output" "$status $(cat out)" "0 $plain"
    under=
else
    skip "denied" "no filters here"
fi
mode="--full"
record "$fillers" small
same "nothing large: nothing is watched" "$status $(cat err) $(jq -c '[.sites[].filled_by] | unique' report.json)" "0  [null]"

# ---- what is filled by whom
known_fillers ""
if grep -q 'is not watched' err; then
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
    exit
fi
record_until $all "$fillers" stores
grep -q '^ *filled by by_stores (fillers.c:[0-9]*) [0-9.]*%, by_others (fillers.c:[0-9]*) ' report.txt
result $? "the table says so" "$(cat report.txt)"
callers=$("$build/tests/tools/trace_dump" trace | grep -c '^writer')
[ "$callers" -ge 5 ]
result $? "records in the trace" "$callers"

# ---- sampled: less, but the same; and the pages that --use makes come and go are no fillings
mode=
record_until $all "$fillers" stores
near "sampled: stores" for_stores by_stores 100
near "sampled: memset" for_memset by_memset 100
mode="--full --use"
record_until $all "$fillers" stores
same "with --use: status and output" "$status $(cat out)" "0 $("$fillers" stores)"
near "with --use: stores" for_stores by_stores 100
near "with --use: two" for_two by_stores 75

# ---- by an ordinary user
mode=--full
if [ "$(id -u)" = 0 ] && [ "$(cat /proc/sys/kernel/perf_event_paranoid)" -le 2 ] && chmod 777 "$work" && setpriv --reuid=65534 --regid=65534 --clear-groups "$fillers" small >/dev/null 2>&1; then
    rm -f trace report.json
    setpriv --reuid=65534 --regid=65534 --clear-groups "$lens" profile --full -o trace -- "$fillers" stores >out 2>err
    "$lens" report --json report.json trace >/dev/null 2>&1
    near "without privilege" for_two by_stores 75
else
    skip "without privilege" "cannot become another user, or kernel.perf_event_paranoid is above 2"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
