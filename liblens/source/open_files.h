/*
 * open_files.h - the files the program has opened that a site may have for a backing, in order.
 *
 * Appended by the opening threads under a lock, read by the prover without one. Each has a serial number, and remembers
 * how many blocks the sites had allocated by then, so that "the n-th block" can be counted per file. The prover forgets
 * those that no later block is likely to hold: the program has closed the file, and another is there by its name, or
 * many came after it.
 */
#ifndef LENSI_OPEN_FILES_H
#define LENSI_OPEN_FILES_H

#include "liblens/memory/region.h"
#include "liblens/plan/plan.h"
#include "liblens/view/backing.h"

#include <stdatomic.h>

#define LENSI_OPEN_FILES_MAX 4096 /* remembered at once */

struct lensi_open_file {
    struct lensi_backing *backing; /* held; NULL: forgotten */
    char *path;
    uint64_t path_room;
    int fd; /* the program's, while it is open; -1 afterwards */
    bool fixed; /* named by the plan: never forgotten */
    uint64_t site_blocks[LENSI_PLAN_SITES_MAX], site_bytes[LENSI_PLAN_SITES_MAX]; /* allocated before */
};

uint64_t lensi_open_files_count(void); /* one more than the last serial number */
uint64_t lensi_open_files_oldest(void); /* all before it are forgotten */
const struct lensi_open_file *lensi_open_file_at(uint64_t serial);
/*
 * True if such a block of plan site `number` came after the opening, or order does not matter; *offset: where its view
 * bytes begin.
 */
bool lensi_open_file_extent(size_t number, const struct lensi_block_start *block, const struct lensi_open_file *opening, uint64_t *offset);
/*
 * Where the program stands in the file it knows by fd, also where a stream has read ahead; LENS_UNKNOWN: nobody can
 * say.
 */
uint64_t lensi_open_file_position(int fd);
/* Forgets some, if there are any to forget. Under the prover lock, when each block has been offered all openings. */
void lensi_open_files_forget(void);
/* Opens the `path "…"` files of the plan. */
void lensi_open_files_fixed(const struct lensi_plan *plan);
/* True if site's patterns take this path. */
bool lensi_site_takes(const struct lensi_plan_site *site, const char *path);
/* The backing behind the program's descriptor, held for the caller, or NULL. */
struct lensi_backing *lensi_open_file_of_fd(int fd);
struct lensi_backing *lensi_open_file_of_file(dev_t device, ino_t inode);
/* True while the program has the backing's file open, as far as was seen. */
bool lensi_open_files_has_open(const struct lensi_backing *backing);
void lensi_open_files_before_fork(void);
void lensi_open_files_after_fork(void);

/* ---- what the program does; the preload library tells */

/* True if a file of this name could back some site: the caller tells us only then. Async-signal-safe, cheap. */
bool lensi_file_wanted(const char *path);
/* The program opened `path` as its descriptor fd. Opens a descriptor of our own; fd is not disturbed. Keeps errno. */
void lensi_file_opened(int fd, const char *path);
/* The program closes fd: a good moment to prove. */
void lensi_file_closed(int fd);
/*
 * The program stands at `position` of a stream over fd, which may have read ahead: where its next block may be read
 * from.
 */
void lensi_file_stands(int fd, uint64_t position);

#endif
