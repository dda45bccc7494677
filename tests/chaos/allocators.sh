# needs: $BUILD
# What wears allocators down, each byte checked (tests/stress/allocators.c).
case $1 in quick) scale=1 ;; *) scale=6 ;; esac
for mode in larson sh6bench xmalloc mstress churn; do
    "$BUILD/tests/stress/allocators" $mode 7 $scale
done
[ "$1" = quick ] || "$BUILD/tests/stress/allocators" churn 8 1000 # a hundred thousand threads
