# needs: /usr/bin/python3 /usr/lib/python3.11/test/test_dict.py
# Regression tests of Debian's libpython3.11-testsuite. test_pass_fds_redirected lists /proc/self/fd, where descriptors of lens are to be seen.
case $1 in
quick) modules="test_dict test_struct test_array test_mmap" ;;
*) modules="test_dict test_list test_struct test_array test_mmap test_json test_re test_threading test_signal test_select test_zlib
    test_hashlib test_os test_fork1 test_queue test_ctypes test_faulthandler test_resource test_gc test_posix test_tempfile test_pickle
    test_poll test_epoll test_fcntl test_decimal test_itertools test_pty test_wait3 test_memoryview test_bytes test_float test_generators
    test_weakref test_io test_thread test_asyncore test_collections test_copy test_deque test_sort test_set test_string test_time
    test_unicode test_uuid test_struct test_heapq test_bisect test_exceptions test_contextlib test_dbm_dumb test_fileio test_glob test_gzip" ;;
esac
for module in $modules; do
    /usr/bin/python3 -m test -q --tempdir "$PWD" "$module" > out 2>&1
    status=$?
    echo "$module $status"
    [ $status = 0 ] || tail -n 30 out >&2
done
