/* exec_self.c - becomes itself again, with arguments out of the block, and loads again. */
#include "data.h"

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);

    CHECK(data_is_all(block));
    if (count == 2) {
        char *vector[] = {argument[0], argument[1], data_slot(block, SLOT_HELLO), NULL};
        char *missing[] = {data_slot(block, SLOT_HELLO), NULL};
        execv(data_slot(block, SLOT_MISSING), missing);
        CHECK(errno == ENOENT && data_is_all(block));
        execv(data_slot(block, SLOT_SELF), vector);
        CHECK(0);
    }
    printf("after exec: %s\n", argument[2]);
    return 0;
}
