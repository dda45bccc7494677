#!/bin/bash
# Pages mapped from the backing itself: whatever becomes of the file, the program's bytes stay what they were.
#   tests/direct.sh BUILD
set -u
build=${1:-build}
program=$build/tests/support/direct
dir=$(mktemp -d)
running=
trap '[ -z "$running" ] || kill $running 2>/dev/null; rm -rf "$dir"' EXIT
passed=0 failed=0
check() { # name, 0 if well
    if [ "$2" = 0 ]; then passed=$((passed + 1)); echo "ok $((passed + failed)) - $1"
    else failed=$((failed + 1)); echo "not ok $((passed + failed)) - $1"; sed 's/^/#   /' "$dir/err" "$dir/out"; fi
}
mapped() { grep -cE "rw-p .*$dir/data|r--p .*$dir/data" "/proc/$1/maps"; }
printf 'lens-plan 1\nsite "*" { min 1M file "data" lens verbatim extent read }\n' >"$dir/plan"
size=$((24 << 20))

wait_for() { # pattern, how many lines
    for _ in $(seq 400); do
        [ "$(grep -c "$1" "$dir/out")" -ge "$2" ] && return 0
        kill -0 "$running" 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}

start() { # rung, how
    rm -f "$dir"/data* "$dir/stop" "$dir/stats"
    : >"$dir/out"
    "$program" make "$dir/data" $((size >> 20))
    "$build/lens" run --trust-backing lease --plan "$dir/plan" --budget 2M --fault "$1" -- "$program" run "$dir/data" "$dir/stop" $2 >"$dir/out" 2>"$dir/err" &
    running=$!
    wait_for ready "$([ "$2" = fork ] && echo 2 || echo 1)"
}

finish() { # name, what every process must have mapped by now: none, some
    bad=0
    [ "$2" != none ] || sleep 1
    for pid in $(sed -n 's/ready //p' "$dir/out"); do
        n=$(mapped "$pid")
        if [ "$2" = none ] && [ "$n" != 0 ]; then bad=1; echo "# $pid still maps $n"; fi
        if [ "$2" = some ] && [ "$n" = 0 ]; then bad=1; echo "# $pid maps nothing"; fi
    done
    touch "$dir/stop"
    wait "$running" || bad=1
    running=
    check "$1" "$bad"
}

act() { # what happens to the file
    case $1 in
    overwrite) timeout 30 dd if=/dev/urandom of="$dir/data" bs=1M count=$((size >> 20)) conv=notrunc status=none ;;
    truncate) timeout 30 sh -c ': >"$1"' sh "$dir/data" ;;
    append) timeout 30 sh -c 'echo more >>"$1"' sh "$dir/data" ;;
    rename) echo other >"$dir/data.new" && mv "$dir/data.new" "$dir/data" ;;
    unlink) rm "$dir/data" ;;
    esac
}

for rung in inthread protect; do
    for how in "" fork orphan; do
        for what in overwrite truncate append rename unlink; do
            start $rung "$how"
            check "$rung${how:+, $how}: mapped from the file" $?
            for pid in $(sed -n 's/ready //p' "$dir/out"); do
                [ "$(mapped "$pid")" != 0 ]
                check "$rung${how:+, $how}: process maps the file before" $?
            done
            act $what
            check "$rung${how:+, $how}: the writer gets on ($what)" $?
            case $what in rename | unlink) finish "$rung${how:+, $how}: $what" some ;; *) finish "$rung${how:+, $how}: $what" none ;; esac
        done
    done
    for what in truncate write; do
        start $rung $what
        check "$rung: the program itself: $what" $?
        finish "$rung: the program itself: $what" none
    done
done
start thread ""
check "thread: starts" $?
[ "$(mapped "$(sed -n 's/ready //p' "$dir/out")")" = 0 ]
check "thread: nothing is mapped from the file" $?
act truncate
finish "thread: truncate" none

# Behind a header whose length is no multiple of the page: the address is chosen, so that pages can be mapped all the same.
"$program" make "$dir/data" 5
place() { # plan's extent, header, how, what the three blocks are
    printf 'lens-plan 1\nsite "*" { min 1M file "data" lens verbatim %s }\n' "$1" >"$dir/place.plan"
    "$build/lens" run --trust-backing lease --plan "$dir/place.plan" --budget 512K -- "$build/tests/support/place" "$dir/data" "$2" "$3" \
        "$([[ $4 == *ordinary\ ordinary* ]] && echo 100 || echo 4000)" >"$dir/out" 2>"$dir/err"
    [ $? = 0 ] && [ "$(tr '\n' ' ' <"$dir/out")" = "$(for is in $4; do printf '%s right ' "$is"; done)" ]
    check "header of $2, $3, $1: $4" $?
}
place 'extent read' 352 read 'mapped mapped mapped'
place 'extent read' 4224 fread 'mapped mapped mapped'
place 'extent read' 16 pread 'ordinary mapped mapped' # nothing says where it will read; then it is known
place 'extent read' 40 read 'ordinary ordinary ordinary' # no address that malloc may give agrees
place 'extent read' 352 aligned 'ordinary ordinary ordinary'
place 'extent 352' 352 pread 'mapped mapped mapped'
place 'extent 40' 40 read 'ordinary ordinary ordinary'

# Into a view store, by default: a block that was absent from the start is mapped as soon as its loading is over, also while the file
# stays open and touches bring its pages back. So large that this is not over when all of it has come back once.
"$program" make "$dir/data" 256
mkdir -m 700 "$dir/store"
"$build/lens" run --plan "$dir/plan" --budget 8M --store disk --store-dir "$dir/store" -- "$build/tests/support/reads_on" "$dir/data" "$dir/store" \
    >"$dir/out" 2>"$dir/err"
check "read at once, the file stays open: mapped from the store" $?
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
