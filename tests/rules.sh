#!/bin/bash
# The rules of docs/ARCHITECTURE.md, checked: which layer may know which, what the libraries export,
# that statistics and their document agree, that no file or function has grown out of hand.
#   tests/rules.sh BUILD
set -u
build=${1:-build}
passed=0 failed=0
check() { # name, offending lines
    if [ -z "$2" ]; then
        passed=$((passed + 1))
        echo "ok $((passed + failed)) - $1"
    else
        failed=$((failed + 1))
        echo "not ok $((passed + failed)) - $1"
        sed 's/^/#   /' <<<"$2"
    fi
}
includes() { grep -nE '#include "' -r "$1" --include='*.[ch]' --include='*.cpp' | grep -E "$2" || true; }

check "lenses/ knows only liblens/lens.h and itself" \
    "$(grep -nE '#include "' -r lenses --include='*.[ch]' --include='*.cpp' | grep -vE '"(liblens/lens\.h|lenses/[a-z_]+\.h)"' || true)"
check "liblens/ includes nothing of lenses, preload or analysis" "$(includes liblens '"(\.\./)?(lenses|preload|analysis)/')"
check "in liblens/ each layer includes and calls downwards only, and no circle is larger than two files" "$(tests/layers.py "$build" 2>&1)"
check "preload/ includes nothing of analysis" "$(includes preload '"(\.\./)?analysis/')"
check "analysis/ includes nothing of preload" "$(includes analysis '"(\.\./)?preload/')"
check "every system call is made in sys.c or by number through it" \
    "$(grep -nE '\bsyscall\(' -r liblens lenses --include='*.c' | grep -v 'liblens/base/sys.c' || true)"
check "lenses call no malloc, stdio, locale" \
    "$(grep -nE '\b(malloc|calloc|realloc|free|printf|fprintf|snprintf|sscanf|strtod|strtol|setlocale|fopen)\(' lenses/*.c lenses/*.cpp | grep -vE '^\S+:\s*(\*|//|/\*)|//|\* ' || true)"
check "liblens and preload call no malloc and no stdio" \
    "$(nm -A --undefined-only "$build"/obj/liblens/*/*.o "$build"/obj/lenses/*.o 2>/dev/null |
        grep -E ' U (malloc|calloc|realloc|free|printf|fprintf|puts|fopen|snprintf|vsnprintf|__snprintf_chk|strtod|setlocale)$' || true)"
expected=$(sed -e 's/#.*//' -e 's|/\*.*\*/||' preload/preload.map | tr ';{}' '\n\n\n' | grep -vE 'local|global: *$|\*' | sed 's/global://' | tr -d ' \t' | grep -E '^[A-Za-z_0-9]+$' | sort -u)
got=$(nm -D --defined-only "$build/liblens-preload.so" | awk '{print $3}' | sed 's/@.*//' | grep -v '^LENS' | sort -u)
check "the preload library exports exactly what preload.map lists" "$(comm -13 <(echo "$expected") <(echo "$got"))"
expected=$(grep -oE 'lens_[a-z]+(_[a-z]+)*' liblens/liblens.map | sort -u)
got=$(nm -D --defined-only "$build/liblens.so" | awk '{print $3}' | sed 's/@.*//' | grep -v '^LENS' | sort -u)
check "liblens.so exports exactly what liblens.map lists" "$(diff <(echo "$expected") <(echo "$got") || true)"
check "no library brings more than libc (and libdl, libm, libpthread)" \
    "$(for so in "$build"/liblens.so "$build"/liblens-preload.so; do readelf -d "$so" | grep NEEDED | grep -vE 'libc\.so|libm\.so|ld-linux|libdl|libpthread'; done)"
check "no memory is writable and executable" "$(for so in "$build"/lens "$build"/liblens.so "$build"/liblens-preload.so; do readelf -lW "$so" | grep -E 'RWE'; done)"
check "everything is linked with full RELRO, without an executable stack, run paths or text relocations" \
    "$(for f in "$build"/lens "$build"/liblens.so "$build"/liblens-preload.so; do
        readelf -dW "$f" | grep -q BIND_NOW || echo "$f: not BIND_NOW"
        readelf -lW "$f" | grep -q GNU_RELRO || echo "$f: no RELRO"
        readelf -lW "$f" | grep -E 'GNU_STACK.* RW  ' -q || echo "$f: executable stack"
        readelf -dW "$f" | grep -E 'TEXTREL|RPATH|RUNPATH'
        readelf -sW "$f" | grep -q '__stack_chk_fail' || echo "$f: no stack protector"
    done; readelf -hW "$build/lens" | grep -q 'Type: *DYN' || echo "lens is not a PIE"; readelf -sW "$build/lens" | grep -q '_chk@' || echo "lens is not fortified")"
check "nothing listens, and nothing is loaded at run time" \
    "$(for f in "$build"/lens "$build"/liblens.so "$build"/liblens-preload.so; do nm -D --undefined-only "$f" | grep -E ' (socket|bind|listen|connect|dlopen|system|popen)(@|$)' | sed "s|^|$f: |"; done)"
check "statistics and docs/stats.md agree" "$(tests/check_stats_doc.sh "$build" >/tmp/lens-rules.$$ 2>&1 || cat /tmp/lens-rules.$$; rm -f /tmp/lens-rules.$$)"
check "no file over 600 lines" "$(git ls-files 'liblens/*' 'lenses/*' 'preload/*' 'analysis/*' | grep -E '\.(c|h|cpp)$' | xargs wc -l | awk '$2 != "total" && $1 > 600 {print $2 ": " $1 " lines"}')"
check "no function over 60 lines" "$(git ls-files 'liblens/*.c' 'lenses/*.c' 'preload/*.c' 'analysis/*.c' | xargs awk 'FNR==1{s=0} /^\{/{s=FNR} /^\}/{if(s && FNR-s>60) print FILENAME ":" s ": " FNR-s " lines"; s=0}')"
check "no line of a document is longer than 120 columns, but tables and what is shown as it is" \
    "$(git ls-files '*.md' | xargs awk 'FNR == 1 {shown = 0} /^ *```/ {shown = !shown} !shown && !/^ *\|/ && length($0) > 120 {print FILENAME ":" FNR ": " length($0)}')"
check "each option of lens run is in its help, its man page and its completion" \
    "$(sed -n 's/^    {"\([a-z-]*\)", "LENS_[A-Z_]*", \(true\|false\),.*/\1 \2/p' liblens/plan/options.c | while read -r name is_flag; do
        grep -q -- "--$name\b" analysis/cmd/help.c || echo "--$name is not in analysis/cmd/help.c"
        sed 's/\\-/-/g' man/lens.1 | grep -q -- "--$name\b" || echo "--$name is not in man/lens.1"
        [ "$(grep -c -- "--$name\b" completion/lens.bash)" -ge 1 ] || echo "--$name is not in completion/lens.bash"
        [ "$is_flag" = true ] || sed -n '/^_lens_program/,/^}/p' completion/lens.bash | grep -q -- "--$name " || echo "--$name takes a value, which _lens_program does not know"
    done)"
check "no unfinished marks" "$(git grep -nIE '\b(TODO|FIXME|XXX|HACK)\b' -- '*.c' '*.h' '*.cpp' '*.sh' Makefile | grep -v 'tests/rules.sh' || true)"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
