#!/bin/bash
# Opens pages of lens report --html in headless Chromium, uses them as a person would (tests/page/drive.js) and looks at what
# they did. Without Chromium all is skipped.
#   tests/page.sh BUILD
set -u
build=$(realpath "${1:-build}")
fixtures=$(realpath "$(dirname "$0")")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
passed=0 failed=0 skipped=0

result() { # name, whether: yes or no, what to show
    if [ "$2" = yes ]; then
        passed=$((passed + 1))
        echo "ok $((passed + failed)) - $1"
    else
        failed=$((failed + 1))
        echo "not ok $((passed + failed)) - $1"
        echo "#   $3" | head -c 1500
        echo
    fi
}
has() { # name, text: the title that the page was left with says so
    case "; $title; " in *"; $2; "*) result "$1" yes ;; *) result "$1" no "no \"$2\" in: $title" ;; esac
}

if ! command -v chromium > /dev/null; then
    echo "ok 1 - pages in a browser # SKIP no chromium"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi

# Leaves the title of the page after it was driven, and what the browser's console said, which must be nothing.
drive() {
    { sed 's|</body>||; s|</html>||' "$1"; echo "<script>"; cat "$fixtures/page/drive.js"; echo "</script></body></html>"; } > driven.html
    timeout 60 chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --user-data-dir="$work/profile" --enable-logging=stderr \
        --virtual-time-budget=3000 --window-size=1200,1600 --dump-dom "file://$work/driven.html" > dom 2> log
    title=$(grep -ao '<title>SEEN .*</title>' dom | head -n 1 | sed 's/<title>SEEN //; s|</title>||; s/&gt;/>/g; s/&lt;/</g; s/&amp;/\&/g')
    console=$(grep -a CONSOLE log)
}

"$fixtures/report_fixtures.sh" "$build" "$work" || exit 1
"$build/lens" report -q --html run.html run.trace 2> err || result "the page is written" no "$(cat err)"
drive run.html
result "no errors in the console" "$([ -n "$title" ] && [ -z "$console" ] && echo yes || echo no)" "$console $title"
has "all sites are rows" "rows=6"
has "the first site is the largest" "first=load_rows"
has "a click sorts, largest first" "largest=load_rows"
has "another click turns the order" "smallest=hash_insert"
has "the heading says how it is sorted" "sorted=ascending"
has "a row opens" "detail=true"
has "search finds rows" "found=1 of 6"
has "search marks frames" "marked=1"
has "memory over time has an area for each site and the rest" "areas=7"
has "a frame can be looked at closer" "zoomed=true"
has "no budget where nothing is known of misses" "miss=false"

# What the analysis of use will put there: the page must take it.
sed 's/"miss_ratio":null/"miss_ratio":{"points":[{"budget_bytes":0,"miss_ratio":1,"slowdown":9,"slowdown_later":5},{"budget_bytes":100000000,"miss_ratio":0.5,"slowdown":3,"slowdown_later":2},{"budget_bytes":200000000,"miss_ratio":0,"slowdown":1,"slowdown_later":1}]}/' \
    run.html > miss.html
drive miss.html
has "with a curve there is a budget" "miss=true"
has "the whole budget costs nothing" "whole=0.0%/0 B/1.00 ×/1.00 ×"
has "it begins at a quarter of the memory" "quarter=75.0%/150 MB/6.00 ×/3.50 ×"
has "the slider moves the figures" "again=75.0%/150 MB/6.00 ×/3.50 ×"
has "the slider says the budget" "budget=50.0 MB"

"$build/lens" report -q --html hostile.html hostile.trace 2> err
drive hostile.html
result "hostile texts run no script and make no errors" "$([ -n "$title" ] && [ -z "$console" ] && echo yes || echo no)" "$console $title"
has "hostile texts make no elements" "images=0"
has "hostile texts are rows like others" "rows=4"
"$build/lens" report -q --html empty.html empty.trace
drive empty.html
result "an empty trace makes a page" "$(grep -q 'rows=0' <<< "$title" && [ -z "$console" ] && echo yes || echo no)" "$title $console"
result "a page asks for nothing from a network" \
    "$(grep -aE 'https?://' run.html | grep -vq 'www.w3.org/2000/svg' && echo no || echo yes)" "$(grep -aoE 'https?://[^"]*' run.html)"
result "a page is of reasonable size" "$([ "$(stat -c %s run.html)" -lt 200000 ] && echo yes || echo no)" "$(stat -c %s run.html) bytes"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
