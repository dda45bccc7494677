#!/bin/bash
# lens profile: known allocations are told exactly, ends of every kind leave a trace that can be read, real programs behave
# as without it.
#   tests/profile.sh BUILD
set -u
build=$(cd "${1:-build}" && pwd)
tests=$(cd "$(dirname "$0")" && pwd)
lens=$build/lens known=$build/tests/profile/known dump=$build/tests/tools/trace_dump
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
# record NAME PROGRAM...: runs under the recorder ($mode); $status, $work/out, $work/lines (the dump), $work/trace
mode=--full
record() {
    rm -f trace trace.*
    { LENS_TEST_TRACE=$work/trace timeout -k 2 60 "$lens" profile $mode -o trace -- "$@" >out 2>err </dev/null; } 2>/dev/null
    status=$?
    "$dump" trace >lines 2>dump.err || echo "dump: $(cat dump.err)" >lines
}
meta() { sed -n "s/^meta $1 //p" lines; }
# The numbers of a function's site behind a word: number FUNCTION WORD
number() { grep "^site .* path \(operator new<\)\?$1\(<\|$\)" lines | sed -n "s/.* $2 \([0-9]*\).*/\1/p" | paste -sd' '; }

# ---- exact counts
record "$known" counts
same "known program: status" "$status" 0
same "known program: output" "$(cat out err)" "done counts"
same "small ones: allocations" "$(number small_ones allocations)" 1000
same "small ones: bytes" "$(number small_ones bytes)" 100000
same "small ones: frees" "$(number small_ones frees)" 400
same "small ones: live" "$(number small_ones live)" 60000
same "one by one: allocations" "$(number one_by_one allocations)" 10
same "one by one: own peak" "$(number one_by_one peak)" 3145728
same "one by one: live" "$(number one_by_one live)" 0
same "mountain: own peak" "$(number mountain peak)" 8388608
same "mountain: at the process's peak" "$(number mountain at_peak)" 8388608
same "mountain: live" "$(number mountain live)" 1048576
same "small ones: at the process's peak" "$(number small_ones at_peak)" 60000
same "chain: allocations" "$(number chain allocations | tr ' ' '\n' | sort -n | paste -sd' ')" "1 20"
same "chain: live" "$(number chain live | tr ' ' '\n' | sort -n | paste -sd' ')" "0 21000"
same "aligned: bytes" "$(number aligned bytes | tr ' ' '\n' | sort -n | paste -sd' ')" "300 640 700 770 5000 5000"
same "how it ended" "$(meta end)" "1 0"
same "not cut" "$(meta cut)" 0

# ---- threads, maps, deep stacks
record "$known" threads
same "threads: allocations" "$(number in_thread allocations | tr ' ' '\n' | sort -n | paste -sd' ')" "8 40000"
same "threads: freed across threads" "$(number in_thread live | tr ' ' '\n' | sort -n | paste -sd' ')" "0 8000"
record "$known" map
same "mmap: live" "$(number map_anonymous live) $(number map_anonymous allocations)" "5242880 1"
record "$known" recursion
same "deep stacks: allocations" "$(number recursion allocations | tr ' ' '\n' | sort -n | paste -sd' ')" "1 1"
same "deep stacks: status" "$status" 0

# ---- where bytes come from
seq 100000 >read.txt # 588895 bytes
record "$known" reads "$work/read.txt"
number_of_file=$(sed -n "s|^file \([0-9]*\) bytes 588895 path $work/read.txt|\1|p" lines)
inputs() { sed -n "s/^input [0-9]* file ${number_of_file:-none} offset \([0-9]*\) bytes \([0-9]*\) block \([0-9]*\) block_offset \([0-9]*\) calls \([0-9]*\) mapped \([01]\)/\1 \2 \3 \4 \5 \6/p" lines; }
block_of() { sed -n "s/^block \([0-9]*\) address [0-9a-f]* bytes $1 .*/\1/p" lines; }
same "reads: into a block, put together" "$(inputs | grep '^1000 ')" "1000 300000 $(block_of 1048576) 500 10 0"
same "reads: a mapping" "$(inputs | grep ' 1$')" "0 401408 $(block_of 401408) 0 1 1"
same "reads: by stdio" "$(inputs | grep ' 0 0 1 0$')" "0 588895 0 0 1 0"

