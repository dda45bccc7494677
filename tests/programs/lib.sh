# shellcheck shell=sh disable=SC2034,SC2154
# lib.sh - what tests/programs.sh and tests/demo.sh share: a private folder, rows, comparing two runs.
# Sourced; expects $build (absolute) and sets $work, $lens, $gen.

work=$(mktemp -d "${TMPDIR:-/tmp}/lens-programs.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
chmod 755 "$work"
mkdir -p "$work/bin" "$work/home" "$work/data"
mkdir -m 700 "$work/store"
# Copied, so that an unprivileged user can run them whatever the build folder's permissions are.
cp "$build/lens" "$build/liblens-preload.so" "$work/bin/" || exit 2
lens=$work/bin/lens
gen=$build/tests/gen/gen
unset LENS_PLAN LENS_BUDGET LENS_FAULT LENS_STORE LENS_STORE_DIR LENS_STORE_LIMIT LENS_STATS LENS_QUIET LENS_VERBOSE LD_PRELOAD
unset XDG_CACHE_HOME XDG_RUNTIME_DIR PYTHONPATH PYTHONHOME
export HOME="$work/home" LC_ALL=C PATH="$PATH:/usr/lib/netpbm:/usr/games" OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# Debian's own interpreter: another one on PATH has other modules.
python=/usr/bin/python3
passed=0 failed=0 skipped=0 number=0

# stat_of FILE KEY: one number of the statistics.
stat_of()
{
    sed -n "s/^ *\"$2\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$1"
}

ok() { number=$((number + 1)) passed=$((passed + 1)); echo "ok $number - $1"; }
# not_ok TITLE: why is in the file $work/why.
not_ok()
{
    number=$((number + 1)) failed=$((failed + 1))
    echo "not ok $number - $1"
    head -n 20 "$work/why" | sed 's/^/#   /'
}
skip() { number=$((number + 1)) skipped=$((skipped + 1)); echo "ok $number - $1 # SKIP $2"; }

# have PROGRAM PACKAGE TITLE: true if it is there, else a skipped row.
have()
{
    command -v "$1" > /dev/null 2>&1 && return 0
    skip "$3" "no $1: install $2"
    return 1
}

closing_line()
{
    if [ $skipped -gt 0 ]; then
        echo "$passed passed, $failed failed, $skipped skipped"
    else
        echo "$passed passed, $failed failed"
    fi
    [ $failed -eq 0 ]
}

# What the rows below are run with; a row sets what it needs and `reset` puts it back.
reset()
{
    options=--store=auto budget=1M plan='' filter='' allocator='' user='' store_dir='' timeout=${row_timeout:-120} min_saved=0 min_lazy=0 expect=''
}
reset

# Numbers of seconds, and the memory used, are not the program's result.
no_times='s/ *[0-9.][0-9.]* *sec/ T sec/g; s/([0-9.]* *[KM]*B)/M/; /[Mm]emory/d; /^\[M::/d; /^\[main\]/d; s/0x[0-9a-f]*/ADDRESS/g'

# run_in FOLDER COMMAND...: stdout, stderr, status and whatever the program writes are left in FOLDER.
run_in()
{
    folder=$1
    shift
    rm -rf "$folder"
    mkdir -p "$folder"
    if [ -n "$user" ]; then
        chmod 777 "$folder"
        set -- setpriv --reuid="$user" --regid="$user" --clear-groups env HOME="$folder.home" "$@"
        rm -rf "$folder.home"
        mkdir -p "$folder.home"
        chmod 777 "$folder.home"
    fi
    (
        cd "$folder" || exit 2
        timeout "$timeout" env ${allocator:+LD_PRELOAD="$allocator"} "$@" > stdout 2> stderr < /dev/null
        echo $? > status
    )
    for name in stdout stderr; do
        [ -z "$filter" ] || sed -i "$filter" "$folder/$name"
    done
}

plain_key=

# Runs COMMAND plainly unless the last row has just done so.
run_plain()
{
    key="$allocator|$user|$filter|$*"
    [ "$key" = "$plain_key" ] && return
    run_in "$work/plain" "$@"
    plain_key=$key
}

run_lens()
{
    # shellcheck disable=SC2086
    run_in "$work/lens" "$lens" run --quiet --budget "$budget" $options ${plan:+--plan "$plan"} \
        --store-dir "${store_dir:-$work/store}" --stats "$work/stats/row.json" -- "$@"
    # What lens itself says is not the program's.
    grep '^lens: ' "$work/lens/stderr" > "$work/said" || :
    sed -i '/^lens: /d' "$work/lens/stderr"
}

percent_saved()
{
    awk -v pages="$(stat_of "$stats" absent_pages_peak)" -v touched="$(stat_of "$stats" touched_bytes_peak)" \
        'BEGIN { print (touched ? int(pages * 4096 * 100 / touched) : 0) }'
}

# Leaves what in $work/diff.
differs() { ! diff -rq "$work/plain" "$work/lens" > "$work/diff" 2>&1; }

# row TITLE COMMAND...: plain and with lens; all of it must be equal, and min_saved percent of the virtualised memory
# must have been absent or mapped at once.
row()
{
    title=$1
    shift
    stats=$work/stats/row.json
    rm -rf "$work/stats"
    mkdir -m 777 "$work/stats"
    run_plain "$@"
    run_lens "$@"
    # How far the prover gets depends on who else wants the processor: a share too small is looked at again, and programs that
    # heed PATIENCE use their memory for so many seconds then. Bytes are not looked at again.
    for patience in 1 4 12; do
        differs || [ ! -s "$stats" ] || [ "$(percent_saved)" -ge "$min_saved" ] && break
        export PATIENCE=$patience
        run_lens "$@"
    done
    unset PATIENCE
    judge "$title"
}

judge()
{
    saved=0
    [ -s "$stats" ] && saved=$(percent_saved)
    if differs; then
        {
            cat "$work/diff" "$work/said"
            echo "status: plain $(cat "$work/plain/status"), with lens $(cat "$work/lens/status")"
            diff "$work/plain/stdout" "$work/lens/stdout" 2>&1 | head -c 400 | head -4
            diff "$work/plain/stderr" "$work/lens/stderr" 2>&1 | head -c 400 | head -4
        } > "$work/why"
        not_ok "$1: differs from the plain run"
    elif [ ! -s "$stats" ] && [ "$expect" != nothing ]; then
        cp "$work/said" "$work/why"
        not_ok "$1: no statistics"
    elif [ "$expect" = nothing ] && [ "$saved" -gt 0 ]; then
        echo "saved $saved %" > "$work/why"
        not_ok "$1: nothing was to be virtualised"
    elif [ "$saved" -lt "$min_saved" ]; then
        {
            cat "$work/said"
            tr -d '\n' < "$stats" | fold -w 200
            echo
        } > "$work/why"
        not_ok "$1: saved $saved % of what was virtualised, wanted $min_saved"
    elif [ "$min_lazy" -gt 0 ] && [ "$(stat_of "$stats" lazy_pages)" -lt "$min_lazy" ]; then
        echo "$(stat_of "$stats" lazy_pages) pages of reads were not copied, wanted $min_lazy" > "$work/why"
        not_ok "$1: lazy reads"
    elif [ -n "$expect" ] && [ "$expect" != nothing ] && [ "$(stat_of "$stats" "${expect%%=*}")" != "${expect#*=}" ]; then
        echo "$(stat_of "$stats" "${expect%%=*}") instead of ${expect#*=}" > "$work/why"
        not_ok "$1: ${expect%%=*}"
    else
        ok "$1: $(result_text)"
    fi
}

result_text()
{
    if [ ! -s "$stats" ] || [ "$(stat_of "$stats" blocks)" = 0 ]; then
        echo "equal, nothing virtualised"
        return
    fi
    awk -v saved="$saved" -v touched="$(stat_of "$stats" touched_bytes_peak)" -v mapped="$(stat_of "$stats" mapped_pages)" \
        -v faults="$(stat_of "$stats" faults)" -v want="$min_saved" 'BEGIN {
        printf "equal; %d %% of %.1f MB absent%s (wanted %d), %d faults\n", saved, touched / 1048576, mapped ? " or mapped" : "", want, faults }'
}
