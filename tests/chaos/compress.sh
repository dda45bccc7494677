# needs: gzip bzip2 xz zstd
# Round trips, and the compressed bytes themselves.
case $1 in quick) n=6000 ;; *) n=60000 ;; esac
seq 1 $n > plain
for tool in "gzip -n" bzip2 "xz -T2 -1" "zstd -q -T2" "zstd -q -6"; do
    $tool -c < plain > packed
    set -- $tool
    $1 -dc < packed | cmp - plain && echo "$tool $(sha1sum < packed)"
done
