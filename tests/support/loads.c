/*
 * loads.c - reads text into arrays as programs of its kind do, and looks at them three times.
 *   loads vectors|matrix|values|table FILE
 * vectors: "N D", then a word and D numbers a line, into float[N][D]; matrix: Matrix Market's coordinates, into two arrays of int
 * and one of double; values: of rows of index:value, into two arrays that grow; table: numbers between commas, into double[].
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void use(const void *data, size_t bytes)
{
    unsigned long sum = 0;

    for (int round = 0; round < 3; round++) {
        usleep(60000); /* so that there is something to be given up; what is asserted can be tried again */
        for (size_t i = 0; i < bytes; i++)
            sum = sum * 31 + ((const unsigned char *)data)[i];
    }
    printf("%zu %lu\n", bytes, sum);
}

static void load_vectors(FILE *file)
{
    size_t count, width;
    char word[64];

    if (fscanf(file, "%zu %zu", &count, &width) != 2)
        exit(99);
    float *vectors = malloc(count * width * sizeof *vectors);
    for (size_t i = 0; i < count; i++) {
        if (fscanf(file, "%63s", word) != 1)
            exit(99);
        for (size_t k = 0; k < width; k++)
            if (fscanf(file, "%f", &vectors[i * width + k]) != 1)
                exit(99);
    }
    use(vectors, count * width * sizeof *vectors);
}

static void load_matrix(FILE *file)
{
    char line[256];
    size_t rows, columns, count;

    while (fgets(line, sizeof line, file) && *line == '%')
        continue;
    if (sscanf(line, "%zu %zu %zu", &rows, &columns, &count) != 3)
        exit(99);
    int *row = malloc(count * sizeof *row), *column = malloc(count * sizeof *column);
    double *value = malloc(count * sizeof *value);
    for (size_t i = 0; i < count; i++) {
        if (fscanf(file, "%d %d %lf", &row[i], &column[i], &value[i]) != 3)
            exit(99);
        row[i]--;
        column[i]--;
    }
    use(row, count * sizeof *row);
    use(column, count * sizeof *column);
    use(value, count * sizeof *value);
}

static void load_values(FILE *file)
{
    size_t count = 0, room = 1024, line_room = 0;
    int *index = malloc(room * sizeof *index);
    double *value = malloc(room * sizeof *value);
    char *line = NULL;

    while (getline(&line, &line_room, file) > 0) {
        char *next = NULL;
        strtok_r(line, " \n", &next);
        for (char *pair; (pair = strtok_r(NULL, " \n", &next)) != NULL; count++) {
            if (count == room) {
                room *= 2;
                index = realloc(index, room * sizeof *index);
                value = realloc(value, room * sizeof *value);
            }
            if (sscanf(pair, "%d:%lf", &index[count], &value[count]) != 2)
                exit(99);
        }
    }
    free(line);
    use(index, count * sizeof *index);
    use(value, count * sizeof *value);
}

static void load_table(FILE *file)
{
    size_t count = 0, room = 0;
    double *numbers = NULL;
    char line[4096];

    while (fgets(line, sizeof line, file)) {
        for (char *at = line; *at && *at != '\n'; at += *at == ',') {
            char *end;
            double number = strtod(at, &end);
            if (end == at)
                break;
            if (count == room)
                numbers = realloc(numbers, (room = room ? 2 * room : 1024) * sizeof *numbers);
            numbers[count++] = number;
            at = end;
        }
    }
    use(numbers, count * sizeof *numbers);
}

int main(int argc, char **argv)
{
    FILE *file = argc > 2 ? fopen(argv[2], "r") : NULL;

    if (!file)
        return 99;
    if (!strcmp(argv[1], "vectors"))
        load_vectors(file);
    else if (!strcmp(argv[1], "matrix"))
        load_matrix(file);
    else if (!strcmp(argv[1], "values"))
        load_values(file);
    else
        load_table(file);
    fclose(file);
    return 0;
}
