/*
 * output.h - files that a command writes: whole, or not at all.
 */
#ifndef LENS_OUTPUT_H
#define LENS_OUTPUT_H

#include <stdio.h>

/* Writes all of it to `out`. 0 or -ENOMEM; whether the writing went well is the stream's to tell. */
typedef int output_function(FILE *out, const void *data);

/*
 * Writes to path, or to standard output if that is "-". Nothing but a whole file gets the name: it is written beside
 * and renamed; devices and pipes are written as they are. 0, or LENSI_EXIT_FAILED after saying why.
 */
int output_write(const char *command, const char *path, output_function *write, const void *data);

#endif
