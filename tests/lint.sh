#!/bin/bash
# Static checks: the compiler's warnings as errors (gcc and clang), cppcheck. Closes with "N passed, N failed".
set -u
passed=0 failed=0
row() { # name, command...
    name=$1
    shift
    if "$@" >/tmp/lens-lint.$$ 2>&1; then
        passed=$((passed + 1))
        echo "ok $((passed + failed)) - $name"
    else
        failed=$((failed + 1))
        echo "not ok $((passed + failed)) - $name"
        tail -n 30 /tmp/lens-lint.$$ | sed 's/^/#   /'
    fi
    rm -f /tmp/lens-lint.$$
}
row "gcc, warnings as errors" make -j2 BUILD=build-lint-gcc WERROR=-Werror all
row "clang, warnings as errors" make -j2 BUILD=build-lint-clang CC=clang CXX=clang++ WERROR=-Werror \
    CFLAGS='-O2 -g -Wno-unknown-warning-option' all
row "cppcheck" cppcheck -j 2 --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr --std=c11 -I. -D__x86_64__ \
    --suppress=missingIncludeSystem --suppress=unknownMacro --suppress=preprocessorErrorDirective liblens lenses preload analysis
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
