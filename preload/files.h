/* files.h - which of the program's descriptors the engine has heard of; files.c keeps it. */
#ifndef LENSI_FILES_H
#define LENSI_FILES_H

#include <stdbool.h>

/* True once for each descriptor that nobody has looked at since it was opened. */
bool lensi_file_is_new(int fd);
/* Tells the engine that fd is a file of this path, which some site wants. */
void lensi_file_tell(int fd, const char *path);

#endif
