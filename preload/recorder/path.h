/*
 * record_path.h - from a thread's stack to its node in the tree of call paths.
 *
 * Each thread keeps its last walk: where each return address lay, and its node. As long as the outer frames stand where
 * they stood, they are compared and not walked: about a ns a frame. New inner frames are walked by learned steps
 * (stack_steps.h), and what these do not know by the unwinder.
 */
#ifndef LENSI_RECORDER_PATH_H
#define LENSI_RECORDER_PATH_H

#include <stddef.h>
#include <stdint.h>

#define LENSI_PATH_FRAMES 128u /* deeper stacks lose their outermost frames */

/* Frame 0 is the outermost. */
struct lensi_path {
    uint32_t count;
    uint32_t is_cut; /* the outermost frame is not the stack's */
    uint32_t unloads; /* modules that had been unloaded then */
    const uintptr_t *slots[LENSI_PATH_FRAMES];
    uintptr_t returns[LENSI_PATH_FRAMES];
    uint32_t nodes[LENSI_PATH_FRAMES];
    /* Of the walk under way, frame 0 is the innermost. */
    const uintptr_t *new_slots[LENSI_PATH_FRAMES];
    uintptr_t new_returns[LENSI_PATH_FRAMES];
};

/*
 * The node of the call that returns to `caller`, an address which lies at `slot` with a frame pointer below it (else
 * the walk is slow). `path` is the calling thread's own, zeroed at first. No locks but the tree's, no malloc.
 */
uint32_t lensi_path_node(struct lensi_path *path, uintptr_t caller, const uintptr_t *slot);

#endif