# ---- what a report says of memory that comes from a file by several hands
seq 400000 >chunked.txt
seq 500000 900000 >whole.txt
# Of each function's row: the file and how, or "-".
origins() { "$lens" report -q --json - trace | python3 -c 'import json, os, sys
for site in json.load(sys.stdin)["sites"]:
    backing, name = site["backing"], site["path"][0]["function"]
    if name in sys.argv[1:]:
        print(name, os.path.basename(backing["path"]) + " " + backing["relation"] if backing else "-")' "$@" | sort | paste -sd';'; }
for mode in --full --sample=64K; do
    record "$build/tests/profile/shapes" chunked.txt whole.txt
    same "origins $mode" "$(origins no_file near_chunks then_chunks into_whole near_whole)" \
        "into_whole whole.txt read-into;near_chunks chunked.txt read-near;near_whole whole.txt read-near;no_file -;then_chunks chunked.txt read-then"
done
mode=--full

# ---- ends of every kind
for end in exit:5:1 under:3:2 quick:4:2:0; do # what quick_exit was given, its handlers do not hear
    IFS=: read -r name wanted how told <<<"$end"
    record "$known" "$name"
    same "$name: status" "$status" "$wanted"
    same "$name: told" "$(meta end)" "$how ${told:-$wanted}"
    same "$name: live" "$(number small_ones live)" 60000
done
for end in kill:137:0:0 abort:134:5:6; do
    IFS=: read -r end wanted how told <<<"$end"
    record "$known" "$end"
    same "$end: status" "$status" "$wanted"
    same "$end: the trace is whole" "$(meta cut) $(meta end)" "0 $how $told"
    same "$end: peak" "$(number mountain at_peak)" 8388608
    same "$end: live" "$(number mountain live)" 1048576
done
for number in 1 2 3 11 13 15; do # everything up to the signal, and the program's end is what it would be
    record "$known" death $number
    same "signal $number: status" "$status" $((128 + number))
    same "signal $number: told" "$(meta cut) $(meta end)" "0 5 $number"
    same "signal $number: live" "$(number small_ones live)" 60000
done
(trap '' 10; record "$known" death 10; echo "$status $(meta end)" >ignored)
same "a signal that is ignored ends nothing" "$(cat ignored)" "0 1 0"
mode="--full --use"
for number in 7 11; do # the engine has actions of its own for these
    record "$known" death $number
    same "signal $number with --use" "$status $(meta cut) $(meta end)" "$((128 + number)) 0 5 $number"
done
mode=--full
record "$known" actions
same "actions are seen as without" "$status $(cat out)" "143 "
same "actions: told" "$(meta end)" "5 15"
problem=
for ((i = 1; i <= 20; i++)); do
    record "$known" storm $i
    [ "$status" = 142 ] && [ "$(meta cut)" = 0 ] && [[ "$(meta end)" =~ ^(5 14|0 0)$ ]] || problem="$problem; $i: status $status, end $(meta end)"
done
same "a signal amid allocations" "$problem" ""
record "$known" fork
child=$(echo trace.*)
same "fork: parent's live" "$(number small_ones live)" 60000
same "fork: parent knows nothing of the child" "$(number child_allocates bytes)" ""
"$dump" "$child" >lines 2>&1
same "fork: child's own" "$(number child_allocates live)" 300000
same "fork: child inherits" "$(number small_ones live)" 60000
same "fork: child's end" "$(meta end) $(meta forked)" "2 7 1"
row_of() { "$lens" report --json - "$@" 2> /dev/null | jq -r '.inherited_bytes, (.sites[] | select(.name == "small_ones" or .name == "child_allocates") | "\(.name) \(.at_peak_bytes) \(.live_bytes) \(.bytes)")' | sort | tr '\n' ' '; }
alone=$(row_of "$child") both=$(row_of trace "$child") parent=$(row_of trace)
same "fork: alone the child counts what it inherited" "$(echo "$alone" | tr ' ' '\n' | head -1)" 0
same "fork: together they count it once" "$(echo "$both" | grep -o 'small_ones.*')" "$(echo "$parent" | grep -o 'small_ones.*')"
same "fork: and the child's own as alone" "$(echo "$both" | grep -o 'child_allocates [0-9]*')" "$(echo "$alone" | grep -o 'child_allocates [0-9]*')"
record "$known" exec
same "exec: end" "$(meta end)" "3 0"
same "exec: live" "$(number small_ones live)" 60000
"$dump" "$(echo trace.*)" >lines 2>&1
same "exec: the new image has its own" "$(meta argc) $(meta end)" "2 1 0"
record "$known" failed_exec
same "an exec that fails: the end is another" "$(meta end)" "1 0"
same "an exec that fails: recording goes on" "$(number mountain peak)" 8388608

# ---- sampled: large ones exactly, small ones within five standard errors
mode="--sample 4K"
record "$known" counts
same "sampled: large ones are exact" "$(number mountain at_peak) $(number one_by_one allocations)" "8388608 10"
same "sampled: is told" "$(meta full)" 0
record "$known" many
read -r bytes error < <(sed -n 's/^site .* bytes \([0-9]*\) freed .* error \([0-9]*\) .* path main.*/\1 \2/p' lines)
awk -v b="${bytes:-0}" -v e="${error:-0}" 'BEGIN { t = 74850000; d = b > t ? b - t : t - b; exit !(e > 0 && e < t / 20 && d < 5 * e) }'
result $? "sampled: an estimate within its error" "bytes ${bytes:-none} of 74850000, error ${error:-none}"
mode=--full
record "$known" many
same "many: bytes" "$(sed -n 's/^site .* allocations 300000 .* bytes \([0-9]*\) .*/\1/p' lines)" 74850000

# ---- while it runs, and wrong use
rm -f trace
same "an older trace is replaced" "$(for i in 1 2; do "$lens" profile --full -o trace -- "$known" nothing; done 2>&1 | paste -sd' ')" "done nothing done nothing"
echo precious >file
"$lens" profile -o file -- true 2>err
same "other files are not replaced" "$? $(cat file)" "2 precious"
"$lens" profile --full --sample 1K -- true 2>err
same "--full and --sample" "$?" 2
"$lens" profile --sample 0 -- true 2>err
same "--sample 0" "$?" 2
"$lens" profile -o /nowhere/t -- true 2>err
same "no such folder" "$?" 2
"$lens" profile -o trace 2>err
same "no program" "$?" 2
"$lens" profile -o trace -- /nowhere/program 2>err
same "no such program" "$?" 127

# ---- a full disk: the program goes on
seq 30000 | jq -c '{a: ., b: [., "x\(.)"]}' >lines.json
if mkdir small && mount -t tmpfs -o size=12k none small 2>/dev/null; then
    timeout 60 "$lens" profile --full -o small/trace -- jq -c .b lines.json >out 2>err
    same "full disk: status and output" "$? $(md5sum <out)" "0 $(jq -c .b lines.json | md5sum)"
    grep -q "^lens: the trace .* ends here" err
    result $? "full disk: is said" "$(cat err)"
    "$dump" small/trace >lines 2>&1
    same "full disk: what is there can be read" "$(meta cut) $(meta end | cut -d' ' -f1) $(meta program)" "0 4 $(realpath "$(command -v jq)")"
    umount small
else
    skip "full disk" "no tmpfs can be mounted here"
fi

# ---- programs of the catalogue, and stock programs: output and status as without
unchanged() { # name, program...
    local name=$1 wanted
    shift
    { (timeout -k 2 60 "$@") >plain.out 2>plain.err </dev/null; } 2>/dev/null
    wanted=$?
    for mode in ${modes:---full "--sample=16K"}; do
        record "$@"
        [ "$status" = "$wanted" ] && cmp -s plain.out out && [ "$(meta cut)" = 0 ]
        result $? "$name ${mode%% *}" "status $status, wanted $wanted; $(tail -1 err) $(grep -m1 dump: lines)"
    done
}
"$build/tests/catalogue/make_data" >data
export CATALOGUE_PAUSE_MS=1 # nothing is proven here
modes=--full
for program in "$build"/tests/catalogue/*; do
    case $program in
    *.d | *make_data | */entropy) ;; # entropy: prints what differs from run to run
    *) unchanged "$(basename "$program")" "$program" "$work/data" ;;
    esac
