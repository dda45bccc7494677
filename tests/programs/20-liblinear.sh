# liblinear-train: ragged rows of text. -s 0 and -s 2 scan all rows again and again, -s 1 at random; -B 1 adds an element a row.
if have liblinear-train liblinear-tools "liblinear-train"; then
    plan=$plans/liblinear-train.plan min_saved=70 timeout=900
    budget=$(pick 1M 28M)
    $gen svm "$(pick 8000 400000)" 40 20000 1 > "$data/lin.svm"
    train() { title=$1; shift; row "liblinear-train $title" liblinear-train "$@" model; }

    options=--store=none
    train "-s 0" -s 0 -e 0.1 "$data/lin.svm"
    train "-s 2" -s 2 -e 0.1 "$data/lin.svm"
    train "-s 2 -B 1" -s 2 -B 1 -e 0.1 "$data/lin.svm"
    options=--store=disk
    train "-s 1, store disk" -s 1 -e 0.5 "$data/lin.svm"
    train "-s 2, store disk, again" -s 2 -e 0.1 "$data/lin.svm"
    options=--store=auto
    train "-s 2, store auto" -s 2 -e 0.1 "$data/lin.svm"
    budget=$(pick 2M 96M) min_saved=$(pick 40 40) options=--store=none
    train "-s 1, at random" -s 1 -e 0.5 "$data/lin.svm"
    budget=$(pick 1M 28M) min_saved=70
    for rung in thread protect; do
        options="--store=none --fault=$rung"
        train "-s 2, fault $rung" -s 2 -e 0.5 "$data/lin.svm"
    done
    for name in jemalloc mimalloc; do
        allocator=$libraries/lib$name.so.2 options=--store=none
        [ -e "$allocator" ] && train "-s 2 over $name" -s 2 -e 0.5 "$data/lin.svm"
    done
    allocator=

    # Other shapes. liblinear refuses blank lines: then both runs end with its message.
    shape() { title=$1; shift; "$@" > "$data/shape.svm"; plain_key=; train "-s 2, $title" -s 2 -e 0.5 "$data/shape.svm"; }
    budget=768K min_saved=60
    head -n 6000 "$data/lin.svm" > "$data/base.svm"
    shape "CRLF" sed 's/$/\r/' "$data/base.svm"
    shape "missing last newline" head -c -1 "$data/base.svm"
    shape "blanks at line ends" sed 's/$/ /' "$data/base.svm"
    shape "tabs" tr ' ' '\t' < "$data/base.svm"
    shape "exponents" awk '{ for (i = 2; i <= NF; i++) { split($i, a, ":"); $i = sprintf("%s:%.4e", a[1], a[2]) } print }' "$data/base.svm"
    shape "negative zeros" awk '{ for (i = 2; i <= NF; i += 3) sub(":.*", ":-0", $i); print }' "$data/base.svm"
    shape "rows without elements" awk 'NR % 7 == 0 { print $1; next } { print }' "$data/base.svm"
    min_saved=0
    shape "blank line" awk '{ print } NR == 5000 { print "" }' "$data/base.svm"
    shape "empty file" true
    shape "wrong index" awk 'NR == 5000 { print "+1 5:1 4:1"; next } { print }' "$data/base.svm"

    if [ $size = full ]; then
        # Two gigabytes of heap.
        $gen svm 3100000 40 20000 3 > "$data/big.svm"
        budget=200M min_saved=80 options=--store=none timeout=3600
        train "-s 2, 2 GB" -s 2 -e 0.5 "$data/big.svm"
    fi
fi
