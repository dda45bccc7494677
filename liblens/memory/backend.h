/*
 * backend.h - a rung of the fault ladder: how pages are write-protected, dropped, placed, and how touches reach us.
 *
 * Three implementations: uffd in the faulting thread, uffd with a service thread (backend_uffd.c), mprotect over a
 * memfd (backend_protect.c). All calls are safe in the fault path; ranges are whole pages inside the reserved range.
 * They return 0 or -errno and leave things as they were on error.
 */
#ifndef LENSI_BACKEND_H
#define LENSI_BACKEND_H

#include "liblens/base/sys.h"
#include "liblens/plan/options.h"

#include <sys/uio.h>

struct lensi_backend {
    const char *name;
    int signal;             /* SIGBUS, SIGSEGV, or 0 when a service thread hears the faults */
    size_t granule_pages;   /* pages are dropped and placed in aligned groups of this many where possible */
    /* 0 if this rung works here (and is now open), else -errno. */
    int (*open)(void);
    /* Readies ordinary memory for protect and drop; may be called again for the same range. */
    int (*arm)(void *at, size_t bytes);
    int (*protect)(void *at, size_t bytes);
    int (*unprotect)(void *at, size_t bytes);
    /* Gives the frames back; the next touch of each page is a fault. Only armed, protected pages. */
    int (*drop)(void *at, size_t bytes);
    /*
     * Optional: the same for several ranges at once. How many of them are gone, from the first on; the rest as they
     * were.
     */
    size_t (*drop_many)(const struct iovec *ranges, size_t count);
    /* Makes absent pages present with the bytes at `from`, write-protected if `protect`; pages that are there stay. */
    int (*place)(void *at, const void *from, size_t bytes, bool protect);
    /*
     * Optional: moves frames from one range to another, which is armed and empty; none of them can be written by
     * anybody else then. Bytes moved, or -errno: -EBUSY if the kernel holds one.
     */
    int64_t (*move)(void *to, void *from, size_t bytes);
    /* Ensures that an armed page with no frame becomes a zero page; fine if it has one. */
    int (*zero)(void *at);
    /*
     * Optional: whether the program's own mprotect forbids this access to an ordinary page, so that the signal is its
     * own.
     */
    bool (*is_refused)(const void *at, bool write);
    /*
     * Optional: pages by number, all of them ordinary, are not watched any more: touches of those that were never
     * touched, too.
     */
    void (*disarm)(uint64_t first, uint64_t count);
    /* Optional: nothing is armed any more, and never will be: ends what the rung has running. */
    void (*end)(void);
    /* Optional: the addresses have been given other memory; gives back what was kept for them elsewhere. */
    void (*forget)(void *at, size_t bytes);
    /* Optional: before a fork, under every lock of ours. */
    void (*fork_prepare)(void);
    void (*fork_parent)(void); /* optional: after it, in the parent, also when it failed */
    /* In the child, which has lost all arms: opens the rung anew. rearm follows for each range that was armed; */
    int (*fork_child)(void);
    /* pages by number; the proven pages are protected by the caller afterwards. */
    int (*rearm)(uint64_t first, uint64_t count);
    void (*fork_child_done)(void); /* optional: everything is armed again */
    bool (*owns_fd)(int fd);
};

extern const struct lensi_backend lensi_backend_inthread, lensi_backend_thread, lensi_backend_protect;
/* The rung in use; NULL: none (pass through). */
extern const struct lensi_backend *lensi_backend;
/* What a service thread calls for a touched page; it does not fail. Set by the engine before anything is armed. */
extern void (*lensi_backend_resolve)(uint64_t page, bool write);

/*
 * Opens the rung asked for, or with LENSI_FAULT_AUTO the best that works. 0; -ENOSYS with error->text saying why
 * each was refused; -ECANCELED for LENSI_FAULT_OFF.
 */
int lensi_backend_choose(enum lensi_fault_choice choice, struct lens_error *error);

#endif
