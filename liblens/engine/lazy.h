/*
 * lazy.h - reads into fresh memory of ours that are accounted for instead of copied.
 *
 * A large read into a block whose lens gives the file's own bytes brings nothing that could not be brought later: its
 * pages are absent from the start. They were never in memory, so a program that loads more than its budget does not
 * even peak. Where that cannot be (no lease, another lens), a large read is made in pieces, and what they brought is
 * proven in between.
 */
#ifndef LENSI_LAZY_H
#define LENSI_LAZY_H

#include <stdbool.h>
#include <stdint.h>

/* Reads that cover less than this in whole pages are not worth it. */
#define LENSI_LAZY_LEAST (256u * 1024)

/* What need not be copied of a read: bytes [from, to) of the memory it goes to. */
struct lensi_lazy {
    uint64_t from, to;
};

/*
 * The program reads file bytes [offset, offset + bytes), all of which exist, from its descriptor fd to `at`. Makes
 * pages of it absent, each with the checksum of the bytes the read would have brought, and tells which; the caller
 * reads the rest. from == to: none, because the budget has room for it, the memory is not fresh, the file is not held
 * by a lease, or the site has another lens. Takes the prover lock. Keeps errno.
 */
struct lensi_lazy lensi_file_read_lazily(int fd, uint64_t offset, void *at, uint64_t bytes);

/* What is read in one piece where the budget has no room for all of it. */
#define LENSI_READ_PIECE (1024u * 1024)
/* The budget has no room for so many bytes, read to `at` in a block of ours. */
bool lensi_read_wants_pieces(const void *at, uint64_t bytes);

#endif
