/* getline.c - libc's own allocations, and memory of the program's that libc grows and frees. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void grow_line(void)
{
    size_t room = 1 << 20;
    char *line = malloc(room);
    FILE *file = tmpfile();

    for (int i = 0; i < 3000000; i++)
        fputc('a' + i % 26, file);
    fputc('\n', file);
    rewind(file);
    printf("%zd\n", getline(&line, &room, file));
    printf("%c %d\n", line[2999999], room > 3000000);
    fclose(file);
    free(line);
}

static void grow_stream(void)
{
    char *text = NULL, *copy;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);

    for (int i = 0; i < 300000; i++)
        fprintf(stream, "%d,", i);
    fclose(stream);
    copy = strdup(text);
    printf("%zu %d\n", bytes, strcmp(copy, text));
    free(text);
    free(copy);
}

int main(void)
{
    char *printed = NULL;

    grow_line();
    grow_stream();
    printf("%d\n", asprintf(&printed, "%2000000d", 5));
    printf("%c\n", printed[1999999]);
    free(printed);
    return 0;
}
