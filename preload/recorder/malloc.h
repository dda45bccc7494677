/* record_malloc.h - puts the recorder between the public malloc functions and the next allocator. */
#ifndef LENSI_RECORDER_MALLOC_H
#define LENSI_RECORDER_MALLOC_H

/* Once, by the constructor, after lensi_record_start. */
void lensi_record_malloc_init(void);
/* Steps aside for good. */
void lensi_record_malloc_end(void);

#endif
