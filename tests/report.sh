#!/bin/bash
# lens report and lens diff on traces made by hand (tests/fixtures/report), held against golden files, and wrong uses.
#   tests/report.sh BUILD              UPDATE=1 writes the golden files anew: read the difference before committing it
set -u
build=$(realpath "${1:-build}")
tests=$(realpath "$(dirname "$0")")
golden=$tests/fixtures/report/golden
lens=$build/lens
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset COLUMNS NO_COLOR DEBUGINFOD_URLS
export LC_ALL=C.UTF-8
passed=0 failed=0 skipped=0

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
# The command's output is what the golden file says.
same() { # golden file, command...
    name=$1
    shift
    "$@" > got 2> err
    status=$?
    # The version is everywhere and no business of these tests.
    sed -i "s/lens $("$lens" --version | cut -d' ' -f2)/lens VERSION/; s/\"version\": *\"[0-9.]*\"/\"version\": \"VERSION\"/" got
    [ "${UPDATE:-}" = 1 ] && mkdir -p "$golden" && cp got "$golden/$name"
    difference=$(diff -a "$golden/$name" got 2>&1)
    result "$name" "$([ "$status" = 0 ] && [ -z "$difference" ] && echo yes || echo no)" "status $status $(cat err)
$difference"
}
# One line on standard error, begun by "lens: ", with these words, nothing on standard output, and this status.
wrong() { # name, status, words, command...
    name=$1 wanted=$2 words=$3
    shift 3
    "$@" > got 2> err < /dev/null
    status=$?
    result "$name" "$([ "$status" = "$wanted" ] && [ "$(wc -l < err)" = 1 ] && grep -q '^lens: ' err && grep -qF -e "$words" err && [ ! -s got ] &&
        echo yes || echo no)" "status $status, errors: $(cat err), output: $(head -n 3 got)"
}
# The command succeeds and its output has these words.
says() { # name, words, command...
    name=$1 words=$2
    shift 2
    "$@" > got 2> err
    status=$?
    result "$name" "$([ "$status" = 0 ] && grep -qF -e "$words" got && echo yes || echo no)" "status $status $(cat err) $(cat got)"
}

"$tests/report_fixtures.sh" "$build" . || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }

# ---- what is shown
same run.report "$lens" report run.trace
LC_ALL=C same run.ascii.report "$lens" report run.trace
same run.frames.report "$lens" report --frames 4 --top 3 run.trace
same run.bytetime.report "$lens" report --sort bytetime --top 4 run.trace
same fork.report "$lens" report run.trace child.trace
same later.report "$lens" report later.trace
same wrappers.report "$lens" report wrappers.trace
same empty.report "$lens" report empty.trace
same hostile.report "$lens" report hostile.trace
same run.json "$lens" report --json - run.trace
same hostile.json "$lens" report --json - hostile.trace
same run.folded "$lens" report --folded - run.trace
same hostile.folded "$lens" report --folded - hostile.trace
same run-later.diff "$lens" diff run.trace later.trace
same run-run.diff "$lens" diff run.trace run.trace
same bytes.diff "$lens" diff --sort bytes --frames 1 --top 2 run.trace later.trace
same run-later.diff.json "$lens" diff --json - run.trace later.trace
LC_ALL=C same ascii.diff "$lens" diff run.trace later.trace
if command -v protoc > /dev/null; then
    pprof() { "$lens" report --pprof - "$1" | gunzip | protoc --decode=Profile -I "$tests/fixtures/report" profile.proto; }
    same run.pprof pprof run.trace
    same hostile.pprof pprof hostile.trace
else
    skipped=$((skipped + 2))
    echo "skip: no protoc to decode profiles with"
fi

# ---- properties that no golden file should have to show
for trace in run later empty hostile; do
    LC_ALL=C "$lens" report --frames 5 $trace.trace 2> err > got
    result "$trace: no control character reaches a terminal, in any locale" \
        "$(LC_ALL=C grep -aq "[^[:print:]]" <<< "$(tr -d '\n' < got)$(tr -d '\n' < err)" && echo no || echo yes)" "$(cat -v got)"
    "$lens" report --frames 5 $trace.trace > got 2> err
    wide=$(python3 -c 'print("".join(line for line in open("got", encoding="utf-8") if len(line) > 101), end="")')
    result "$trace: the table fits 100 columns" "$([ -z "$wide" ] && echo yes || echo no)" "$wide"
    python3 -c 'import json,sys; json.load(sys.stdin)' < <("$lens" report --json - $trace.trace 2> err) 2> err
    result "$trace: the JSON is JSON" "$([ $? = 0 ] && echo yes || echo no)" "$(cat err)"
done
"$lens" diff --json - run.trace later.trace 2> err | python3 -c '
import json, sys
diff = json.load(sys.stdin)
for side in "before", "after":
    assert abs(sum(row[side] for row in diff["rows"]) - diff[side]) < 1, side' 2>> err
