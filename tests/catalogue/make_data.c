/* make_data.c - writes the catalogue's data file to standard output. */
#include "data.h"

int main(void)
{
    for (size_t at = 0; at < DATA_BYTES; at++)
        putchar(data_byte(at));
    return fflush(stdout) != 0;
}
