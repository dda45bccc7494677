#!/bin/sh
# The names that preload/preload.map exports are those of the tables in preload/, and the malloc family: no more, no
# less; and each function of glibc is accounted for (io_exports.py). With --write the map is written anew.
# Usage: tests/io_table.sh [BUILD | --write]
set -eu
cd "$(dirname "$0")/.."
map=preload/preload.map
out=$(mktemp)
trap 'rm -f "$out"' EXIT
family="malloc calloc realloc reallocarray free cfree posix_memalign aligned_alloc memalign valloc pvalloc malloc_usable_size"

names() {
    {
        printf '#include "preload/io_table.h"\n#define R(type, name, parameters, arguments, words) @name@\n'
        printf '#define H(name) @name@\nLENSI_IO_TABLE(R, H)\n'
    } | ${CC:-cc} -I. -E -P - | grep -o '@ *[A-Za-z0-9_]* *@' | tr -d '@ '
    printf '%s\n' $family
}

wanted() {
    printf '# Made by tests/io_table.sh --write from preload/io_table.h and the malloc family.\n{\n    global:\n'
    names | LC_ALL=C sort -u | sed 's/.*/        &;/'
    printf '    local:\n        *;\n};\n'
}

if [ "${1:-}" = --write ]; then
    wanted >"$map.new"
    mv "$map.new" "$map"
    exit 0
fi
if wanted | diff - "$map"; then
    echo "ok - $map agrees with preload/io_table.h"
    passed=1 failed=0
else
    echo "not ok - $map differs from preload/io_table.h: run tests/io_table.sh --write"
    passed=0 failed=1
fi
if command -v python3 >/dev/null; then
    python3 tests/io_exports.py "${1:-build}" >"$out" || :
else
    printf 'skip - tests/io_exports.py wants python3\n0 passed, 0 failed, 1 skipped\n' >"$out"
fi
sed '$d' "$out"
tail -n 1 "$out" | {
    read -r p _ f _ s _
    echo "$((passed + p)) passed, $((failed + f)) failed, $s skipped"
    [ $((failed + f)) = 0 ]
}
