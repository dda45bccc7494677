# needs: redis-server redis-benchmark redis-cli
# Debian's redis-server is linked to libjemalloc: the blocks of lens come before it.
case $1 in quick) n=2000 ;; *) n=30000 ;; esac
redis-server --port 0 --unixsocket "$PWD/s" --save '' --daemonize no --dir "$PWD" --enable-debug-command yes --loglevel warning > log 2>&1 &
server=$!
trap 'kill $server 2> /dev/null' EXIT
cli() { redis-cli -s "$PWD/s" "$@"; }
for ((i = 0; i < 600; i++)); do [ "$(cli ping 2> /dev/null)" = PONG ] && break; sleep 0.05; done
{
    for ((i = 0; i < n; i++)); do
        echo "set key:$i value-$((i * 7919 % 100003))"
        echo "rpush list:$((i % 17)) $i"
        echo "zadd board $((i * 31 % 9973)) member$i"
        echo "hset hash:$((i % 7)) f$i $((i * i))"
        [ $((i % 3)) = 0 ] && echo "del key:$((i / 2))"
        [ $((i % 5)) = 0 ] && echo "append key:$((i / 5)) more"
    done
} > commands
cli --pipe < commands | tail -n 1
cli dbsize
cli debug digest
cli debug reload
cli debug digest
cli zrange board 0 3
cli lrange list:3 0 2
redis-benchmark -s "$PWD/s" -q -n $n -c 20 -t set,get,lpush,hset > bench 2>&1
echo "benchmark $?"
cli bgsave
for ((i = 0; i < 600; i++)); do cli info persistence | grep -q 'rdb_bgsave_in_progress:0' && break; sleep 0.05; done
cli info persistence | grep -o 'rdb_last_bgsave_status:ok'
cli shutdown nosave
wait $server
echo "server $?"
