#!/bin/sh
# cgroup.sh WHAT - swap for the benchmarks under a hard limit, set up and taken down by root.
#
#   cgroup.sh zram SIZE          compressed swap in memory (lz4 if there is); prints the device
#   cgroup.sh disk SIZE FILE     a swap file; prints it
#   cgroup.sh used               most memory that zram's store took, in bytes
#   cgroup.sh off PLACE          ends either; always safe
#   cgroup.sh version            1, 2 or none: which memory controller there is
#
# Exit status 77 and one line when the machine does not allow it.
set -u
zram=/sys/block/zram0

refuse() { echo "cgroup.sh: $1" >&2; exit 77; }

case ${1:-} in
zram)
    [ "$(id -u)" = 0 ] || refuse "swap needs root"
    [ -e $zram ] || modprobe zram 2> /dev/null || :
    [ -e $zram/disksize ] || refuse "no zram device"
    [ "$(cat $zram/disksize)" = 0 ] || refuse "/dev/zram0 is in use"
    echo lz4 > $zram/comp_algorithm 2> /dev/null || :
    echo "$2" > $zram/disksize 2> /dev/null || refuse "zram0 takes no size"
    if ! mkswap /dev/zram0 > /dev/null 2>&1 || ! swapon -p 100 /dev/zram0 2> /dev/null; then
        echo 1 > $zram/reset
        refuse "swapon /dev/zram0 failed"
    fi
    echo /dev/zram0
    ;;
disk)
    [ "$(id -u)" = 0 ] || refuse "swap needs root"
    fallocate -l "$2" "$3" 2> /dev/null && chmod 600 "$3" && mkswap "$3" > /dev/null 2>&1 && swapon -p 100 "$3" 2> /dev/null || {
        rm -f "$3"
        refuse "no swap file in ${3%/*}"
    }
    echo "$3"
    ;;
used)
    awk '{ print $5 }' $zram/mm_stat 2> /dev/null || echo 0
    ;;
off)
    swapoff "$2" 2> /dev/null
    case $2 in
    /dev/zram0) echo 1 > $zram/reset 2> /dev/null ;;
    *) rm -f "$2" ;;
    esac
    exit 0
    ;;
version)
    if [ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ] || [ -e /sys/fs/cgroup/memory/memory.stat ]; then
        echo 1
    elif grep -qw memory /sys/fs/cgroup/cgroup.controllers 2> /dev/null; then
        echo 2
    else
        echo none
    fi
    ;;
*)
    sed -n '2,11s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
