/*
 * page_in.h - bringing absent pages back: how many at once, from where, and what if it cannot be done.
 */
#ifndef LENSI_PAGE_IN_H
#define LENSI_PAGE_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Brings back page, and what a stream will want next. False if somebody else was quicker: look at its state again.
 * Stops the process if the page cannot be brought back. In the fault path.
 */
bool lensi_page_in(uint64_t page);

/* The rung's place, with some patience when there is no memory. In the fault path. 0 or -errno. */
int lensi_place(void *at, const void *from, size_t bytes, bool protected);

#endif
