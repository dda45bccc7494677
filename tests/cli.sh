#!/bin/sh
# Drives the lens command: every command and option, and wrong uses of each, by exit status and message.
# usage: tests/cli.sh [BUILD]      (default build)
build=${1:-build}
top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
case $build in /*) ;; *) build=$top/$build ;; esac
lens=$build/lens
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset LENS_PLAN LENS_BUDGET LENS_FAULT LENS_STORE LENS_STORE_DIR LENS_STORE_LIMIT LENS_SLOWDOWN_LIMIT LENS_TRUST_BACKING LENS_STATS LENS_CHAOS LENS_QUIET LENS_VERBOSE LD_PRELOAD
export HOME="$work/home" XDG_RUNTIME_DIR="$work/run" LC_ALL=C
mkdir -p "$HOME" "$XDG_RUNTIME_DIR"
unset XDG_CACHE_HOME
passed=0 failed=0 number=0

# result NAME OK: counts and prints one test.
result()
{
    number=$((number + 1))
    if [ "$2" = yes ]; then
        passed=$((passed + 1))
        echo "ok $number - $1"
    else
        failed=$((failed + 1))
        echo "not ok $number - $1"
        echo "#   status $status, output: $(head -c 600 out | tr '\n' '/')"
        echo "#   errors: $(head -c 600 err | tr '\n' '/')"
    fi
}

# run COMMAND...: leaves status, out, err.
run()
{
    "$@" > out 2> err < /dev/null
    status=$?
}

# check NAME STATUS TEXT COMMAND...: the status, and TEXT somewhere in what was printed ("" for none wanted).
check()
{
    name=$1 wanted=$2 text=$3
    shift 3
    run "$@"
    ok=no
    [ "$status" = "$wanted" ] && { [ -z "$text" ] || grep -qF -e "$text" out err; } && ok=yes
    result "$name" $ok
}

# wrong NAME STATUS TEXT COMMAND...: as check, and the message is one line on standard error, begun by "lens: ".
wrong()
{
    name=$1 wanted=$2 text=$3
    shift 3
    run "$@"
    ok=no
    [ "$status" = "$wanted" ] && grep -qF -e "$text" err && [ "$(wc -l < err)" = 1 ] && grep -q '^lens: ' err && [ ! -s out ] && ok=yes
    result "$name" $ok
}

skip()
{
    number=$((number + 1))
    echo "ok $number - $1 # skip: $2"
}

cat > good.plan << 'END'
lens-plan 1
site "*" { file "*.nothing-has-this-name" lens verbatim }
END
cat > tool.c << 'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    char *block = malloc(1 << 20);
    if (!block)
        return 1;
    memset(block, 1, 1 << 20);
    printf("%d %s %s\n", argc, argv[0], argc > 1 ? argv[1] : "");
    free(block);
    return argc > 2 ? atoi(argv[2]) : 0;
}
END
cc=${CC:-cc}
$cc -g -O1 -o tool tool.c || { echo "cannot compile with $cc"; exit 1; }

# ---- the command itself
check "version" 0 "lens 0." "$lens" --version
check "version, short" 0 "lens 0." "$lens" -V
check "help" 0 "Usage: lens COMMAND" "$lens" --help
check "help, short" 0 "Usage: lens COMMAND" "$lens" -h
wrong "no command" 2 "which command?" "$lens"
wrong "unknown command, near" 2 "rnu is not a command; did you mean lens run?" "$lens" rnu
wrong "unknown command, far" 2 "frobnicate is not a command; see lens help" "$lens" frobnicate
wrong "option instead of a command" 2 "is not a command" "$lens" --plan x
if [ -w /dev/full ]; then
    run sh -c '"$0" lenses > /dev/full' "$lens"
    ok=no; [ "$status" = 125 ] && grep -q "cannot write" err && ok=yes
    result "a full disk under the output" $ok
fi

# ---- help
check "lens help" 0 "doctor" "$lens" help
for command in run check lenses doctor store help; do
    check "lens help $command" 0 "Usage: lens $command" "$lens" help "$command"
    check "lens $command --help" 0 "Usage: lens $command" "$lens" "$command" --help
    check "lens $command -h" 0 "Usage: lens $command" "$lens" "$command" -h
    wrong "lens $command --hepl" 2 "did you mean --help?" "$lens" "$command" --hepl
    wrong "lens $command -Z" 2 "unknown option -Z" "$lens" "$command" -Z
    wrong "lens $command --help=3" 2 "--help takes no value" "$lens" "$command" --help=3
done
wrong "help for two" 2 "one command at a time" "$lens" help run check
wrong "help for nobody" 2 "did you mean lens doctor?" "$lens" help docter

# ---- lenses
check "lenses" 0 "verbatim" "$lens" lenses
check "one lens" 0 "bytes" "$lens" lenses bytes
wrong "unknown lens, near" 2 "there is no lens verbatm; did you mean verbatim?" "$lens" lenses verbatm
wrong "unknown lens, far" 2 "there is no lens xyzzyx" "$lens" lenses xyzzyx
wrong "unknown lens beside a known one" 2 "there is no lens nope" "$lens" lenses bytes nope

# ---- check
check "check" 0 "good.plan: ok, 1 site, 1 lens" "$lens" check good.plan
check "check two" 0 "good.plan: ok" "$lens" check good.plan good.plan
check "check --print" 0 "min 64K" "$lens" check --print good.plan
check "check -p behind the plan" 0 "min 64K" "$lens" check good.plan -p
"$lens" check --print good.plan > printed.plan
"$lens" check --print printed.plan > again.plan
ok=no; cmp -s printed.plan again.plan && ok=yes
result "a printed plan prints as itself" $ok
wrong "check without a plan" 2 "which plan?" "$lens" check
wrong "check of nothing" 2 "cannot read the plan nope.plan: no such file" "$lens" check nope.plan
wrong "check of a folder" 2 "it is a directory" "$lens" check .
mkfifo pipe
wrong "check of a FIFO" 2 "it is not a regular file" "$lens" check pipe
head -c 1100000 /dev/zero > large.plan
wrong "check of a large file" 2 "larger than 1 MiB" "$lens" check large.plan
wrong "check of a program" 2 "this is not a plan" "$lens" check tool
: > empty.plan
wrong "check of an empty file" 2 "empty.plan:1:1: this is not a plan" "$lens" check empty.plan
for plan in "$top"/tests/fixtures/plan/good-*.plan "$top"/examples/plans/*.plan; do
    [ -e "$plan" ] && check "plan $(basename "$plan")" 0 "ok, " "$lens" check "$plan"
done
for plan in "$top"/tests/fixtures/plan/bad-*.plan; do
    expected=$(sed -n 's/^# expect //p' "$plan")
    cp "$plan" bad.plan
    wrong "plan $(basename "$plan")" 2 "bad.plan:$expected" "$lens" check bad.plan
done

# ---- doctor
run "$lens" doctor
ok=no; [ "$status" -le 1 ] && grep -q "^Used here: " out && [ ! -s err ] && ok=yes
result "doctor says what is used" $ok
ok=yes; for word in kernel "in the faulting thread" "by a service thread" "by mprotect" unprivileged_userfaultfd /dev/userfaultfd \
    seccomp leases "control group" max_map_count overcommit "address space" "page size" "huge pages" "store on disk"; do
    grep -qF "$word" out || ok=no
done
result "doctor names everything" $ok
ok=no; grep -q "$(printf '\033')" out || ok=yes
result "doctor is plain where there is no terminal" $ok
check "doctor --store-dir" 0 "$work/there" "$lens" doctor --store-dir "$work/there"
check "doctor with a file as the store" 0 "not a folder" "$lens" doctor --store-dir "$work/good.plan"
run "$lens" doctor --json
if command -v python3 > /dev/null; then
    ok=no; python3 -c 'import json, sys; d = json.load(open("out")); assert d["lens_doctor"] == 1 and d["rung"] and len(d["findings"]) > 10' && ok=yes
    result "doctor --json is JSON" $ok
else
    skip "doctor --json is JSON" "no python3"
fi
check "doctor -j" 0 '"lens_doctor":1' "$lens" doctor -j
wrong "doctor with a word" 2 "now is not wanted here" "$lens" doctor now
wrong "doctor --store-dir without a value" 2 "--store-dir needs a value" "$lens" doctor --store-dir
wrong "doctor --store-dir with an empty value" 2 "needs a value" "$lens" doctor --store-dir ""
wrong "doctor --jsno" 2 "did you mean --json?" "$lens" doctor --jsno
(ulimit -v 4000000 && exec "$lens" doctor) > out 2> err
ok=no; grep -q "ulimit -v unlimited" out && ok=yes
result "doctor tells what to do about a limit" $ok

# ---- store
check "store ls" 0 "" "$lens" store ls
check "store verify" 0 "" "$lens" store verify
check "store gc" 0 "" "$lens" store gc
mkdir -m 700 views
check "store ls of a folder" 0 "$work/views" "$lens" store ls --store-dir "$work/views"
check "store gc with a limit" 0 "freed" "$lens" store gc --limit 1M --store-dir "$work/views"
check "store verify of one kind" 0 "" "$lens" store verify --store disk
wrong "store without a word" 2 "say what to do" "$lens" store
wrong "store with a wrong word" 2 "did you mean verify?" "$lens" store verfiy
wrong "store with two words" 2 "one word too many" "$lens" store ls gc
wrong "store --limit nonsense" 2 "--limit: " "$lens" store gc --limit lots
wrong "store --store nonsense" 2 "is not one of memory, disk" "$lens" store ls --store tape
wrong "store --store-dir without a value" 2 "--store-dir needs a value" "$lens" store ls --store-dir

# ---- run: what the program gets
check "run without a plan" 0 "nothing is virtualised yet" "$lens" run ./tool
check "run --stats without a plan" 0 "no statistics are written" "$lens" run --stats s.json ./tool
check "run without a plan runs the program" 0 "1 ./tool" "$lens" run ./tool
check "run keeps argv[0] and arguments" 5 "3 ./tool a b" "$lens" run -- ./tool "a b" 5
check "run -- hands over options" 0 "2 ./tool --plan" "$lens" run -- ./tool --plan
check "run without -- hands over options" 0 "2 ./tool --plan" "$lens" run ./tool --plan
check "run along PATH" 0 "2 tool x" env PATH="$work:$PATH" "$lens" run tool x
run "$lens" run --quiet ./tool
ok=no; [ "$status" = 0 ] && [ ! -s err ] && ok=yes
result "run --quiet says nothing" $ok
check "run ends by the program's signal" 143 "" "$lens" run -q -- sh -c 'kill -TERM $$'

# Most of these need no library that works, only one that is there.
check "run --plan" 3 "3 ./tool x" "$lens" run --plan good.plan ./tool x 3
check "run under a plan sets the environment" 0 "LENS_PLAN=$work/good.plan" "$lens" run --plan good.plan env
ok=no; grep -q '^LD_PRELOAD=.*/liblens-preload.so$' out && ok=yes
result "run preloads its library" $ok
check "run keeps what is preloaded" 0 "liblens-preload.so:$build/liblens.so" env LD_PRELOAD="$build/liblens.so" "$lens" run --plan good.plan env
check "run takes the plan from the environment" 0 "LENS_PLAN=$work/good.plan" env LENS_PLAN=good.plan "$lens" run env
for pair in budget=64M budget=25% budget=auto fault=auto fault=inthread fault=protect fault=off store=none store=memory \
    store=auto store-limit=1G slowdown-limit=1.5 slowdown-limit=off slowdown-limit=0; do
    option=${pair%%=*} value=${pair#*=}
    variable=LENS_$(echo "$option" | tr a-z- A-Z_)
    check "run --$option $value" 0 "$variable=$value" "$lens" run --plan good.plan "--$option" "$value" env
done
check "run --store disk --store-dir" 0 "LENS_STORE_DIR=$work/views" "$lens" run --plan good.plan --store disk --store-dir views env
check "run --stats" 0 "LENS_STATS=$work/s.json" "$lens" run --plan good.plan --stats s.json env
check "run --quiet reaches the program" 0 "LENS_QUIET=1" "$lens" run --plan good.plan -q env
check "run --verbose" 0 "1 site" "$lens" run --plan good.plan -v env
if command -v python3 > /dev/null; then
    ok=no; python3 -c 'import json; d = json.load(open("s.json")); assert d["lens_stats"] == 1 and "faults" in d' 2> /dev/null && ok=yes
    result "statistics are JSON" $ok
fi
check "run --chaos" 0 "LENS_CHAOS=7,nomap" "$lens" run -q --chaos 7,nomap env
ok=no; grep -q '^LD_PRELOAD=.*/liblens-preload.so$' out && ok=yes
result "run --chaos preloads its library" $ok
if command -v python3 > /dev/null; then
    printf 'lens-plan 1\nsite "*" { min 4M file "*.none" lens verbatim }\n' > large.plan
    threads='import os; block = bytearray(8 << 20); print("threads:", min(2, len(os.listdir("/proc/self/task"))))'
    check "run within the budget starts no thread" 0 "threads: 1" "$lens" run --plan large.plan --budget 1G python3 -c "$threads"
    ok=no; grep -q 'nothing had to be given back: 8\.[0-9]* MB virtualised' err && ok=yes
    result "and says what it virtualised" $ok
    check "run beyond it does" 0 "threads: 2" "$lens" run --plan large.plan --budget 4M python3 -c "$threads"
fi
printf 'lens-plan 1\n' > none.plan
check "run with a plan without sites" 0 "has no sites" "$lens" run --plan none.plan ./tool

# ---- run: wrong use
wrong "run nothing" 2 "which program?" "$lens" run
wrong "run -- nothing" 2 "which program?" "$lens" run --
wrong "run --bugdet" 2 "unknown option --bugdet; did you mean --budget?" "$lens" run --bugdet 64M ./tool
wrong "run --quiet=3" 2 "--quiet takes no value" "$lens" run --quiet=3 ./tool
for option in plan budget fault store store-dir store-limit slowdown-limit stats; do
    wrong "run --$option without a value" 2 "--$option needs a value" "$lens" run "--$option"
    wrong "run --$option with an empty value" 2 "needs a value" "$lens" run "--$option=" ./tool
done
wrong "run --chaos and a plan" 2 "give it no --plan" "$lens" run --chaos 1 --plan good.plan ./tool
wrong "run --chaos without a seed" 2 "is not a seed" "$lens" run --chaos soon ./tool
for value in nonsense -5 0% 101% 64Q 1e99 "64 M"; do
    wrong "run --budget $value" 2 "--budget: " "$lens" run --budget "$value" ./tool
done
for value in inthred 7 AUTO; do
    wrong "run --fault $value" 2 "is not one of auto, inthread, thread, protect or off" "$lens" run --fault "$value" ./tool
done
for value in dsik tape x; do
    wrong "run --store $value" 2 "is not one of auto, none, memory or disk" "$lens" run --store "$value" ./tool
done
for value in lots -1 50%; do
    wrong "run --store-limit $value" 2 "is not a size" "$lens" run --store-limit "$value" ./tool
done
for value in fast -2 1 0.5 1e9 2x; do
    wrong "run --slowdown-limit $value" 2 "is not a limit" "$lens" run --slowdown-limit "$value" ./tool
done
wrong "run --stats in no folder" 2 "--stats: cannot write" "$lens" run --stats nowhere/s.json ./tool
wrong "run --stats on a folder" 2 "is a folder" "$lens" run --stats . ./tool
wrong "a wrong variable" 2 "LENS_FAULT: \"inthred\" is not one of" env LENS_FAULT=inthred "$lens" run ./tool
wrong "a wrong flag in a variable" 2 "LENS_QUIET: " env LENS_QUIET=perhaps "$lens" run ./tool
wrong "run with no plan there" 2 "no such file" "$lens" run --plan nope.plan ./tool
wrong "run with a wrong plan" 2 "bad.plan:" "$lens" run --plan bad.plan ./tool
wrong "run with a folder as plan" 2 "it is a directory" "$lens" run --plan . ./tool
wrong "run what is not found" 127 "no-such-program: command not found" "$lens" run no-such-program
wrong "run a path that is not there" 127 "cannot run ./nope: no such file" "$lens" run ./nope
wrong "run an empty name" 127 "no such file" "$lens" run ""
wrong "run what is not found, with a plan" 127 "command not found" "$lens" run --plan good.plan no-such-program
: > plain.txt
wrong "run what is not executable" 126 "Permission denied" "$lens" run ./plain.txt
wrong "run a folder" 126 "Is a directory" "$lens" run ./

# ---- run: programs that lens cannot work in, each refused with the reason
cp tool suid && chmod u+s suid
wrong "setuid" 126 "is setuid" "$lens" run --plan good.plan ./suid
cp tool sgid && chmod g+s sgid
wrong "setgid" 126 "is setgid" "$lens" run --plan good.plan ./sgid
cp tool capable
if command -v setcap > /dev/null && setcap cap_net_raw+ep capable 2> /dev/null; then
    wrong "file capabilities" 126 "has file capabilities" "$lens" run --plan good.plan ./capable
else
    skip "file capabilities" "setcap cannot be used"
fi
if $cc -static -o static tool.c 2> /dev/null; then
    wrong "static" 126 "is statically linked" "$lens" run --plan good.plan ./static
    printf '#!%s/static\n' "$work" > static.sh && chmod +x static.sh
    wrong "a script of a static interpreter" 126 "is statically linked" "$lens" run --plan good.plan ./static.sh
    check "static without a plan" 0 "1 ./static" "$lens" run ./static
else
    skip "static" "no static libc"
fi
{ head -c 4 tool; printf '\001'; tail -c +6 tool; } > bits && chmod +x bits
wrong "32 bits" 126 "is a 32-bit program" "$lens" run --plan good.plan ./bits
{ head -c 18 tool; printf '\050\000'; tail -c +21 tool; } > foreign && chmod +x foreign
wrong "another machine" 126 "another kind of machine" "$lens" run --plan good.plan ./foreign
head -c 30 tool > cut && chmod +x cut
wrong "a program cut short" 126 "its header is cut off" "$lens" run --plan good.plan ./cut
printf 'x\000y' > binary && chmod +x binary
wrong "no program at all" 126 "is not a program" "$lens" run --plan good.plan ./binary
printf '#!/nowhere/sh\n' > lost.sh && chmod +x lost.sh
wrong "a script without its interpreter" 126 "cannot run its interpreter /nowhere/sh" "$lens" run --plan good.plan ./lost.sh
printf '#!%s/loop.sh\n' "$work" > loop.sh && chmod +x loop.sh
wrong "a script that interprets itself" 126 "scripts without end" "$lens" run --plan good.plan ./loop.sh

cat > own.c << 'END'
#include <stddef.h>
static char heap[1 << 20];
static size_t used;
void *malloc(size_t bytes) { void *at = heap + used; used += (bytes + 15) & ~(size_t)15; return at; }
void free(void *at) { (void)at; }
int main(void) { return malloc(10) == heap; }
END
$cc -fno-builtin -o own own.c
check "a program with its own malloc" 1 "brings its own malloc" "$lens" run --plan good.plan ./own
cp "$(command -v env)" qemu-toy && cp qemu-toy qemu-system-toy # what counts is the name
check "an emulator of user programs" 0 "passing through, nothing is virtualised: qemu's emulators" "$lens" run --plan good.plan ./qemu-toy
if grep -q '^LD_PRELOAD=' out; then ok=no; else ok=yes; fi
result "its guest does not load us" $ok
LD_PRELOAD=libm.so.6 run "$lens" run --plan good.plan ./qemu-toy
if grep -qx 'LD_PRELOAD=libm.so.6' out; then ok=yes; else ok=no; fi
result "its guest loads what else is preloaded" $ok
check "an emulator, its use of memory" 0 "passing through, nothing is recorded: qemu's emulators" "$lens" profile --use -o qemu.trace ./qemu-toy
check "an emulator of machines is a program like others" 0 "LD_PRELOAD=" "$lens" run --plan good.plan ./qemu-system-toy

# ---- run: scripts
printf '#!/bin/sh\necho "script $1"\n' > script.sh && chmod +x script.sh
check "a script" 0 "script one" "$lens" run --plan good.plan ./script.sh one
printf '#!/usr/bin/env sh\necho "script $1"\n' > env.sh && chmod +x env.sh
check "a script by env" 0 "script two" "$lens" run --plan good.plan ./env.sh two
printf '#!%s/script.sh\n' "$work" > second.sh && chmod +x second.sh
check "a script of a script" 0 "script ./second.sh" "$lens" run --plan good.plan ./second.sh
printf 'echo "text $1"\n' > text && chmod +x text
check "a text without #!" 0 "text three" "$lens" run --plan good.plan ./text three
check "a text without #!, without a plan" 0 "text four" "$lens" run ./text four

# ---- run: source lines
line_plan() { printf 'lens-plan 1\nsite "%s" { file "*.nothing" lens verbatim }\n' "$1" > line.plan; }
line_plan tool.c:7
check "a source line" 0 "1 ./tool" "$lens" run --plan line.plan ./tool
ok=no; grep -q '"tool+0x.*as "tool.c:7"' run/lens/plan-*.plan && [ "$(stat -c %a run/lens)" = 700 ] && ok=yes
result "is resolved into a private file" $ok
line_plan tool:tool.c:7
check "a source line of a module" 0 "1 ./tool" "$lens" run --plan line.plan ./tool
touch -d '9 days ago' run/lens/plan-0000000000000000.plan
check "an old resolved plan" 0 "" "$lens" run --plan line.plan ./tool
ok=no; [ ! -e run/lens/plan-0000000000000000.plan ] && ok=yes
result "is removed" $ok
line_plan tool.c:1
wrong "a line without code" 2 "line 1 of tool.c has no code; the next that has is 6" "$lens" run --plan line.plan ./tool
line_plan tool.c:999
wrong "a line behind the end" 2 "has no code, nor has any behind it" "$lens" run --plan line.plan ./tool
line_plan other.c:7
wrong "a file the program is not made of" 2 "no code of tool comes from other.c" "$lens" run --plan line.plan ./tool
strip -o stripped tool
line_plan tool.c:7
wrong "a program without debug information" 2 "stripped" "$lens" run --plan line.plan ./stripped

# ---- a program that writes over its environment: what was read from it holds
check "a title over the environment" 0 "as meant" env MARK=meant "$lens" run --plan good.plan --stats titled.json "$build/tests/support/title"
ok=no; [ -s titled.json ] && ! grep -q title titled.json && ok=yes
result "a title over the environment: statistics where they belong" $ok
check "a title, under chaos" 0 "as meant" env MARK=meant "$lens" run --chaos 3 --stats chaotic.json "$build/tests/support/title"
ok=no; [ -s chaotic.json ] && ok=yes
result "a title, under chaos: statistics where they belong" $ok
mkdir titles
check "a title while it is recorded" 0 "as meant" env MARK=meant "$lens" profile -o titles/trace "$build/tests/support/title"
ok=no; [ -s titles/trace ] && [ -z "$(find titles -mindepth 1 -name 'title*' -o -name '.*[0-9]')" ] && ok=yes
result "a title while it is recorded: traces where they belong" $ok
if command -v perl > /dev/null; then
    check "perl's title" 0 "as meant" env MARK=meant "$lens" run --plan good.plan --stats perl.json perl -e \
        '$0 = "x" x 500; my $a = "y" x 5000000; print qx(echo as \$MARK);'
    ok=no; [ -s perl.json ] && ok=yes
    result "perl's title: statistics where they belong" $ok
fi

# ---- installed elsewhere
mkdir -p "with space"
cp "$lens" "$build/liblens-preload.so" "with space/"
wrong "a path with a space" 125 "has a space or a colon" "./with space/lens" run --plan good.plan ./tool
mkdir -p moved/bin moved/lib/lens
cp "$lens" moved/bin/ && cp "$build/liblens-preload.so" moved/lib/lens/
check "an installed tree that was moved" 0 "moved/bin/../lib/lens/liblens-preload.so" moved/bin/lens run --plan good.plan env
mkdir -p alone && cp "$lens" alone/
if [ ! -e /usr/local/lib/lens/liblens-preload.so ] && [ ! -e /usr/lib/lens/liblens-preload.so ]; then
    wrong "without its library" 125 "install lens again" alone/lens run --plan good.plan ./tool
fi

# What other processes may read, and what counts its threads.
module=$(ls /lib/*/libm.so.6 /usr/lib/*/libm.so.6 2>/dev/null | head -n 1)
cp "$module" libmpi.so.40
run env LD_PRELOAD="$PWD/libmpi.so.40" "$lens" run --plan good.plan --stats peers.json ./tool
if grep -q '"rung": "thread"' peers.json 2>/dev/null || grep -q "other processes may read this one's memory" err; then yes=yes; else yes=no; fi
result "MPI's processes read each other's memory: the thread rung, or none" $([ "$status" = 0 ] && echo "$yes")
run "$lens" profile -o zygote.trace -- sh -c 'set -- /proc/self/task/*; echo $# threads' sh --type=zygote
result "a zygote is one thread under lens profile" $([ "$status" = 0 ] && grep -qx "1 threads" out && grep -q "a zygote counts its threads" err && echo yes)

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
