#!/bin/bash
# What docs/security.md says, attacked line by line: other users, links, plans and folders of somebody else.
#   tests/security.sh BUILD
set -u
umask 022
build=$(cd "${1:-build}" && pwd)
top=$(mktemp -d)
chmod 755 "$top"
trap 'rm -rf "$top"' EXIT
passed=0 failed=0 skipped=0
ok() { # name, 0 if well
    if [ "$2" = 0 ]; then passed=$((passed + 1)); echo "ok $((passed + failed)) - $1"
    else failed=$((failed + 1)); echo "not ok $((passed + failed)) - $1"; sed 's/^/#   /' "$top/out" "$top/err" | tail -n 20; fi
}
skip() { skipped=$((skipped + 1)); echo "skip $1: $2"; }
has() { grep -qE -- "$1" "$top/err" "$top/out"; }
try() { timeout 60 "$@" >"$top/out" 2>"$top/err"; status=$?; } # what it ended with, in $status

# Everything that other users run lies where they can read it.
tools=$top/tools
mkdir "$tools"
cp "$build/lens" "$build/liblens-preload.so" "$build/tests/support/direct" "$tools"
lens=$tools/lens
"$tools/direct" make "$top/data" 3
printf 'lens-plan 1\nsite "*" { min 1M file "data" lens verbatim extent read }\n' >"$top/plan"
export HOME=$top/home
mkdir "$HOME"
unset XDG_CACHE_HOME XDG_RUNTIME_DIR
run="$lens run --plan $top/plan --budget 256K" # small: an image with less than seven eighths of the pages is for builders
# A run that proves, ends by itself and gives the status of its own checks.
touch "$top/stop"
whole="$tools/direct run $top/data $top/stop idle"
figure() { sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" "$top/stats"; }

# ---- plans
cp "$top/plan" "$top/open.plan"
chmod 666 "$top/open.plan"
try "$lens" run --plan "$top/open.plan" -- true
ok "a plan that everybody can write is refused" $([ $status = 2 ] && has 'others can write it'; echo $?)
try env LENS_PLAN="$top/open.plan" LD_PRELOAD="$tools/liblens-preload.so" true
ok "by the library, too" $([ $status = 0 ] && has 'others can write it.*nothing is virtualised'; echo $?)
mkfifo "$top/fifo.plan"
try "$lens" run --plan "$top/fifo.plan" -- true
ok "a plan that is a FIFO keeps nobody waiting" $([ $status = 2 ]; echo $?)

# ---- the view store
(umask 0; $run --store disk --store-dir "$top/store" -- $whole) >"$top/out" 2>"$top/err"
view=$(ls "$top"/store/*.view 2>/dev/null | head -n 1)
ok "a store is made: folder 0700, files 0600, whatever the umask" \
    $([ -n "$view" ] && [ "$(stat -c %a "$top/store")" = 700 ] && [ -z "$(find "$top/store" -type f ! -perm 600)" ]; echo $?)
again() { try $run --store disk --store-dir "$top/store" --stats "$top/stats" -- $whole; }
again
ok "the next run uses it" $([ $status = 0 ] && [ "$(figure store_hits)" -gt 0 ]; echo $?)
plant() { # what is in place of the view: it must not be used, and nothing may go wrong
    cp "$view" "$top/good.view"
    chmod 600 "$top/good.view"
    rm "$view"
    eval "$2"
    again
    ok "$1 in place of a view is not used" $([ $status = 0 ] && [ "$(figure store_hits)" = 0 ]; echo $?)
    rm -f "$view" "$top/link"
    cp "$top/good.view" "$view"
    chmod 600 "$view"
}
plant "a symbolic link" 'ln -s "$top/good.view" "$view"'
plant "a hard link" 'ln "$top/good.view" "$view"'
plant "a FIFO" 'mkfifo -m 600 "$view"'
plant "a file that others can read" 'cp "$top/good.view" "$view"; chmod 644 "$view"'
plant "a file that others can write" 'cp "$top/good.view" "$view"; chmod 622 "$view"'
chmod 755 "$top/store"
again
ok "a store that is open to others is not used" $([ $status = 0 ] && has 'open to others'; echo $?)
chmod 700 "$top/store"
mv "$top/store" "$top/real"
ln -s "$top/real" "$top/store"
again
ok "a store that is a link is not used" $([ $status = 0 ] && has 'symbolic link'; echo $?)
rm "$top/store"
mv "$top/real" "$top/store"
touch -r "$top/data" "$top/times"
chmod 640 "$top/data"
touch -r "$top/times" "$top/data"
again
ok "a file whose mode was changed has no view any more" $([ $status = 0 ] && [ "$(figure store_hits)" = 0 ]; echo $?)
chmod 644 "$top/data"

# ---- what a run leaves open, and what it maps
try "$lens" run --plan "$top/plan" -- bash -c ". $top/plan 2>/dev/null; : <$top/data; exec env -u LD_PRELOAD ls /proc/self/fd"
lensed=$(wc -l <"$top/out")
try bash -c ". $top/plan 2>/dev/null; : <$top/data; exec env -u LD_PRELOAD ls /proc/self/fd"
ok "a program that is executed gets no descriptor of ours" $([ "$lensed" = "$(wc -l <"$top/out")" ]; echo $?)
rm "$top/stop"
exec 9<>"$top/data" # no lease: there is a private copy
$run --store auto --store-dir "$top/copies" -- "$tools/direct" run "$top/data" "$top/stop" idle >"$top/out" 2>"$top/err" &
pid=$!
copy=
for _ in $(seq 200); do
    has 'private copy' && copy=$(find "/proc/$pid/fd" -lname "$top/copies/*(deleted)" 2>/dev/null | head -n 1)
    [ -n "$copy" ] && break
    sleep 0.05
done
ok "a private copy is there, without a name" $([ -n "$copy" ] && [ -z "$(ls "$top/copies")" ]; echo $?)
ok "it is 0600, and open for reading only" \
    $([ "$(stat -Lc %a "$copy" 2>/dev/null)" = 600 ] && [ "$(($(sed -n 's/flags:\t0*//p' "/proc/$pid/fdinfo/${copy##*/}") & 3))" = 0 ]; echo $?)
ok "no memory of the program is writable and executable" $(grep -q ' r-xp' "/proc/$pid/maps" && ! grep -q ' rwx' "/proc/$pid/maps"; echo $?)
if [ "$(id -u)" = 0 ]; then
    setpriv --reuid 1 --regid 1 --clear-groups cat "$copy" >/dev/null 2>&1
    ok "another user cannot open it through /proc" $([ $? != 0 ]; echo $?)
fi
exec 9<&-
touch "$top/stop"
wait $pid
ok "and the run ends well" $?

# ---- statistics, messages, devices
echo precious >"$top/victim"
ln -s "$top/victim" "$top/link.json"
try env LENS_STATS="$top/link.json" LENS_PLAN="$top/plan" LD_PRELOAD="$tools/liblens-preload.so" true
ok "statistics are not written through a link" $([ $status = 0 ] && [ "$(cat "$top/victim")" = precious ] && has 'symbolic link'; echo $?)
try "$lens" run --plan "$top/plan" --stats "$top/link.json" -- true
ok "lens run says so at once" $([ $status = 2 ] && has 'symbolic link'; echo $?)
try "$lens" run --plan "$top/plan" --stats /dev/stdout -- true
ok "/dev/stdout is fine" $([ $status = 0 ] && has '"blocks"'; echo $?)
evil=$top/$'\033[2Jevil\n.plan'
printf 'lens-plan 1\nnonsense\n' >"$evil"
try env LENS_PLAN="$evil" LD_PRELOAD="$tools/liblens-preload.so" true
ok "names of files put no control characters into a terminal" $([ "$(wc -l <"$top/err")" = 1 ] && ! grep -q $'\033' "$top/err"; echo $?)
mkdir "$top/evil"
cp "$top/data" "$top/evil/"$'\033[2Jdata'
printf 'lens-plan 1\nsite "*" { min 1M file "*data" lens verbatim extent read }\n' >"$top/evil.plan"
touch "$top/stop"
try "$lens" run --plan "$top/evil.plan" --budget 512K --store disk --store-dir "$top/evil.store" -- "$tools/direct" run "$top/evil/"$'\033[2Jdata' "$top/stop" idle
try "$lens" store ls --store-dir "$top/evil.store"
ok "nor does lens store ls" $([ $status = 0 ] && has 'data  verbatim' && ! grep -q $'\033' "$top/out"; echo $?)
if [ -x "$(command -v strace)" ]; then
    printf 'lens-plan 1\nsite "*" { min 1M file "*" lens verbatim }\n' >"$top/all.plan"
    try strace -f -e trace=openat -o "$top/trace" "$lens" run --plan "$top/all.plan" -- dd if=/dev/zero of=/dev/null bs=1 count=1 status=none
    ok "a device that the program opens is opened once" $([ $status = 0 ] && [ "$(grep -c '"/dev/zero"' "$top/trace")" = 1 ] && ! grep -q '"/proc/self/fd/0"' "$top/trace"; echo $?)
else
    skip "devices" "strace is not installed"
fi
(cd "$top" && try "$lens" profile --output "$top/one.trace" -- true)
ok "a trace is for its owner" $(files=$(find "$top" -name 'one.trace*'); [ -n "$files" ] && [ "$(stat -c %a $files | sort -u)" = 600 ]; echo $?)
mkdir "$top/loose"
cp "$lens" "$tools/liblens-preload.so" "$top/loose"
chmod 666 "$top/loose/liblens-preload.so"
try "$top/loose/lens" run --plan "$top/plan" -- true
ok "a library that everybody can write is not loaded" $([ $status = 125 ] && has 'can be written by others'; echo $?)

# ---- other users
alice="setpriv --reuid 12001 --regid 12001 --clear-groups"
bob="setpriv --reuid 12002 --regid 12002 --clear-groups"
others() {
    mkdir -p "$top/alice" "$top/bob"
    chown 12001:12001 "$top/alice"
    chown 12002:12002 "$top/bob"
    try $alice env HOME="$top/alice" $run --store disk -- $whole
    view=$(ls "$top"/alice/.cache/lens/*.view 2>/dev/null)
    ok "a user's run over another user's file has a store of its own" $([ $status = 0 ] && [ -n "$view" ]; echo $?)
    try $bob env HOME="$top/bob" $run --store disk --store-dir "$top/alice/.cache/lens" -- $whole
    ok "another user cannot use it" $([ $status = 0 ] && has 'permission denied|belongs to another'; echo $?)
    chmod 755 "$top/alice/.cache" "$top/alice"
    chmod 777 "$top/alice/.cache/lens"
    try $bob env HOME="$top/bob" $run --store disk --store-dir "$top/alice/.cache/lens" -- $whole
    ok "also when it is open" $([ $status = 0 ] && has 'belongs to another user'; echo $?)
    chmod 700 "$top/alice/.cache/lens"
    try $run --store disk --store-dir "$top/alice/.cache/lens" -- $whole
    ok "root does not use a user's store" $([ $status = 0 ] && has 'belongs? to another user'; echo $?)
    try env HOME="$top/bob" $run --store disk -- $whole
    ok "root with a user's HOME (sudo) makes nothing there" $([ $status = 0 ] && [ ! -e "$top/bob/.cache" ] && has 'belong to another user'; echo $?)
    ln -s /etc "$top/bob/etc"
    try $run --store disk --store-dir "$top/bob/etc/lens-store" -- $whole
    ok "nor through a user's link" $([ $status = 0 ] && [ ! -e /etc/lens-store ] && has 'belong to another user'; echo $?)
    cp "$top/plan" "$top/bob/plan"
    chown 12002:12002 "$top/bob/plan"
    try "$lens" run --plan "$top/bob/plan" -- true
    ok "root is told that a plan is a user's" $([ $status = 0 ] && has 'belongs to user 12002'; echo $?)
    try env LENS_PLAN="$top/plan" "$lens" run -- true
    ok "root is told of paths from the environment" $([ $status = 0 ] && has 'LENS_PLAN=.* comes from the environment'; echo $?)
    chmod 664 "$top/bob/plan"
    try "$lens" run --plan "$top/bob/plan" -- true
    ok "a plan that another group can write is refused" $([ $status = 2 ] && has 'others can write it'; echo $?)
    # Alice loses the right to read: her store forgets the file.
    chmod 600 "$top/data"
    try $alice env HOME="$top/alice" $run --store disk -- $whole
    ok "who may not read a file any more gets nothing of it" $([ $status != 0 ]; echo $?)
    try $alice env HOME="$top/alice" "$lens" store gc
    ok "and gc removes the view" $([ $status = 0 ] && ! ls "$view" >/dev/null 2>&1; echo $?)
    chmod 644 "$top/data"
    $bob test -r "$top/alice/.cache/lens"
    ok "nobody else could read it meanwhile" $([ $? != 0 ]; echo $?)
    secure_program
}
# The dynamic linker keeps LD_PRELOAD out of setuid programs; this one is linked to the library, the hard way.
secure_program() {
    printf '#include <stdlib.h>\n#include <unistd.h>\nint main(void) { return geteuid() != 0 || !malloc(1 << 20); }\n' >"$top/setuid.c"
    cp "$top/setuid.c" "$tools/setuid.c"
    if ! gcc -o "$tools/setuid" "$tools/setuid.c" -Wl,--no-as-needed "$tools/liblens-preload.so" 2>"$top/err"; then
        skip "a setuid program" "cannot be compiled here"
        return
    fi
    chmod 4755 "$tools/setuid"
    try $alice "$tools/setuid"
    if [ $status != 0 ]; then skip "a setuid program" "setuid does not work here"; return; fi
    try $alice env LENS_PLAN=/no/such/plan LENS_STATS="$top/setuid.json" "$tools/setuid"
    ok "in a setuid program the library does nothing" $([ $status = 0 ] && [ ! -s "$top/err" ] && [ ! -e "$top/setuid.json" ]; echo $?)
    chmod 755 "$tools/setuid"
    try env LENS_PLAN=/no/such/plan "$tools/setuid"
    ok "without setuid it does" $(has 'no such file'; echo $?)
    chmod 4755 "$tools/setuid"
    try $alice "$lens" run --plan "$top/plan" -- "$tools/setuid"
    ok "lens run refuses it" $([ $status = 126 ] && has 'setuid'; echo $?)
}
if [ "$(id -u)" = 0 ]; then others; else skip "other users" "needs root"; fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