result "the rows of a diff add up" "$([ $? = 0 ] && echo yes || echo no)" "$(cat err)"
bad=$("$lens" report --folded - hostile.trace 2> err | LC_ALL=C grep -avE '^[^[:cntrl:]]+ [0-9]+$')
result "folded lines are a path and a number" "$([ -z "$bad" ] && echo yes || echo no)" "$bad"
"$lens" report --json - run.trace > one.json 2> err && "$lens" report -q --json two.json run.trace && cmp -s one.json two.json
result "a form is the same in a file and on standard output" "$([ $? = 0 ] && echo yes || echo no)" "$(cat err)"
"$lens" report -q --json a.json --folded a.folded --pprof a.pb.gz --html a.html run.trace > got 2> err
result "all forms at once, quietly" "$([ $? = 0 ] && [ -s a.json ] && [ -s a.folded ] && [ -s a.pb.gz ] && [ -s a.html ] && [ ! -s got ] &&
    [ ! -s err ] && echo yes || echo no)" "$(cat err got)"
result "no half-written file is left" "$(ls | grep -q lens-part && echo no || echo yes)" "$(ls)"
"$lens" report --json - run.trace 2> err | python3 -c '
import json, sys
report = json.load(sys.stdin)
sites = report["sites"]
assert sum(site["at_peak_bytes"] for site in sites) == report["peak_bytes"], "the sites do not add up"
assert max(map(sum, zip(*report["timeline"]["series"]))) == report["peak_bytes"], "the timeline misses the peak"' 2> err
result "sites and timeline add up to the peak" "$([ $? = 0 ] && echo yes || echo no)" "$(cat err)"
"$lens" report --json - run.trace | python3 -c 'import json, sys; print(json.load(sys.stdin)["plan"])' > got.plan
"$lens" report --json - hostile.trace 2> err | python3 -c 'import json, sys; print(json.load(sys.stdin)["plan"])' > hostile.plan
"$lens" check got.plan hostile.plan > got 2> err
result "the plans that a report suggests are plans" "$([ $? = 0 ] && echo yes || echo no)" "$(cat err got.plan hostile.plan)"

# ---- traces that are not whole
size=$(stat -c %s run.trace)
head -c $((size - 1)) run.trace > cut.trace
says "a trace that is cut is read up to there, and says so" "the trace is cut" "$lens" report cut.trace
says "a program that was killed" "still running, or killed" "$lens" report child.trace
result "missing modules are told once, in a line" "$("$lens" report hostile.trace 2>&1 > /dev/null | wc -l | grep -q '^1$' && echo yes || echo no)" \
    "$("$lens" report hostile.trace 2>&1 > /dev/null)"

# ---- wrong uses
printf 'not a trace' > other.file
printf 'lens-trace 9\n' > version.trace
: > nothing.trace
mkdir folder
wrong "no trace" 2 "which trace?" "$lens" report
wrong "a trace that is not there" 125 "gone.trace" "$lens" report gone.trace
wrong "a file that is no trace" 125 "other.file" "$lens" report other.file
wrong "a trace of another version" 125 "version.trace" "$lens" report version.trace
wrong "an empty file" 125 "nothing.trace" "$lens" report nothing.trace
wrong "a folder" 125 "folder" "$lens" report folder
wrong "a bad one among good ones" 125 "other.file" "$lens" report run.trace other.file
wrong "--top 0" 2 "--top: 0 is not a number from 1" "$lens" report --top 0 run.trace
wrong "--top x" 2 "--top: x is not" "$lens" report --top x run.trace
wrong "--frames 17" 2 "from 1 to 16" "$lens" report --frames 17 run.trace
wrong "--sort pek" 2 "did you mean peak?" "$lens" report --sort pek run.trace
wrong "an unknown option" 2 "did you mean --folded?" "$lens" report --foldet x run.trace
wrong "an option without its value" 2 "needs a value" "$lens" report run.trace --json
wrong "two forms on standard output" 2 "only one form" "$lens" report --json - --folded - run.trace
wrong "a form over the trace itself" 2 "would overwrite" "$lens" report --json run.trace run.trace
wrong "a folder that is not there" 125 "cannot write gone/a.json: No such file" "$lens" report --json gone/a.json run.trace
wrong "a folder in place of a file" 125 "cannot write folder" "$lens" report --html folder run.trace
wrong "a full disk" 125 "No space left" "$lens" report --json /dev/full run.trace
wrong "diff of one trace" 2 "two traces" "$lens" diff run.trace
wrong "diff of three traces" 2 "two traces" "$lens" diff run.trace run.trace run.trace
wrong "diff with a file that is no trace" 125 "other.file" "$lens" diff run.trace other.file
wrong "diff over one of its traces" 2 "would overwrite" "$lens" diff --json run.trace run.trace later.trace
wrong "diff on a full disk" 125 "No space left" "$lens" diff --json /dev/full run.trace later.trace
wrong "diff --sort x" 2 "peak, bytes, bytetime" "$lens" diff --sort x run.trace run.trace
"$lens" report run.trace > /dev/full 2> err
result "a full disk under the table" "$([ $? = 125 ] && grep -q 'cannot write' err && echo yes || echo no)" "$(cat err)"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
