/*
 * workspace.h - the memory in which views are made: windows on the sources, cursors, scratch, a place for output.
 *
 * A fixed number of workspaces is reserved at start; a thread that faults claims one without a lock or an
 * allocation and gives it back at the end of the fault. They remember where they left off, so that going on in
 * the same view is cheap; what they remember never changes a result.
 */
#ifndef LENSI_WORKSPACE_H
#define LENSI_WORKSPACE_H

#include "liblens/base/sys.h"
#include "liblens/lens.h"
#include "liblens/plan/plan.h"

#include <stdatomic.h>
#include <stdbool.h>

#define LENSI_WINDOW_BYTES (512u * 1024)
#define LENSI_CURSOR_BYTES (sizeof(struct lens_cursor) + 64u * 1024)
#define LENSI_DISCARD_BYTES (64u * 1024)

struct lensi_view;
struct lensi_workspace;

/* One stage of the view being made. The reader comes first: a lens gets a pointer to it, refill finds the rest. */
struct lensi_desk {
    struct lens_reader reader;
    struct lensi_workspace *workspace;
    const struct lensi_view *view; /* whose cursor and window these are; NULL: nothing remembered */
    uint64_t view_serial;
    unsigned stage;
    bool cursor_good;
    bool keep; /* leave checkpoints */
    uint64_t hint_bytes; /* what one read wants of the view: how much of the source to begin with */
    uint64_t grow_bytes; /* how much the next refill reads, more while it goes on sequentially */
    struct lens_cursor *cursor;
    uint8_t *window;
    uint8_t *discard;
};

struct lensi_workspace {
    _Atomic uint32_t busy;
    uint32_t index;
    struct lensi_desk desk[LENSI_STAGES_MAX];
    uint8_t *out; /* LENSI_OUT_PAGES, page-aligned */
};

int lensi_workspaces_reserve(void); /* 0 or -ENOMEM */
/* Claims one; waits (yielding) while all are busy. Never NULL after a successful reserve. */
struct lensi_workspace *lensi_workspace_claim(void);
void lensi_workspace_release(struct lensi_workspace *workspace);
/* Gives the memory of a workspace back to the system and forgets what it remembers. */
void lensi_workspace_trim(struct lensi_workspace *workspace);
void lensi_workspaces_after_fork(void); /* in the child: nobody else is left to give them back */

#endif
