#!/bin/bash
# lens top on programs that run: what it shows, what it refuses to believe, and how it leaves a terminal.
#   tests/top.sh BUILD
set -u
build=$(realpath "${1:-build}")
tests=$(realpath "$(dirname "$0")")
lens=$build/lens
work=$(mktemp -d) || exit 1
cd "$work" || exit 1
unset COLUMNS NO_COLOR LENS_PLAN LENS_TRACE DEBUGINFOD_URLS
export LC_ALL=C.UTF-8 HOME=$work XDG_RUNTIME_DIR=$work
passed=0 failed=0
ended() { # processes that this script started, by their numbers
    exec 3>&- 5>&-
    for pid in ${children:-}; do kill "$pid" 2> /dev/null; done
    wait
    rm -rf "$work"
}
trap ended EXIT

result() { # name, yes or no, what to show
    if [ "$2" = yes ]; then
        passed=$((passed + 1))
        echo "ok $((passed + failed)) - $1"
    else
        failed=$((failed + 1))
        echo "not ok $((passed + failed)) - $1"
        head -c 1500 <<< "$3" | sed 's/^/#   /'
    fi
}
says() { # name, status, pattern, command...
    name=$1 wanted=$2 pattern=$3
    shift 3
    "$@" > got 2> err < /dev/null
    status=$?
    result "$name" "$([ "$status" = "$wanted" ] && cat got err | grep -qE -e "$pattern" && echo yes || echo no)" "status $status: $(cat err got)"
}

head -c 8000000 /dev/urandom > data.bin
head -c 4000000 /dev/urandom > idle.bin
cat > waits.plan << 'EOF'
lens-plan 1
site "load" as "the block" { min 1M file "data.bin" lens verbatim extent read }
site "load_idle" as "the idle one" { min 1M file "idle.bin" lens verbatim extent read }
EOF
mkfifo in.virtual out.virtual in.profiled out.profiled
"$lens" run --quiet --plan waits.plan --budget 1M --store none -- "$build/tests/support/waits" data.bin idle.bin < in.virtual > out.virtual 2> virtual.err &
virtual=$!
exec 3> in.virtual 4< out.virtual
"$lens" profile -q -o run.trace -- "$build/tests/support/waits" data.bin < in.profiled > out.profiled 2> profiled.err 3>&- 4<&- &
profiled=$!
children="$virtual $profiled"
exec 5> in.profiled 6< out.profiled
read -r -t 60 line <&4 && read -r -t 60 line <&6 || { echo "the programs did not start: $(cat ./*.err)"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }

# Until the prover has given something up: an event of another process, so it is asked for, with a limit that fails.
absent() { "$lens" top "$1" | sed -n 's/^  absent .* \([0-9.]* [kMG]*B\)  .*/\1/p'; }
for ((i = 0; i < 300; i++)); do [ "$(absent $virtual)" != "0 B" ] && break; sleep 0.1; done
result "pages become absent" "$([ "$(absent $virtual)" != "0 B" ] && echo yes || echo no)" "$("$lens" top $virtual)"

