#!/bin/bash
# Programs behind a seccomp filter, as in containers and hardened services: one system call after the other is refused or ends who makes it.
# Whatever a program does by itself behind such a filter, it does under `lens run` and `lens profile`: same output, same status.
#   tests/seccomp.sh BUILD
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: seccomp.sh BUILD}" && pwd) || exit 2
lens=$build/lens deny=$build/tests/support/deny program=$build/tests/catalogue/advice
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
passed=0 failed=0
check() { # name, whether it is so, remark
    if [ "$2" = 0 ]; then passed=$((passed + 1)) && echo "ok - $1"; else failed=$((failed + 1)) && echo "not ok - $1${3:+ # $3}"; fi
}

"$build/tests/catalogue/make_data" > data || exit 1
cat > plan <<'PLAN'
lens-plan 1
site "*" {
    min 64K
    file "*"
    lens verbatim
    extent read
}
PLAN
"$deny" 323 true
if [ $? = 77 ]; then
    echo "ok # skip: filters are not allowed here"
    echo "1 passed, 0 failed"
    exit 0
fi

calls=$(grep -o 'CALL([a-z0-9_]*)' "$here/support/deny.c" | sed 's/CALL(//; s/)//' | grep -v '^name$')
for call in $calls; do
    for how in "" -k; do
        env CATALOGUE_PAUSE_MS=20 timeout 60 "$deny" $how "$call" "$program" data > plain.out 2> plain.err
        wanted=$?
        [ -n "$how" ] && word=ends || word="is refused"
        env CATALOGUE_PAUSE_MS=20 timeout 60 "$lens" run -q --plan plan --budget 64K -- "$deny" $how "$call" "$program" data > lens.out 2> lens.err
        got=$?
        [ $got = $wanted ] && cmp -s plain.out lens.out
        check "lens run, $call $word" $? "status $got instead of $wanted; $(tail -n 1 lens.err)"
        env CATALOGUE_PAUSE_MS=20 timeout 60 "$lens" profile -o trace -- "$deny" $how "$call" "$program" data > lens.out 2> lens.err
        got=$?
        [ $got = $wanted ] && cmp -s plain.out lens.out
        check "lens profile, $call $word" $? "status $got instead of $wanted; $(tail -n 1 lens.err)"
        rm -f trace*
    done
done 2> /dev/null # the shell's own "Bad system call"

# What does not need to be given up is not.
for filter in fchmod "-k userfaultfd"; do
    for pause in 20 100 500 2000; do
        env CATALOGUE_PAUSE_MS=$pause timeout 60 "$lens" run --plan plan --budget 64K --stats stats -- "$deny" $filter "$build/tests/catalogue/readers" data > lens.out 2> lens.err
        saved=$(cat stats* | sed -n 's/.*"absent_pages_peak": *\([0-9]*\).*/\1/p' | sort -n | tail -n 1)
        rm -f stats*
        [ "${saved:-0}" = 0 ] || break
    done
    [ "${saved:-0}" != 0 ]
    check "lens run behind a filter ($filter) gives pages back" $? "$(tail -n 1 lens.err)"
done

# A program that locks itself in while it is recorded: it goes on, and the trace says how far it goes.
for how in "" --full --use; do
    timeout 60 "$lens" profile $how -o trace -- "$build/tests/catalogue/sandbox" data > lens.out 2> lens.err
    got=$?
    [ $got = 0 ] && tail -n 1 lens.out | grep -q "sandbox: ok" && "$lens" report trace 2> /dev/null | grep -q "locked itself in (seccomp)"
    check "lens profile $how, of a program that locks itself in" $? "status $got; $(tail -n 1 lens.err)"
    rm -f trace*
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
