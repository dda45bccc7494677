# needs: gcc
# Object files must be identical.
case $1 in quick) n=20 ;; *) n=400 ;; esac
{
    echo '#include <stdio.h>
#include <stdlib.h>
#include <string.h>'
    for ((i = 0; i < n; i++)); do
        echo "int f$i(int *p, int k) { int s = $i; for (int i = 0; i < k; i++) s = s * 31 + p[i] % ($i + 3); return s; }"
    done
    echo "int main(void) { int p[50], s = 0; for (int i = 0; i < 50; i++) p[i] = i * 7;"
    for ((i = 0; i < n; i++)); do echo "s += f$i(p, 50);"; done
    echo 'printf("%d\n", s); return 0; }'
} > made.c
gcc -O2 -g -c made.c -o made.o && sha1sum < made.o
gcc made.o -o made && ./made
gcc -O1 -S -o - made.c | sha1sum