done
modes=
python3 -c 'import json; print(json.dumps([{"a": i, "b": ["x%d" % i, i / 7]} for i in range(20000)]))' >j.json
seq 200000 -1 1 >numbers
unchanged jq jq -c '[.[] | .a] | add' j.json
unchanged sort sort -n numbers
unchanged python3 python3 -c 'print(sum(len(str(i)) for i in range(100000)))'
python=python3
/usr/bin/python3 -c 'import pandas' 2>/dev/null && python=/usr/bin/python3
if $python -c 'import pandas' 2>/dev/null; then
    python3 -c 'for i in range(300000): print(i, i / 7, (i * 7919) % 1000, sep=",")' >table.csv
    record $python -c 'import pandas; table = pandas.read_csv("table.csv"); print(len(table), table.sum().sum())'
    # Everything large that stays is of numpy; the parser's own arrays are told to be filled from the file.
    "$lens" report -q --json - trace | python3 -c 'import json, sys
large = [s for s in json.load(sys.stdin)["sites"] if s["at_peak_bytes"] >= 1 << 20 and s["verdict"] not in ("mapping", "small-blocks")]
lost = [s["path"][0] for s in large if not s["backing"] or not s["backing"]["path"].endswith("/table.csv")]
assert not lost, lost
assert any(s["backing"]["relation"] == "read-near" for s in large), "no row was filled while reading"' 2>err
    result $? "pandas: where its blocks come from" "$(tail -1 err)"
