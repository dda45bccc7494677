/*
 * images.h - where proven bytes live besides their lens: which views go to the view store, when, and how they are used.
 *
 * none:          never.
 * memory, disk:  from the first proof on.
 * auto:          a published image is used where there is one. Otherwise pages are made again by their lens, until
 *                what that has cost exceeds what writing an image would: then proven pages go to disk.
 * A chunk in an image is mapped from it; but under a hard memory limit that the views do not fit into, faults fetch
 * from the image past the page cache, because our budget keeps what pays and the page cache keeps nothing of a loop.
 */
#ifndef LENSI_IMAGES_H
#define LENSI_IMAGES_H

#include "liblens/source/segment.h"
#include "liblens/store/store.h"

void lensi_images_open(enum lensi_store_choice choice, const char *dir, uint64_t limit_bytes);
void lensi_images_close(void);
void lensi_images_after_fork(void);
/* Decides anew whether an automatic store is worth it by now. The prover calls it in every round. */
void lensi_images_consider(void);
/* The segment's block ends: its image is used by one less. Under the prover lock. */
void lensi_images_leave(struct lensi_segment *segment);
/* Lets go of an image that nobody has used for a while. Under the prover lock, now and then. */
void lensi_images_tidy(void);

/* The image page with the bytes of a block page, or LENS_UNKNOWN when no image page has exactly those. */
uint64_t lensi_images_page(const struct lensi_region *region, const struct lensi_segment *segment, uint64_t page);
/* Pages verified against their checksums, for a proof. False if not all of them are there. */
bool lensi_images_read(struct lensi_region *region, struct lensi_segment *segment, uint64_t page, uint64_t count, uint8_t *out);
/* The same for the fault path, whose caller checks what it gets. */
bool lensi_images_fetch(const struct lensi_region *region, const struct lensi_segment *segment, uint64_t page, uint64_t count, uint8_t *out);
/*
 * Sees to it that the bytes of these pages are in an image, if they are to be. True if the pages are to be mapped from
 * it now (lensi_images_map). The prover calls it, with bytes that are proven.
 */
bool lensi_images_take(struct lensi_region *region, struct lensi_segment *segment, uint64_t page, uint64_t count, const uint8_t *bytes);
/* Whether proven pages of the segment go to an image. */
bool lensi_images_wanted(struct lensi_region *region, struct lensi_segment *segment);
/*
 * Whether the image holds these pages with these bytes; NULL: with those they were proven with. Then they need no
 * backing.
 */
bool lensi_images_hold(const struct lensi_region *region, const struct lensi_segment *segment, uint64_t page, uint64_t count,
                       const uint8_t *bytes);
/* Maps BUSY pages from the image: they are MAPPED afterwards. False, and nothing changed, if it cannot be done. */
bool lensi_images_map(struct lensi_region *region, struct lensi_segment *segment, uint64_t page, uint64_t count);
/* Moves absent pages of a region to the image, when the store became worth it after they were dropped. True: go on. */
bool lensi_images_settle(struct lensi_region *region, struct lensi_workspace *workspace);

#endif
