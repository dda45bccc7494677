#!/bin/bash
# Real programs under `lens run --chaos`: what they print and return must be what they print and return without it.
#   tests/chaos.sh BUILD [quick|full] [--seeds N] [--first SEED] [--only NAME,...] [--rungs RUNG,...] [--spec ,WORDS]
# quick: one seed for each package, on one rung each in turn, small inputs (a part of make check). full: --seeds (3) on each rung, larger ones.
# What a package does is tests/chaos/NAME.sh; --spec is put behind the seed. A run that takes too long is ended, with the stacks
# of all its processes. Prints for each package: seeds, runs, failures, and for each failure the command that repeats it.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: chaos.sh BUILD [quick|full] [OPTION...]}" && pwd) || exit 2
shift
size=quick seeds= first=1 only= rungs=inthread,thread,protect spec=
while [ $# -gt 0 ]; do
    case $1 in
    quick | full) size=$1 ;;
    --seeds | --first | --only | --rungs | --spec)
        [ $# -gt 1 ] || { echo "chaos.sh: $1 needs a value" >&2; exit 2; }
        case $1 in --seeds) seeds=$2 ;; --first) first=$2 ;; --only) only=$2 ;; --rungs) rungs=$2 ;; --spec) spec=$2 ;; esac
        shift ;;
    *) echo "chaos.sh: $1 is not known: quick, full, --seeds, --first, --only, --rungs or --spec" >&2; exit 2 ;;
    esac
    shift
done
if [ $size = quick ]; then limit=90; else limit=900; fi
[ -n "$seeds" ] || { if [ $size = quick ]; then seeds=1; else seeds=3; fi; }
work=$(mktemp -d "${TMPDIR:-/tmp}/lens-chaos.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
export BUILD="$build" LC_ALL=C
passed=0 failed=0 skipped=0

# The stacks of every process of session $1.
dump_stacks() {
    for pid in $(ps -o pid= -s "$1"); do
        echo "--- $pid: $(tr '\0' ' ' < "/proc/$pid/cmdline" | cut -c 1-200)"
        if command -v gdb > /dev/null; then
            timeout 20 gdb -q -batch -p "$pid" -ex 'thread apply all bt 16' 2> /dev/null | grep -E '^(Thread|#)'
        else
            cat "/proc/$pid/task/"*/wchan "/proc/$pid/task/"*/syscall 2> /dev/null
        fi
    done
}

# run NAME COMMAND...: in a fresh folder, in a session of its own; output to $work/NAME.out, its status to $status.
run() {
    local name=$1 watched watchdog
    shift
    mkdir "$work/here"
    rm -f "$work/$name.stacks"
    (cd "$work/here" && exec setsid "$@") > "$work/$name.out" 2> "$work/$name.err" < /dev/null &
    watched=$!
    (
        exec > "$work/watchdog" 2>&1
        trap 'kill $nap; exit' TERM
        sleep $limit & nap=$!
        wait $nap
        dump_stacks $watched > "$work/$name.stacks"
        kill -KILL -- -$watched
    ) &
    watchdog=$!
    wait $watched
    status=$?
    kill $watchdog 2> /dev/null
    wait $watchdog
    [ ! -e "$work/$name.stacks" ] || status="hung for $limit s"
    kill -KILL -- -$watched 2> /dev/null # what it left behind
    rm -rf "$work/here"
} 2> /dev/null # the shell's own "Killed"

is_runnable() { # whether what a package needs is there
    local need
    for need in $(sed -n 's/^# needs: //p' "$1"); do
        case $need in
        \$BUILD) ;;
        /*) [ -e "$need" ] || { echo "$need"; return 1; } ;;
        *) command -v "$need" > /dev/null || { echo "$need"; return 1; } ;;
        esac
    done
}

works=""
for rung in ${rungs//,/ }; do
    run probe "$build/lens" run --chaos 1 --fault "$rung" -- true
    if [ "$status" != 0 ] || grep -q 'passing through' "$work/probe.err"; then
        echo "skip - $rung: $(tail -n 1 "$work/probe.err")"
        skipped=$((skipped + 1))
    else
        works="$works $rung"
    fi
done

number=0
for script in "$here"/chaos/*.sh; do
    package=$(basename "$script" .sh)
    [ -z "$only" ] || case ,$only, in *,"$package",*) ;; *) continue ;; esac
    if ! missing=$(is_runnable "$script"); then
        echo "skip - $package: there is no $missing"
        skipped=$((skipped + 1))
        continue
    fi
    number=$((number + 1)) runs=0 bad=0 used=
    run plain bash "$script" $size
    if [ "$status" != 0 ]; then
        echo "not ok - $package: by itself it ends with: $status"
        sed 's/^/    /' "$work/plain.err" | tail -n 5
        failed=$((failed + 1))
        continue
    fi
    turn=($works)
    [ $size = full ] || [ -n "$only" ] || turn=("${turn[number % ${#turn[@]}]}")
    for ((k = 0; k < seeds; k++)); do
        for rung in "${turn[@]}"; do
            seed=$((first + number * 100 + k * 10 + ${#rung}))
            [ "$seeds" != 1 ] || [ "$first" = 1 ] || seed=$first # one seed was asked for: that one
            used="$used $seed"
            run chaos "$build/lens" run --quiet --chaos "$seed$spec" --fault "$rung" -- bash "$script" $size
            runs=$((runs + 1))
            if [ "$status" = 0 ] && cmp -s "$work/plain.out" "$work/chaos.out"; then
                passed=$((passed + 1))
                continue
            fi
            bad=$((bad + 1)) failed=$((failed + 1))
            echo "not ok - $package, seed $seed, $rung: status $status; again: tests/chaos.sh BUILD $size --only $package --seeds 1 --first $seed --rungs $rung"
            diff "$work/plain.out" "$work/chaos.out" | head -n 10 | sed 's/^/    /'
            tail -n 10 "$work/chaos.err" | cut -c 1-300 | sed 's/^/    /'
            [ ! -e "$work/chaos.stacks" ] || sed 's/^/    /' "$work/chaos.stacks" | head -n 300
        done
    done
    printf '%-12s %3d runs, %d failures; seeds%s\n' "$package" $runs $bad "$used"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] && [ $passed != 0 ]