else
    skip "pandas" "not installed"
fi
if command -v liblinear-train >/dev/null; then
    "$build/tests/gen/gen" svm 3000 20 2000 1 >lin.svm
    unchanged liblinear-train liblinear-train -s 0 -e 0.1 lin.svm lin.model
else
    skip liblinear-train "not installed"
fi
if command -v redis-benchmark >/dev/null; then # a server with threads, and its clients; an allocator of its own below
    mkdir redis
    unchanged redis bash -c 'cd redis && rm -rf * && bash "$1" quick' - "$tests/chaos/redis.sh"
    told=
    for trace in trace.*; do
        "$dump" "$trace" >lines 2>/dev/null
        case "$(meta program) $(meta forked)" in */redis*" 0") grep -q "path .*_sdsnewlen" lines && [ "$(meta end)" = "1 0" ] && told="$told." ;; esac
    done
    [ -n "$told" ]
    result $? "redis: the server's trace has its strings, and its end" "$(ls trace*)"
else
    skip "redis" "not installed"
fi
# ---- what the report suggests: blocks of one site, read from two files
"$build/tests/gen/gen" lines 60000 9 >left.txt
sed '$s/$/ and more/; 30000d' left.txt | head -c -1 >right.txt
record diff left.txt right.txt
cp out wanted
"$lens" report -q --json - trace | python3 -c 'import json, sys; print(json.load(sys.stdin)["plan"])' >diff.plan
same "a plan for both files that were read" "$(sed -n 's/^ *file //p' diff.plan | sort -u)" '"*.txt"'
"$lens" run --plan diff.plan --budget 256K --stats stats.json -- diff left.txt right.txt >out 2>err
cmp -s out wanted
result $? "that plan: the output" "$(cat err)"
python3 -c 'import json; s = json.load(open("stats.json")); assert s["absent_pages_peak"] * 4096 > 3 << 20, s' 2>err
result $? "that plan gives most of both files back" "$(tail -1 err)"
unchanged shell sh -c 'seq 1000 | sort -r | head -3; (exit 3)'
# ---- stacks and code that are not what they were: fibers that end in junk, plugins that come to each other's place
cat >plugin.c <<'C'
#include <stdlib.h>
__attribute__((noinline)) void *make(size_t bytes)
{
    volatile char room[FRAME];
    room[0] = room[FRAME - 1] = 1;
    char *made = malloc(bytes);
    return made + (room[0] + room[FRAME - 1] == 77);
}
C
mode=--full
record "$build/tests/support/fiber"
same "fibers: status, output" "$status $(cat out)" "0 done"
if ${CC:-cc} -O1 -fPIC -shared -DFRAME=300 -o small.so plugin.c 2>cc.err && ${CC:-cc} -O1 -fPIC -shared -DFRAME=12000 -o large.so plugin.c 2>cc.err; then
    record "$build/tests/support/reload" ./small.so ./large.so
    same "reload: status, output" "$status $(cat out)" "0 done"
    same "reload: each opening's allocations are its own" "$(number make allocations | tr ' ' '\n' | sort -n | uniq -c | awk '{print $1, $2}' | paste -sd' ')" "6 150 6 200"
else
    skip "reload" "$(tail -1 cc.err)"
fi

# ---- a library with a clock of its own (libfaketime): it may not be called in the thread that writes, and tells another time
cat >clock.c <<'C'
#define _GNU_SOURCE
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
static __thread char large[1 << 16];
int clock_gettime(clockid_t clock, struct timespec *to) { large[clock & 0xffff]++; to->tv_sec = 1000000 + large[0] % 1; to->tv_nsec = 0; return 0; }
C
if ${CC:-cc} -O1 -w -fPIC -shared -ftls-model=global-dynamic -o clock.so clock.c 2>cc.err; then
    record env LD_PRELOAD="$build/liblens-preload.so:$PWD/clock.so" sh -c 'date -u +%s; exit 5'
    same "a clock of its own: status, output" "$status $(cat out)" "5 1000000"
else
    skip "a clock of its own" "$(tail -1 cc.err)"
fi

# ---- sanitizers: their programs run as without us
echo 'int main(void) { return 7; }' >plain.c
for compiler in gcc clang; do
    for kind in address thread memory undefined; do
        [ $compiler$kind != gccmemory ] || continue
        if ! $compiler -fsanitize=$kind -o sanitized plain.c 2>/dev/null || { ./sanitized >/dev/null 2>&1; [ $? != 7 ]; }; then
            skip "$compiler -fsanitize=$kind" "cannot be built, or does not run here"
            continue
        fi
        record ./sanitized
        same "$compiler -fsanitize=$kind" "$status" 7
    done
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
