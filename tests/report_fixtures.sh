#!/bin/bash
# Makes the traces of tests/fixtures/report/ in a folder, and the program that they speak of.
#   tests/report_fixtures.sh BUILD FOLDER
set -eu
build=$(realpath "$1")
fixtures=$(realpath "$(dirname "$0")/fixtures/report")
cd "$2"
cp "$fixtures/prog.s" .
as -g --debug-prefix-map "$PWD=/src" -o prog.o prog.s
objcopy --redefine-sym "evil_name=$(printf '</script><img src=x onerror=document.title=3>;\033[2J\001 "\\end')" prog.o
ld -Ttext=0x1000 -e main --build-id=none -o prog prog.o
for text in "$fixtures"/*.txt; do
    name=$(basename "$text" .txt)
    "$build/tests/tools/make_trace" < "$text" > "$name.trace"
done
