#!/bin/sh
# The names that preload/preload.map exports are those of the tables in preload/, and the malloc family: no more, no
# less. With --write the map is written anew. Usage: tests/io_table.sh [--write]
set -eu
cd "$(dirname "$0")/.."
map=preload/preload.map
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
elif wanted | diff - "$map"; then
    echo "ok - $map agrees with preload/io_table.h"
    echo "1 passed, 0 failed"
else
    echo "not ok - $map differs from preload/io_table.h: run tests/io_table.sh --write"
    echo "0 passed, 1 failed"
    exit 1
fi
