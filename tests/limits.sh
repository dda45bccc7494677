#!/bin/bash
# Under each kind of limit a program ends and says what it does without lens: what cannot be had is done without.
#   tests/limits.sh BUILD
set -u
build=$(cd "${1:-build}" && pwd)
lens=$build/lens
work=$(mktemp -d)
group= # a control group that allows few processes
overcommit=
end() {
    [ -z "$overcommit" ] || echo "$overcommit" >/proc/sys/vm/overcommit_memory
    [ -z "$group" ] || rmdir "$group"
    rm -rf "$work"
}
trap end EXIT
chmod 777 "$work"
cd "$work" || exit 1
unset LENS_PLAN LENS_TRACE
export HOME=$work XDG_CACHE_HOME=$work/cache LC_ALL=C
passed=0 failed=0 skipped=0

"$build/tests/catalogue/make_data" >data || exit 1
cat >plan <<'PLAN'
lens-plan 1

site "*" {
    min 64K
    file "*"
    lens verbatim
    extent read
}
PLAN
cp "$build"/tests/support/{modest,locker} "$build/lens" "$build/liblens-preload.so" . # where nobody may read them
lens=$work/lens
# Limits do not hold for root. A user of its own, as the number of processes counts those of all programs of a user.
as_user=
if [ "$(id -u)" = 0 ]; then
    if command -v setpriv >/dev/null; then user=$((60100 + $$ % 5000)) && as_user="setpriv --reuid=$user --regid=$user --clear-groups"; else echo "skip - limits of a user: no setpriv"; skipped=1; fi
fi

run() { # name, limits, command...
    name=$1 limits=$2
    shift 2
    # shellcheck disable=SC2086
    timeout -k 2 60 sh -c '[ -z "$0" ] || echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" \
        prlimit $limits $as_user "$@" >"$name.out" 2>"$name.err" </dev/null
    echo "status $?" >>"$name.out"
}

same() { # limits, program...
    limits=$1
    shift
    run plain "$limits" "$@"
    for how in "run --plan plan --budget 1M" "run --plan plan --budget 1M --fault protect" "profile -o $work/trace" "profile --use -o $work/trace" \
               ${chaos:+"$chaos"}; do
        # shellcheck disable=SC2086
        run lens "$limits" "$lens" $how -- "$@"
        if cmp -s plain.out lens.out; then
            passed=$((passed + 1)); echo "ok - $limits: lens $how"
        else
            failed=$((failed + 1)); echo "not ok - $limits: lens $how # $(diff plain.out lens.out | head -3 | tr '\n' '/') $(tail -1 lens.err)"
        fi
    done
}

said() { # text, limits: what is done without is said in one line
    run lens "$2" "$lens" run --plan plan -- ./modest data
    if [ "$(grep -c "$1" lens.err)" = 1 ]; then
        passed=$((passed + 1)); echo "ok - $2: one line"
    else
        failed=$((failed + 1)); echo "not ok - $2: one line # $(tail -1 lens.err)"
    fi
}

chaos="run --chaos 1"
for limit in as=40000000 as=200000000 as=1000000000 as=20000000000 data=26000000 data=100000000 data=1000000000 nproc=1 nofile=5 nofile=16 nofile=64 \
             fsize=0 fsize=100000 sigpending=0 stack=unlimited stack=200000; do
    same --$limit ./modest data
done

# Where one process more is allowed than the program is, that one is the program's.
for folder in /sys/fs/cgroup/pids /sys/fs/cgroup; do
    mkdir "$folder/lens-limits-$$" 2>/dev/null || continue
    group=$folder/lens-limits-$$
    [ ! -w "$group/pids.max" ] || break
    rmdir "$group"
    group=
done
if [ -n "$group" ]; then
    for most in 1 2 3; do
        echo $most >"$group/pids.max"
        echo "# of $most processes:"
        same --core=0 ./modest data
    done
    rmdir "$group"
    group=
else
    echo "skip - few processes: no control group can be made"
    skipped=$((skipped + 1))
fi

# Memory that is written to is counted, used or not. Of the whole system: only where that is asked for.
if [ -n "${LENS_TEST_OVERCOMMIT:-}" ] && [ -w /proc/sys/vm/overcommit_memory ]; then
    was=$(cat /proc/sys/vm/overcommit_memory)
    overcommit=$was
    echo 2 >/proc/sys/vm/overcommit_memory
    echo "# vm.overcommit_memory=2:"
    same --core=0 ./modest data
    echo "$was" >/proc/sys/vm/overcommit_memory
    overcommit=
else
    echo "skip - vm.overcommit_memory=2: with LENS_TEST_OVERCOMMIT=1, as root"
    skipped=$((skipped + 1))
fi
chaos= # its blocks are more, and in other places
for limit in memlock=0 memlock=65536 memlock=8388608; do
    same --$limit ./locker
done
# Just what the program itself needs: nothing of ours counts.
low=0 high=8388608
while [ $((high - low)) -gt 16384 ]; do
    middle=$(((low + high) / 2))
    run plain --memlock=$middle ./locker
    if grep -q '^all: done' plain.out; then high=$middle; else low=$middle; fi
done
same --memlock=$((high + 65536)) ./locker
said "ulimit -n" --nofile=16
said "ulimit -d" --data=100000000
said "ulimit -v" --as=100000000
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
