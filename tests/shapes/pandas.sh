# shellcheck shell=sh disable=SC2034,SC2154
# pandas.read_csv: frames of mixed columns, and texts written in other ways. A text column leaves the block of numbers.
plan=$plans/python3.plan
program='import sys, time, zlib, pandas as p
d = p.read_csv(sys.argv[1], **eval(sys.argv[2]))
for i in range(8):
    print(d.shape, list(d.dtypes), d.mean(numeric_only=True).sum(), d.iloc[::-7].sum(numeric_only=True).sum())
    time.sleep(0.05)
for c in d.select_dtypes("number"): print(c, zlib.crc32(d[c].to_numpy()))'

# frame TITLE MIN_SAVED OPTIONS AWK: the table of six real columns, changed line by line ($1 is the first cell).
frame()
{
    awk -F, -v OFS=, "$4" "$data/t.csv" > "$data/shape.csv"
    shape "pandas, $1" "$2" $python -c "$program" "$data/shape.csv" "$3"
}

if [ -x $python ] && $python -c 'import pandas' 2> /dev/null; then
    $gen csv "$(pick 100000 900000)" 6 1 header > "$data/t.csv"
    frame "an id in front" 40 '{}' 'NR == 1 { print "id", $0; next } { print NR, $0 }'
    frame "a date in front, a whole number behind" 30 '{}' 'NR == 1 { print "date", $0, "n"; next } { print "2020-01-" 10 + NR % 20, $0, NR * 7 }'
    frame "text between" 30 '{}' 'NR > 1 { $4 = "word" NR % 9 } { print }'
    frame "whole and real columns mixed" 40 '{}' 'NR > 1 { $2 = int($2 * 1e6); $5 = NR } { print }'
    frame "whole numbers with missing values" 40 '{}' 'NR > 1 { $2 = NR % 50 ? int($2 * 1e6) : "" } { print }'
    frame "one odd cell" 30 '{}' 'NR == 20000 { $3 = "odd" } { print }'
    frame "remarks" 40 '{"comment": "#"}' '{ print } NR % 500 == 0 { print "# here" }'
    frame "decimal comma" 40 '{"sep": ";", "decimal": ","}' '{ gsub(",", ";"); gsub("[.]", ","); print }'
    frame "runs of blanks" 40 '{"sep": r"\s+"}' '{ gsub(",", "   "); print }'
    frame "thousands" 40 '{"thousands": ","}' 'NR > 1 { $2 = "\"" 1 + NR % 8 ",234." NR % 7 "\"" } { print }'
    frame "large unsigned numbers" 30 '{}' 'NR > 1 { $2 = "1" sprintf("%019d", NR); $3 = $2 } { print }'
    frame "true and false" 40 '{}' 'NR > 1 { $6 = NR % 3 ? "True" : "False" } { print }'
    frame "numbers for a header" 40 '{}' 'NR == 1 { print "0,1,2,3,4,5"; next } { print }'
    frame "no header" 40 '{"header": None}' 'NR > 1'
    tr '\n' '\r' < "$data/t.csv" > "$data/cr.csv"
    shape "pandas, CR ends lines" 40 $python -c "$program" "$data/cr.csv" '{}'
else
    skip "pandas" "$python has no pandas: install python3-pandas"
fi
