# shellcheck shell=sh disable=SC2034,SC2154
# numpy.loadtxt and genfromtxt: remarks, chosen columns and rows, other types.
plan=$plans/python3.plan
program='import sys, time, zlib, numpy as n
d = getattr(n, sys.argv[2])(sys.argv[1], **eval(sys.argv[3]))
for i in range(8):
    print(d.shape, d.dtype, zlib.crc32(d))
    time.sleep(0.05)'

# table TITLE MIN_SAVED FUNCTION OPTIONS AWK
table()
{
    awk -F, -v OFS=, "$5" "$data/t.csv" > "$data/shape.txt"
    shape "numpy, $1" "$2" $python -c "$program" "$data/shape.txt" "$3" "$4"
}

if [ -x $python ] && $python -c 'import numpy' 2> /dev/null; then
    $gen csv "$(pick 100000 900000)" 6 1 > "$data/t.csv"
    table "remarks in a comma file" 40 loadtxt '{"delimiter": ","}' 'NR == 1 { print "# a, b" } { print NR % 5 ? $0 : $0 " # fifth" }'
    table "blanks" 40 loadtxt '{}' '{ gsub(",", "  "); print }'
    table "rows left out in front, and a number of them" 30 loadtxt '{"delimiter": ",", "skiprows": 3, "max_rows": 80000}' 'NR == 1 { print "made"; print "by"; print "hand" } { print }'
    table "chosen columns" 25 loadtxt '{"delimiter": ",", "usecols": (1, 2, 3, 4)}' '{ $1 = "w" NR; $6 = "x" } { print }'
    table "float32" 25 loadtxt '{"delimiter": ",", "dtype": "float32"}' '{ print $0, $1, $2 }'
    table "int64" 40 loadtxt '{"delimiter": ",", "dtype": "int64"}' '{ for (i = 1; i <= NF; i++) $i = int($i * 1e6); print }'
    table "genfromtxt with missing and odd fields" 25 genfromtxt '{"delimiter": ","}' 'NR % 100 == 0 { $3 = ""; $4 = "odd" } { print }'
else
    skip "numpy" "$python has no numpy: install python3-numpy"
fi
