/*
 * openings.h - the files the program has opened that a site may have for a backing, in order.
 *
 * Appended by the opening threads under a lock, read by the prover without one. Each has a serial number, and remembers how many
 * blocks the sites had allocated by then, so that "the n-th block" can be counted per file. The prover forgets those that
 * no later block is likely to hold: the program has closed the file, and another is there by its name, or many came after it.
 */
#ifndef LENSI_OPENINGS_H
#define LENSI_OPENINGS_H

#include "liblens/backing.h"
#include "liblens/plan.h"

#include <stdatomic.h>

#define LENSI_OPENINGS_MAX 4096 /* remembered at once */

struct lensi_opening {
    struct lensi_backing *backing; /* held; NULL: forgotten */
    char *path;
    uint64_t path_room;
    int fd; /* the program's, while it is open; -1 afterwards */
    bool fixed; /* named by the plan: never forgotten */
    uint64_t site_blocks[LENSI_PLAN_SITES_MAX], site_bytes[LENSI_PLAN_SITES_MAX]; /* allocated before */
};

uint64_t lensi_openings_count(void); /* one more than the last serial number */
uint64_t lensi_openings_oldest(void); /* all before it are forgotten */
const struct lensi_opening *lensi_opening_at(uint64_t serial);
/* Forgets some, if there are any to forget. Under the prover lock, when each block has been offered all openings. */
void lensi_openings_forget(void);
/* Opens the `path "…"` files of the plan. */
void lensi_openings_fixed(const struct lensi_plan *plan);
/* True if site's patterns take this path. */
bool lensi_site_takes(const struct lensi_plan_site *site, const char *path);
/* The backing behind the program's descriptor, held for the caller, or NULL. */
struct lensi_backing *lensi_opening_of_fd(int fd);
struct lensi_backing *lensi_opening_of_file(dev_t device, ino_t inode);
/* True while the program has the backing's file open, as far as was seen. */
bool lensi_openings_has_open(const struct lensi_backing *backing);
void lensi_openings_before_fork(void);
void lensi_openings_after_fork(void);

#endif
