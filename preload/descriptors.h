/*
 * descriptors.h - descriptors that no open of the program's gave it: duplicated, inherited, received from another
 * process.
 *
 * The engine hears of their files when they are first read into one of its blocks or made a stream; of inherited ones
 * at the start, because nothing else may ever be seen of them.
 */
#ifndef LENSI_DESCRIPTORS_H
#define LENSI_DESCRIPTORS_H

#include <stdint.h>

/* Tells the engine of fd's file unless it knows, or the file could back no site. Keeps errno. */
void lensi_descriptor_meet(int fd);
/* The program's `to` is what `from` is: they share a position. */
void lensi_descriptor_copied(int from, int to);
/* It was received, from whom does not matter. caller and slot as in lensi_path_node. */
void lensi_descriptor_came(int fd, const void *caller, const uintptr_t *slot);
/* Regular files that were open before the program began. Once, at the start. */
void lensi_descriptors_inherited(void);
/* In a fork's child: another thread of the parent may have been looking. */
void lensi_descriptors_child(void);

#endif
