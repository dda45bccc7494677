# needs: bash
# Forks, pipes, substitutions, arrays, traps, here documents, background jobs.
case $1 in quick) n=6 ;; *) n=60 ;; esac
declare -A table
for ((i = 0; i < n * 20; i++)); do table[k$((i * 7919 % 1009))]+=$i,; done
for key in k1 k7 k42 k100; do echo "$key ${table[$key]:-none}"; done
sum=0
for ((i = 0; i < n; i++)); do
    x=$(echo "$i" | sed 's/1/one/g' | tr a-z A-Z)
    read -r y < <(printf '%05d\n' "$i")
    sum=$((sum + ${#x} + 10#$y))
done
echo "$sum"
text=$(cat <<END
a here document with $sum
END
)
echo "$text" "${text//e/E}" "${text:3:10}"
jobs_=()
for ((i = 0; i < 4; i++)); do (exit $((i + 3))) & jobs_+=($!); done
for job in "${jobs_[@]}"; do wait "$job"; echo "status $?"; done
trap 'echo trapped' USR1
kill -USR1 $$
printf '%s\n' {a..e}{1..20} | sort -r | head -n 5
f() { local depth=$1; [ "$depth" = 0 ] || f $((depth - 1)); }
f 200 && echo deep
mapfile -t lines < <(seq 1 $((n * 50)))
echo "${#lines[@]} ${lines[-1]}"
