#!/bin/bash
# A backing that changes under a running program, in every way there is: the program's data stay what they were.
#   tests/backing.sh BUILD
# What pages may depend on (--trust-backing strict): a lease, a private copy of the file, the view store, or nothing at all.
set -u
build=$(cd "${1:-build}" && pwd)
program=$build/tests/support/direct
top=$(mktemp -d)
chmod 711 "$top"
trap 'for m in "$top"/mount.*; do umount -l "$m" 2>/dev/null; done; rm -rf "$top"' EXIT
megabytes=6
skipped=0
skip() { skipped=$((skipped + 1)); echo "skip $1: $2"; }
"$program" make "$top/original" $megabytes
head -c $((megabytes + 1))M /dev/urandom >"$top/longer" # other bytes
chmod 644 "$top"/*

# ---- the cases. Each runs in a folder of its own and says ok or not ok, several at once.

begin() { # name
    name=$1
    dir=$(mktemp -d "$top/case.XXXXXX")
    chmod 755 "$dir"
    mkdir "$dir/home"
    export HOME=$dir/home
    unset XDG_CACHE_HOME
    printf 'lens-plan 1\nsite "*" { min 1M file "data" lens verbatim extent read }\n' >"$dir/plan"
    : >"$dir/out"
    data=$dir/data
}
make_data() { cp "$top/original" "$data"; }
wait_ready() { # how many processes
    for _ in $(seq 600); do
        [ "$(grep -c ready "$dir/out")" -ge "$1" ] && return 0
        kill -0 "$running" 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}
start() { # store, how the program changes the file itself, options...
    store=$1 how=$2
    shift 2
    ${as:-} timeout 90 "$build/lens" run --plan "$dir/plan" --budget 1M --store "$store" "$@" -- \
        "$program" run "$data" "$dir/stop" "$how" >"$dir/out" 2>"$dir/err" &
    running=$!
    wait_ready "$([ "$how" = fork ] && echo 2 || echo 1)"
}
finish() { # expected status, what the lines must say, and must not
    : >"$dir/stop"
    wait $running
    status=$?
    if [ $status = "$1" ] && grep -qE "$2" "$dir/err" && { [ -z "${3:-}" ] || ! grep -qE "$3" "$dir/err"; }; then
        echo "ok - $name"
        rm -rf "$dir"
    else
        echo "not ok - $name: status $status, want $1, /$2/${3:+, not /$3/}"
        sed 's/^/#   /' "$dir/err" "$dir/out"
    fi
}
# A page of zeros depends on no file.
saved='saved [1-9]' kept='(saved [0-9.]+ k?B of|nothing was given back)'
export LENS_SLOWDOWN_LIMIT=off # what becomes absent must not depend on how busy the machine is

own_case() { # footing, store, how, line
    begin "the program itself, $1, --store $2: $3"
    make_data
    [ "$1" = lease ] || exec 9<>"$data" # somebody has it open for writing: no lease
    start "$2" "$3" || true
    finish 0 "$4"
}

change() { # the ways of others
    case $1 in
    "log rotation by rename") mv "$data" "$data.1" && echo new >"$data" ;;
    "log rotation by copytruncate") cp "$data" "$data.1" && : >"$data" ;;
    "sed -i") sed -i 's/a/b/g' "$data" ;;
    "rsync") rsync -q "$top/longer" "$data" ;;
    "rsync --inplace") rsync -q --inplace "$top/longer" "$data" ;;
    "git checkout") git -C "$dir" checkout -q first ;;
    "truncate -s 0") for _ in $(seq 100); do truncate -s 0 "$data" 2>/dev/null && return; sleep 0.05; done; return 1 ;; # it does not wait
    "cp over it") cp "$top/longer" "$data" ;;
    "dd conv=notrunc") dd if=/dev/zero of="$data" bs=1M count=$megabytes conv=notrunc status=none ;;
    "fallocate --punch-hole") fallocate --punch-hole --offset 0 --length 2M "$data" ;;
    "rename over it") cp "$top/longer" "$data.new" && mv "$data.new" "$data" ;;
    "unlink") rm "$data" ;;
    esac
}
other_case() { # footing, store, how
    writer=
    begin "another process, $1, --store $2: $3"
    make_data
    if [ "$3" = "git checkout" ]; then
        (cd "$dir" && git init -q && git config user.email a@b && git config user.name a && echo first >data && git add data &&
            git commit -qm first && git branch first && cp "$top/original" data && git commit -qam second) || echo "# no repository"
    fi
    [ "$1" = lease ] || exec 9<>"$data"
    start "$2" "" || true
    timeout 60 bash -c "$(declare -f change); dir=$dir data=$data top=$top megabytes=$megabytes; change '$3'" || name="$name (the writer failed)" writer=failed
    finish $([ "$writer" ] && echo the-writer-failed || echo 0) "$4"
}

# Parent and child, or the child of a parent that only waits: both have leases of their own.
fork_case() { # store, fork or orphan, line
    begin "another process, lease, --store $1, $2: cp over it"
    make_data
    start "$1" "$2" || true
    timeout 60 cp "$top/longer" "$data" || name="$name (the writer failed)"
    cmp -s "$top/longer" "$data" || name="$name (the writer was too late)"
    finish 0 "$3"
}

not_owner() { # store, line
    begin "another user's file, --store $1"
    make_data
    chmod 644 "$data"
    chown nobody "$dir" "$dir/home"
    as="setpriv --reuid nobody --regid nogroup --clear-groups" start "$1" "" || true
    cp "$top/longer" "$data"
    finish 0 "$2"
}

full_disk() {
    begin "another user's file, no space for a copy"
    mount -t tmpfs -o size=2m,mode=755 tmpfs "$dir/home" || return
    make_data
    exec 9<>"$data"
    start auto "" || true
    truncate -s 0 "$data"
    umount -l "$dir/home"
    finish 0 "$kept.*" "private copy of it"
}

# The view store has only the pages that were proven: what is read ahead must not need those between them.
holes() {
    begin "no lease, --store disk: pages in between that are not the file's"
    sed -i 's/ extent read//' "$dir/plan"
    make_data
    exec 9<>"$data"
    start disk holes || true
    finish 0 "$saved"
}

# A private copy takes no space where the file system shares blocks.
reflink_case() {
    begin "a private copy on XFS shares the file's blocks"
    mount=$(mktemp -d "$top/mount.XXXXXX")
    truncate -s 400M "$dir/disk" && mkfs.xfs -q "$dir/disk" 2>"$dir/err" && mount -o loop "$dir/disk" "$mount" 2>>"$dir/err" ||
        { echo "skip XFS: $(head -n 1 "$dir/err")"; return; }
    data=$mount/data
    mkdir "$mount/home"
    HOME=$mount/home
    "$program" make "$data" 32
    sync -f "$mount"
    exec 9<>"$data"
    start auto idle || true
    for _ in $(seq 200); do grep -q 'private copy' "$dir/err" && break; sleep 0.05; done
    sync -f "$mount" # how much is free says nothing: an image of the view may lie there, too
    filefrag -v "$data" | grep -q shared || echo "# the copy takes space of its own" >>"$dir/out"
    truncate -s 0 "$data"
    finish $(grep -q 'the copy takes' "$dir/out" && echo no-space || echo 0) "private copy"
    exec 9<&-
    umount -l "$mount"
}

fuse_case() { # store, trust, letter, status, line
    begin "FUSE, --store $1, $2: ${3}"
    mount=$(mktemp -d "$top/mount.XXXXXX")
    "$build/tests/fuse/fault_fs" -f "$mount" "$top/original" 2>"$dir/err" &
    server=$!
    for _ in $(seq 200); do [ -e "$mount/data" ] && break; sleep 0.02; done
    data=$mount/data
    start "$1" "" --trust-backing "$2" || true
    echo "$3" >"$mount/control"
    finish "$4" "$5"
    umount -l "$mount"
    wait $server
    rm -rf "$dir"
}

# ---- the list, four at a time

results=$top/results
: >"$results"
run() {
    while [ "$(jobs -rp | wc -l)" -ge 4 ]; do wait -n; done
    ("$@") >>"$results" 2>&1 &
}
for how in truncate write ftruncate name map range punch collapse rename unlink nonblock; do
    case $how in rename | unlink) none=$saved auto=$saved ;; *) none="ordinary memory again" auto="private copy" ;; esac
    run own_case lease none $how "$none"
    run own_case lease auto $how "$auto"
done
for how in truncate map punch; do
    run own_case "no lease" none $how "$kept"
    run own_case "no lease" auto $how "private copy"
    run own_case "no lease" disk $how "$saved"
done
run holes
[ -x "$(command -v rsync)" ] || skip rsync "not installed"
[ -x "$(command -v git)" ] || skip git "not installed"
for how in "log rotation by rename" "log rotation by copytruncate" "sed -i" "rsync" "rsync --inplace" "git checkout" "truncate -s 0" "cp over it" \
    "dd conv=notrunc" "fallocate --punch-hole" "rename over it" "unlink"; do
    case $how in rsync*) [ -x "$(command -v rsync)" ] || continue ;; git*) [ -x "$(command -v git)" ] || continue ;; esac
    run other_case lease none "$how" "$saved"
    run other_case "no lease" auto "$how" "private copy"
done
for how in fork orphan; do
    run fork_case none $how "$saved"
    run fork_case auto $how "$saved"
done
for how in "log rotation by copytruncate" "cp over it"; do
    run other_case "no lease" none "$how" "$kept"
    run other_case "no lease" disk "$how" "$saved"
    run other_case lease memory "$how" "$saved"
done
if [ "$(id -u)" = 0 ]; then
    run not_owner none "$kept"
    run not_owner auto "private copy"
    run not_owner disk "$saved"
    if mkdir "$top/try" && mount -t tmpfs tmpfs "$top/try" 2>/dev/null; then umount "$top/try"; run full_disk
    else skip "no space for a copy" "cannot mount a tmpfs here"; fi
    if [ -x "$(command -v mkfs.xfs)" ] && [ -e /dev/loop-control ]; then run reflink_case
    else skip XFS "no mkfs.xfs or no loop devices"; fi
else
    skip "another user's file" "needs root"
fi
if [ ! -x "$build/tests/fuse/fault_fs" ]; then skip FUSE "libfuse3-dev is not installed"
elif [ ! -w /dev/fuse ] || [ "$(id -u)" != 0 ]; then skip FUSE "no /dev/fuse for us here"
else
    for letter in x e s; do
        run fuse_case none strict $letter 0 "$kept"
        run fuse_case auto strict $letter 0 "private copy"
        run fuse_case disk strict $letter 0 "$saved"
    done
    run fuse_case none replace-only x 121 "cannot be brought back: .*data \(its bytes are not what they were|cannot be brought back: .*data \(the lens no longer"
    run fuse_case none replace-only e 121 "cannot be brought back: .*data \(reading it failed"
    run fuse_case none replace-only s 121 "cannot be brought back: .*data \(it is shorter now"
fi
wait
cat "$results"
skipped=$((skipped + $(grep -c '^skip' "$results")))
passed=$(grep -c '^ok' "$results") failed=$(grep -c '^not ok' "$results")
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
