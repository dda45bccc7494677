/*
 * trace.h - the trace on disk: what a profiled run leaves behind for the analysis. docs/formats.md says the same in
 * prose and is the contract.
 *
 * A trace is one line, LENS_TRACE_MAGIC, and frames. A frame is a header of 24 bytes and packed (zlib) bytes; unpacked
 * they are records. A record is a kind, a length and that many bytes; a reader skips kinds it does not know, and bytes
 * at the end of a record that it does not know. Frames are written whole and in order, so a trace that is cut, or whose
 * program still runs, is good up to its last whole frame.
 *
 * Numbers in records are varints: seven bits a byte, low bits first, the top bit says that more follow. `s` below means
 * signed (zigzag: 0, -1, 1, -2, ... are 0, 1, 2, 3, ...). Texts are a length and bytes. Times are ns since the trace's
 * start. Things are numbered from 1 in the order in which their records come; 0 means none.
 */
#ifndef LENSI_TRACE_H
#define LENSI_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LENSI_TRACE_MAGIC "lens-trace 1\n"
#define LENSI_TRACE_MAGIC_BYTES 13u
#define LENSI_FRAME_HEADER_BYTES 24u
#define LENSI_FRAME_MARK 0x6d61726cu /* "lram" */
#define LENSI_FRAME_RAW_MAX (4u << 20)
#define LENSI_TRACE_BUCKETS 48u /* of histograms: bucket i holds values of [2^i, 2^(i+1)), bucket 0 also 0 */

/*
 * Fixed part of a frame, little-endian. The checksum (XXH3) is of the header with this field zero, then the packed
 * bytes.
 */
struct lensi_frame_header {
    uint32_t mark;
    uint32_t kind; /* 1: zlib-packed records. Frames of other kinds are skipped */
    uint32_t raw_bytes, packed_bytes;
    uint64_t checksum;
};
#define LENSI_FRAME_RECORDS 1u

enum lensi_record_kind {
    LENSI_RECORD_START = 1,  /* once, first */
    LENSI_RECORD_MODULE = 2,
    LENSI_RECORD_NODE = 3,
    LENSI_RECORD_SITE = 4,
    LENSI_RECORD_SNAPSHOT = 5,
    LENSI_RECORD_TOTALS = 6,
    LENSI_RECORD_BLOCK = 7,
    LENSI_RECORD_BLOCK_END = 8,
    LENSI_RECORD_FILE = 9,
    LENSI_RECORD_READ = 10,
    LENSI_RECORD_WRITER = 11, /* who touched pages of a block first */
    LENSI_RECORD_END = 12,   /* once, last; not there if the program was killed */
    /* 32 to 63: the use of memory */
    LENSI_RECORD_USE = 32,   /* once, before what follows */
    LENSI_RECORD_TOUCHES = 33,
    LENSI_RECORD_USE_LOST = 34,
};

/* The use of memory: what was seen of sampled pages (sample.h). */
enum lensi_touch_kind {
    LENSI_TOUCH_FILLED = 0, /* the page has come into use: it has a frame. Seen a few ms late */
    LENSI_TOUCH_READ = 1,   /* it was absent, and was read */
    LENSI_TOUCH_WRITE = 2,  /* it was written: for the first time since it was last absent */
    LENSI_TOUCH_LEVEL = 3,  /* from now on one page in 2^level is watched */
    LENSI_TOUCH_PAUSE = 4,  /* watching has become too dear: what follows, until RESUME, is not all there is */
    LENSI_TOUCH_RESUME = 5,
    LENSI_TOUCH_AWAY = 6, /* the page is watched: it was made absent, as it was since FILLED or since it was written last */
};

enum lensi_site_kind {
    LENSI_SITE_MALLOC = 0,
    LENSI_SITE_CALLOC = 1,
    LENSI_SITE_REALLOC = 2,
    LENSI_SITE_ALIGNED = 3,
    LENSI_SITE_MAP = 4,      /* mmap of anonymous memory by the program (or an allocator linked into it) */
    LENSI_SITE_MAP_FILE = 5, /* mmap of a file */
};

enum lensi_end_kind {
    LENSI_END_UNKNOWN = 0, /* no END record: killed, crashed, cut, or still running */
    LENSI_END_EXIT = 1,    /* exit, or the return of main */
    LENSI_END_UNDER = 2,   /* _exit or quick_exit: no handlers run */
    LENSI_END_EXEC = 3,    /* another program took the process over; it writes a trace of its own */
    LENSI_END_DISK = 4,    /* the trace could not be written further (full disk); the program went on */
    LENSI_END_SIGNAL = 5,  /* a fatal signal that could be noticed */
    LENSI_END_LOCKED = 6,  /* the program gave up system calls (seccomp) and went on; what came then is not recorded */
};

#define LENSI_TRACE_BLOCK_BYTES (128u * 1024u) /* allocations of this size and more are told one by one */
#define LENSI_NODE_TRUNCATED 1u /* the stack went on, or could not be followed further */

#endif
