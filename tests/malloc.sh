#!/bin/sh
# malloc.sh BUILD - the malloc family under the preload library: over each allocator there is, with nothing
# virtualised, with every large block virtualised and with small ones packed. Each run must say and return what the
# plain run does.
set -u
build=${1:?usage: tests/malloc.sh BUILD}
build=$(cd "$build" && pwd) || exit 2
here=$(cd "$(dirname "$0")" && pwd)/malloc
bin=$build/tests/malloc
libraries=/usr/lib/$(uname -m)-linux-gnu
failed=0
runs=0

mkdir -p "$bin"
for source in "$here"/*.c; do
    ${CC:-gcc} -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -O1 -g -pthread -fno-builtin -o "$bin/$(basename "$source" .c)" "$source" -ldl || exit 2
done
for source in "$here"/*.cpp; do
    ${CXX:-g++} -std=c++17 -Wall -Wextra -O1 -g -pthread -o "$bin/$(basename "$source" .cpp)" "$source" || exit 2
done

printf 'lens-plan 1\nsite "*" {\n  min 64K\n  file "*.never"\n  lens verbatim\n}\n' > "$bin/large.plan"
printf 'lens-plan 1\nsite "*" {\n  min 1\n  file "*.never"\n  lens verbatim\n  packed\n}\n' > "$bin/small.plan"
printf 'lens-plan 1\nsite "nobody" {\n  min 16\n  file "*.never"\n  lens verbatim\n}\n' > "$bin/nobody.plan"

# run PRELOAD PLAN PROGRAM OUTPUT
run() {
    runs=$((runs + 1))
    env ${rung:+LENS_FAULT=$rung} ${1:+LD_PRELOAD="$1"} ${2:+LENS_PLAN="$2"} LENS_QUIET=1 timeout 120 "$3" > "$4" 2>&1
    echo "exit $?" >> "$4"
}

for allocator in "" "$libraries/libjemalloc.so.2" "$libraries/libmimalloc.so.2" "$libraries/libtcmalloc_minimal.so.4"; do
    name=glibc
    if [ -n "$allocator" ]; then
        [ -e "$allocator" ] || { echo "malloc: no $allocator: skipped"; continue; }
        name=$(basename "$allocator" .so.2)
    fi
    # An allocator may begin to work while a rung is being opened: a thread is made for one of them.
    for rung in thread protect; do
        run "$allocator" "" "$bin/threads" "$bin/threads.plain"
        run "${PRELOAD:-$build/liblens-preload.so}${allocator:+:$allocator}" "$bin/large.plan" "$bin/threads" "$bin/threads.lens"
        if ! cmp -s "$bin/threads.plain" "$bin/threads.lens"; then
            echo "malloc: threads over $name on rung $rung differs from the plain run:"
            diff "$bin/threads.plain" "$bin/threads.lens" | head -20
            failed=$((failed + 1))
        fi
    done
    rung=
    for program in family threads news early getline; do
        run "$allocator" "" "$bin/$program" "$bin/$program.plain"
        for plan in "" "$bin/nobody.plan" "$bin/large.plan" "$bin/small.plan"; do
            run "${PRELOAD:-$build/liblens-preload.so}${allocator:+:$allocator}" "$plan" "$bin/$program" "$bin/$program.lens"
            if ! cmp -s "$bin/$program.plain" "$bin/$program.lens"; then
                echo "malloc: $program over $name with ${plan:-no plan} differs from the plain run:"
                diff "$bin/$program.plain" "$bin/$program.lens" | head -20
                failed=$((failed + 1))
            fi
        done
    done
done
echo "$((runs - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
