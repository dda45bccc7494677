# needs: $BUILD
# Programs that break what is preloaded (tests/catalogue), those that are quick.
"$BUILD/tests/catalogue/make_data" > data || exit 127
case $1 in
quick) list="advice altstack cross_free deepbind exceptions fork_write_parent longjmp moving reuse spawn stdio_out tls vectors waiters" ;;
*) list=$(cd "$BUILD/tests/catalogue" && ls | grep -v '\.d$\|^make_data$\|^bus_death$\|^own_death$\|^exit_signal$') ;;
esac
for program in $list; do
    "$BUILD/tests/catalogue/$program" data
    echo "$program: $?"
done
