/* shell.c - system and popen with their commands in the block. */
#include "data.h"

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    char line[100];
    FILE *pipe;

    (void)count;
    CHECK(putenv(data_slot(block, SLOT_ENV)) == 0);
    fflush(stdout);
    CHECK(WEXITSTATUS(system(data_slot(block, SLOT_COMMAND))) == 7);
    pipe = popen(data_slot(block, SLOT_ECHO_TEXT), data_slot(block, SLOT_READ));
    CHECK(pipe && fgets(line, sizeof line, pipe) && pclose(pipe) == 0);
    printf("popen said: %s", line);
    pipe = popen("echo $LENS_CATALOGUE", "r");
    CHECK(pipe && fgets(line, sizeof line, pipe) && pclose(pipe) == 0);
    printf("environment: %s", line);
    CHECK(data_is_all(block));
    return 0;
}