# ---- what is shown
says "the list has the virtualised program" 0 "^ *$virtual  virtualised +12.0 MB" "$lens" top
says "the list has the profiled program" 0 "^ *$profiled  profiled" "$lens" top
says "bytes alive, blocks" 0 "virtualised +12.0 MB alive; 12.0 MB in 2 blocks" "$lens" top $virtual
says "sites by their names" 0 "the block +1 +8.00 MB " "$lens" top $virtual
says "the rung and the budget" 0 "rung [a-z]+, store none, budget 1.05 MB" "$lens" top $virtual
faults() { "$lens" top "$1" | sed -n 's/^  faults .*, \([0-9,]*\) so far.*/\1/p'; }
before=$(faults $virtual)
echo sum >&3 && read -r -t 60 line <&4
after=$(faults $virtual)
result "faults are counted as they happen" "$([ "${after//,/}" -gt "${before//,/}" ] && echo yes || echo no)" "before $before, after $after"
site() { "$lens" top $virtual | sed -n "s/^  $1  *//p"; } # blocks, alive, resident, absent, mapped, kept, faults/s, hits
read -r -a busy <<< "$(site "the block")"
read -r -a idle <<< "$(site "the idle one")"
result "faults are those of the site that was touched" "$([[ ${busy[-2]} =~ ^[0-9] && ${idle[-2]} = - ]] && echo yes || echo no)" "$("$lens" top $virtual)"
result "what lies absent, by site" "$([[ "${idle[*]}" =~ ^1\ 4.00\ MB\ (-|[0-9.]+\ [kM]B)\ [0-9.]+\ MB\ -\ -\ -\ -$ ]] && echo yes || echo no)" "$(site "the idle one")"
problem=$(python3 "$tests/top_gauges.py" $virtual "$tests/../liblens/base/stats.h" 2>&1)
result "sites add up to the whole" "$([ $? = 0 ] && echo yes || echo no)" "$problem"
says "two looks, plain" 0 "process $virtual" "$lens" top --count 2 --interval 0.1 $virtual
result "no escapes where there is no terminal" "$(grep -q $'\033' got && echo no || echo yes)" "$(cat -v got)"
for ((i = 0; i < 300; i++)); do "$lens" top $profiled 2> /dev/null | grep -q 'load' && break; sleep 0.1; done
says "a profiled program's sites" 0 "8.00 MB .*load$" "$lens" top $profiled

# ---- a fork's child has gauges of its own
echo fork >&3 && read -r -t 60 word child <&4
children="$children $child"
says "a fork's child is seen" 0 "process $child" "$lens" top "$child"
echo sum >&3 && read -r -t 60 line <&4
more=$(faults $virtual)
result "the parent's faults are not the child's" "$([ "$(faults "$child")" != "$more" ] && echo yes || echo no)" "parent $more, child $(faults "$child")"

# ---- a terminal
for how in key interrupt terminate resize stop; do
    problem=$(timeout 60 python3 "$tests/top_terminal.py" $how "$lens" top --interval 0.2 $virtual 2>&1)
    result "on a terminal: $how" "$([ $? = 0 ] && [ -z "$problem" ] && echo yes || echo no)" "$problem"
done
problem=$(timeout 60 python3 "$tests/top_terminal.py" key "$lens" top --interval 0.2 $profiled 2>&1)
result "on a terminal: a profiled program" "$([ -z "$problem" ] && echo yes || echo no)" "$problem"

# ---- what is not believed
python3 - "$build/liblens-preload.so" > fake.out 2> fake.err 3>&- 5>&- << 'EOF' &
# Maps the library's file and shows a memfd of the right name with other content.
import mmap, os, sys
library = open(sys.argv[1], "rb")
mapped = mmap.mmap(library.fileno(), 4096, prot=mmap.PROT_READ)
for content in (b"", b"lens-gauges 1\n\0\0" + b"\xff" * 8192, b"lens-gauges 9\n" + b"\0" * 8192):
    fd = os.memfd_create("lens-gauges")
    os.write(fd, content)
trace = open("\x1b[31m.trace", "wb")
trace.write(b"lens-trace 9\n")
trace.flush()
print("ready", flush=True)
import time
time.sleep(120)
EOF
fake=$!
children="$children $fake"
for ((i = 0; i < 300; i++)); do grep -q ready fake.out && break; sleep 0.1; done
says "gauges and traces of another kind are not believed" 1 "does not run under lens" "$lens" top $fake

# ---- wrong uses, and an end
says "no such process" 1 "there is no process 4194303" "$lens" top 4194303
says "a process that is not under lens" 1 "does not run under lens" "$lens" top $$
says "not a number" 2 "is not a number" "$lens" top nobody
says "an interval of nothing" 2 "interval" "$lens" top --interval 0 $virtual
says "too many words" 2 "one process" "$lens" top 1 2
exec 3>&-
wait $virtual
says "an ended process" 1 "there is no process $virtual" "$lens" top $virtual
"$lens" top --count 1000 --interval 0.1 $profiled > got 2> err 5>&- &
top=$!
for ((i = 0; i < 300; i++)); do [ -s got ] && break; sleep 0.1; done
exec 5>&-
wait $top
result "ended while it was watched" "$([ $? = 0 ] && grep -q "process $profiled has ended" err && echo yes || echo no)" "$(cat err)"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
