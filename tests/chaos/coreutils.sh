# needs: sort
case $1 in quick) n=3000 ;; *) n=40000 ;; esac
seq 1 $n > numbers
shuf --random-source=numbers numbers > a
sort -n a | sha1sum
sort -S 100k --parallel=2 a | sha1sum
sort a | uniq -c | tail -n 2
paste a numbers | cut -f2 | md5sum
join <(sort a) <(sort numbers) | wc -l
tac a | sha256sum
tr 1-5 a-e < a | fold -w 30 | wc
split -l 1000 a part. && cat part.* | cmp - a && ls part.* | wc -l
od -An -tx1 a | tail -n 1
comm -12 <(sort a | head -n 500) <(sort numbers | head -n 600) | wc -l
factor 1234567890123457 9007199254740993
printf '%s ' $(seq 1 50) | fmt -w 40
cp -r . ../copy.$$ && diff -r . ../copy.$$ && echo same
rm -r ../copy.$$
find . -name 'part.*' -printf '%s\n' | sort -n | tail -n 1
xargs -P 4 -n 100 echo < a | wc -w
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - a numbers | sha1sum
