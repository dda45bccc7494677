#!/bin/bash
# Shrinks a failure under chaos: which of its features are needed for it to fail.
#   tests/chaos-shrink.sh BUILD SEED [--tries N] [--fault RUNG] [--store KIND] [--] PROGRAM [ARGUMENT...]
# PROGRAM fails if it ends otherwise, or prints other things on standard output, than without lens. Tried in turn: other rungs, one
# store only, no mapping, nothing in the program's own threads, a larger budget, only large or only small allocations; then the
# sizes are narrowed. A step is kept if one of N tries (5) still fails. Ends with the smallest command that does.
set -u
build=$(cd "${1:?usage: chaos-shrink.sh BUILD SEED [OPTION...] -- PROGRAM...}" && pwd) || exit 2
seed=${2:?usage: chaos-shrink.sh BUILD SEED [OPTION...] -- PROGRAM...}
shift 2
tries=5 fault= store= budget= words= min=1 max=1099511627776
while [ $# -gt 0 ]; do
    case $1 in
    --tries) tries=$2; shift 2 ;;
    --fault) fault=$2; shift 2 ;;
    --store) store=$2; shift 2 ;;
    --) shift; break ;;
    -*) echo "chaos-shrink.sh: $1 is not known: --tries, --fault or --store" >&2; exit 2 ;;
    *) break ;;
    esac
done
[ $# -gt 0 ] || { echo "chaos-shrink.sh: which program?" >&2; exit 2; }
work=$(mktemp -d "${TMPDIR:-/tmp}/lens-shrink.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
program=("$@")

timeout 120 "${program[@]}" > "$work/plain" 2> /dev/null < /dev/null
plain=$?

# command FAULT STORE BUDGET WORDS MIN MAX: the run with these features, in the array `command`
command_of() {
    local spec=$seed$4
    [ "$5" = 1 ] || spec=$spec,min=$5
    [ "$6" = 1099511627776 ] || spec=$spec,max=$6
    command=("$build/lens" run --quiet --chaos "$spec")
    [ -z "$1" ] || command+=(--fault "$1")
    [ -z "$2" ] || command+=(--store "$2" --store-dir /var/tmp)
    [ -z "$3" ] || command+=(--budget "$3")
    command+=(-- "${program[@]}")
}

fails() {
    local i
    command_of "$@"
    for ((i = 0; i < tries; i++)); do
        timeout -k 2 120 "${command[@]}" > "$work/chaos" 2> "$work/err" < /dev/null
        status=$?
        [ $status = $plain ] && cmp -s "$work/plain" "$work/chaos" || return 0
    done
    return 1
} 2> /dev/null

step() { # what, then the six features
    if fails "${@:2}"; then
        echo "still fails: $1"
        fault=$2 store=$3 budget=$4 words=$5 min=$6 max=$7
        return 0
    fi
    echo "does not fail: $1"
    return 1
}

if ! fails "$fault" "$store" "$budget" "$words" $min $max; then
    echo "it does not fail in $tries tries; --tries N tries more often"
    exit 1
fi
echo "fails: status $status instead of $plain; $(tail -n 1 "$work/err")"
if [ -z "$fault" ]; then
    for rung in inthread thread protect; do
        step "rung $rung" $rung "$store" "$budget" "$words" $min $max && break
    done
fi
[ -n "$store" ] || step "snapshots in memory" "$fault" memory "$budget" "$words" $min $max || step "snapshots on disk" "$fault" disk "$budget" "$words" $min $max
step "nothing mapped" "$fault" "$store" "$budget" "$words,nomap" $min $max
step "nothing in the program's own threads" "$fault" "$store" "$budget" "$words,nostep" $min $max
step "a budget that everything fits into" "$fault" "$store" 1G "$words" $min $max
step "large allocations only" "$fault" "$store" "$budget" "$words" 65537 $max ||
    step "small allocations only" "$fault" "$store" "$budget" "$words" $min 4096
while [ $((min * 2)) -le $max ] && step "allocations from $((min * 2)) bytes" "$fault" "$store" "$budget" "$words" $((min * 2)) $max; do :; done
[ $max -le 1048576 ] || step "allocations up to 1 MiB" "$fault" "$store" "$budget" "$words" $min 1048576
while [ $((max / 2)) -ge $min ] && step "allocations up to $((max / 2)) bytes" "$fault" "$store" "$budget" "$words" $min $((max / 2)); do :; done
command_of "$fault" "$store" "$budget" "$words" $min $max
echo "smallest: ${command[*]}"
