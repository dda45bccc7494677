/*
 * io_lazy.h - large reads into fresh memory of ours, which the engine accounts for instead of copying
 * (liblens/engine/lazy.h).
 *
 * To the program they are reads as any: counts, positions, the end of the file, errors.
 */
#ifndef LENSI_IO_LAZY_H
#define LENSI_IO_LAZY_H

#include "liblens/engine/engine.h"
#include "liblens/engine/lazy.h"

#include <stdio.h>
#include <sys/types.h>

static inline bool lensi_lazy_fits(const void *to, size_t bytes)
{
    return bytes >= LENSI_LAZY_LEAST && lensi_touches_ours(to, bytes) && lensi_is_ours(to);
}

/*
 * read(2) (at < 0: from the current position) or pread(2). False: nothing was done. Else *got is what the call returns.
 */
bool lensi_lazy_read(int fd, void *to, size_t bytes, int64_t at, ssize_t *got);
/* fread(3) with the stream locked. False: nothing was done. Else *got is how many bytes were read. */
bool lensi_lazy_fread(FILE *stream, void *to, size_t bytes, size_t *got);

#endif
