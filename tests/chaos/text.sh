# needs: awk sed grep diff
case $1 in quick) n=3000 ;; *) n=60000 ;; esac
seq 1 $n > a
awk '{s += $1; c[$1 % 97]++; l = l substr($0, 1, 1)} END {print s, length(l); for (i = 0; i < 97; i += 9) print i, c[i]}' a
sed 's/\([0-9]\)\([0-9]\)/\2\1/g; /7$/d; s/$/ x/' a | sha1sum
sed -n '1~100{h;x;p}' a | tail -n 2
grep -cE '(12|34)+5' a
grep -nP '(?<=9)8(?=7)' a | head -n 3
diff <(sort a) a | wc -l
diff -u --label a --label b <(head -n 2000 a) <(sed 2,40d a | head -n 2000) | sha1sum
awk 'BEGIN {for (i = 0; i < 2000; i++) s = s sprintf("%05d,", i * i % 99991); n = split(s, p, ","); print n, length(s); gsub(/9/, "nine", s); print length(s)}'
awk -F, '{print toupper($1)}' <(printf 'a,b\nc,d\n') | tr -d '\n'
