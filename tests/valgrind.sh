#!/bin/bash
# The tools under valgrind's memcheck: no invalid access, nothing uninitialised that is looked at, no memory lost, on good
# and on hostile files. (What is preloaded cannot run there: valgrind knows no userfaultfd and has signals of its own.)
#   tests/valgrind.sh BUILD
set -u
build=$(realpath "${1:-build}")
tests=$(realpath "$(dirname "$0")")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset COLUMNS NO_COLOR DEBUGINFOD_URLS
passed=0 failed=0
if ! command -v valgrind > /dev/null; then
    echo "skip - there is no valgrind"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
"$tests/report_fixtures.sh" "$build" . || { echo "0 passed, 1 failed"; exit 1; }
head -c 300 run.trace > cut.trace
printf 'some bytes that are no trace' > none.trace
cp "$tests"/fixtures/plan/*.plan .

clean() { # status, lens's arguments...
    local wanted=$1 status
    shift
    valgrind -q --error-exitcode=77 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --log-file=log \
        "$build/lens" "$@" > out 2> err < /dev/null
    status=$?
    sed -i '/^--[0-9]*-- /d' log # what valgrind does not know of this kernel
    if [ $status = "$wanted" ] && [ ! -s log ]; then
        passed=$((passed + 1))
        echo "ok $((passed + failed)) - lens $*"
    else
        failed=$((failed + 1))
        echo "not ok $((passed + failed)) - lens $*: status $status instead of $wanted"
        head -n 30 log err | sed 's/^/#   /'
    fi
}

clean 0 --version
clean 0 lenses
clean 0 doctor
clean 0 help run
clean 2 no-such-command
clean 0 check --print good-full.plan
clean 0 check good-small.plan
for plan in bad-argument bad-string bad-twice bad-end bad-version; do # each ends in another part of the parser
    clean 2 check $plan.plan
done
clean 0 report run.trace child.trace
clean 0 report --json - hostile.trace
clean 0 report --folded - wrappers.trace
clean 0 report --html page.html --pprof run.pprof hostile.trace
clean 0 report empty.trace
clean 0 report cut.trace
clean 125 report none.trace
clean 0 diff run.trace later.trace

# A store with a view in it, and one whose view is damaged.
cat > plan << 'PLAN'
lens-plan 1
site "*" {
    min 64K
    file "*"
    lens verbatim
    extent read
}
PLAN
"$build/tests/catalogue/make_data" > data
images() { find views -type f -size +64k 2> /dev/null; }
for _ in {1..50}; do # a busy machine may not have stored it before the program's end
    "$build/lens" run --plan plan --budget 64K --store disk --store-dir views -- "$build/tests/catalogue/advice" data > out 2> err
    [ -z "$(images)" ] || break
done
clean 0 store ls --store-dir views
clean 0 store verify --store-dir views
for image in $(images); do
    printf 'damaged' | dd of="$image" bs=1 seek=200 conv=notrunc status=none
done
clean 1 store verify --store-dir views
clean 0 store gc --limit 0 --store-dir views
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
