/*
 * copy.h - a private copy of a backing, for where nothing keeps others from changing the file itself.
 *
 * The rule (docs/promises.md): --store auto puts it into the view store's folder, as a file without a name that ends
 * with the process: blocks shared with the original where the file system can (reflink), written otherwise, up to
 * --store-limit or half of the free space. With --store none it is a sealed memfd, and only if the file is at most a
 * quarter of the memory that hangs on it. With --store memory or disk the images are the copy, and there is no other.
 * Only the prover, or who holds its lock, makes copies.
 */
#ifndef LENSI_COPY_H
#define LENSI_COPY_H

#include "liblens/plan/options.h"
#include "liblens/view/backing.h"

void lensi_copy_open(enum lensi_store_choice choice, const char *dir, uint64_t limit_bytes);
/*
 * Makes the copy that reads of the backing come from afterwards; the descriptor of the file itself stays. `worth_bytes`
 * of memory hang on it. 0; -EALREADY (the images are the copy), -EFBIG (the rule allows none), -ESTALE (changed
 * meanwhile), -ENOSPC, -EIO or another -errno: then nothing has changed.
 */
int lensi_copy_make(struct lensi_backing *backing, uint64_t worth_bytes);

#endif
