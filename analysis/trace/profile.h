/*
 * profile.h - a trace in memory: what lens report, diff, top and infer work on.
 *
 * profile_read fills it from a trace file (trace_read.c); nothing changes it afterwards. All arrays are indexed by the
 * numbers in the trace, which begin at 1: element 0 of nodes, sites, modules, blocks and files is a blank that means
 * "none". Texts are NUL-terminated and never NULL.
 *
 * Quantities. In a full trace counts and bytes are exact. In a sampled one they are unbiased estimates, and every
 * *_error beside them is one standard error in the same unit (0 in a full trace). Times are ns since the trace's start.
 */
#ifndef LENS_PROFILE_H
#define LENS_PROFILE_H

#include "liblens/base/trace.h"
#include "liblens/lens.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROFILE_ALIVE UINT64_MAX /* the death of a block that was alive at the end */

struct profile_meta {
    char *path;             /* of the trace */
    char *program;          /* absolute path of the executable */
    char **argv;            /* argc texts, then NULL */
    size_t argc;
    uint32_t pid, ppid;
    bool forked;            /* a fork's child: what it inherited counts as allocated at time 0 */
    bool full;              /* every allocation was seen; else sampled */
    uint64_t sample_bytes;  /* mean distance of samples, in bytes; 0 if full */
    uint64_t start_wall_ns; /* since 1970 */
    uint64_t duration_ns;   /* to the last thing the trace tells */
    uint64_t waited_ns;     /* of it, it waited for processors that others had; 0 if that is not known */
    enum lensi_end_kind end;
    int end_status;         /* exit status or signal number, where known */
    char *machine, *kernel; /* uname's machine and release */
    uint32_t cpus;
    uint64_t memory_bytes;  /* of the machine */
    uint32_t page_bytes;
    bool cut;               /* bytes behind the last whole frame, or a damaged frame: what follows is lost */
    uint64_t cut_at;        /* file offset of that */
    uint64_t trace_bytes;   /* size of the file */
    uint64_t unknown_records; /* skipped, of kinds this version does not know */
    uint64_t lost_blocks;   /* large blocks that the recorder had no room for, or that lived less than a tick */
};

struct profile_module {
    char *path;             /* as the dynamic linker knows it; "" for code in no file */
    uint8_t build_id[32];
    size_t build_id_bytes;  /* 0: it has none */
    uint64_t start, end;    /* addresses in the process */
    uint64_t bias;          /* address in the process minus address as nm and addr2line show it */
};

/* A call path: the frame that returns to `address`, called by the path `parent`. */
struct profile_node {
    uint32_t parent;        /* outwards; 0: the outermost frame */
    uint32_t module;        /* 0: code in no file */
    uint64_t address;       /* return address as in the module's file (nm, addr2line); in no module: in the process */
    uint32_t flags;         /* LENSI_NODE_TRUNCATED: the stack went on beyond this outermost frame */
};

struct profile_site {
    uint32_t node;          /* innermost frame: who called the allocation function */
    enum lensi_site_kind kind;
    uint64_t samples;       /* allocations seen; = allocations in a full trace */
    uint64_t allocations, frees;
    uint64_t bytes, freed_bytes;       /* over the whole run */
    uint64_t live_bytes, live_count;   /* at the end */
    uint64_t at_peak_bytes, at_peak_count; /* when the whole process was at its peak */
    uint64_t peak_bytes;               /* this site's own peak */
    double byte_seconds;               /* the integral of live bytes over time */
    double bytes_error, live_error, at_peak_error, allocations_error;
    /*
     * Of the above, what a fork's child inherited; its parent counts it, too. 0 in others, and if a trace does not
     * tell.
     */
    struct profile_inherited {
        uint64_t bytes, count;
    } inherited_at_peak, inherited_live, inherited_at_fork;
    uint64_t first_ns, last_ns;        /* of its allocations, to a tick */
    uint64_t lifetimes[LENSI_TRACE_BUCKETS]; /* ended allocations by log2 of ns lived */
    uint64_t sizes[LENSI_TRACE_BUCKETS];     /* allocations by log2 of bytes */
};

/* A moment: what changed since the moment before. */
struct profile_change {
    uint32_t site;
    int64_t live_bytes;     /* difference */
};
struct profile_moment {
    uint64_t time_ns;
    uint64_t live_bytes;    /* of all sites but file mappings, after the changes */
    uint64_t rss_anon_bytes, rss_file_bytes; /* from /proc/self/status; 0: not told */
    size_t first_change, changes; /* in profile->changes */
};

/* A large allocation (LENSI_TRACE_BLOCK_BYTES and more), or a mapping. */
struct profile_block {
    uint64_t address, bytes;
    uint64_t birth_ns, death_ns; /* PROFILE_ALIVE */
    uint32_t site;
    uint32_t previous;      /* the block this one was grown (realloc, mremap) from, or 0 */
    uint32_t next;          /* the one it was grown into, or 0 */
};

struct profile_file {
    char *path;             /* as opened, made absolute; "" if it is not known */
    uint64_t device, inode, bytes; /* size when it was last looked at */
    int64_t mtime_ns;
};

/* Bytes that came from a file: consecutive reads of one file into one place are one. */
struct profile_input {
    uint32_t file;
    uint32_t block;         /* where they went, or 0: into something smaller */
    uint32_t node;          /* call path of the (first) read, or 0 */
    bool mapped;            /* not read but mapped: the block is the mapping */
    uint64_t file_offset, bytes, block_offset;
    uint64_t calls;
    uint64_t first_ns, last_ns;
};

/* Who fills a site's blocks: samples of first touches of their pages by this call path. */
struct profile_writer {
    uint32_t site, node;
    uint64_t samples;
    uint64_t pages; /* that they stand for */
};

struct profile_usage; /* profile_usage.h */

struct profile {
    struct profile_meta meta;
    struct profile_module *modules;
    struct profile_node *nodes;
    struct profile_site *sites;
    struct profile_moment *moments; /* in order of time; merged where there are too many */
    struct profile_change *changes;
    struct profile_block *blocks;
    struct profile_file *files;
    struct profile_input *inputs;
    struct profile_writer *writers;
    bool is_fill_watched; /* first touches were sampled, at least for a part of the run */
    struct profile_usage *usage; /* NULL: how memory was used was not watched */
    /* Elements of the arrays, with the blank in front where there is one. */
    size_t modules_count, nodes_count, sites_count, moments_count, changes_count, blocks_count, files_count,
        inputs_count, writers_count;
    uint64_t peak_bytes, peak_ns; /* the whole process's peak of live bytes (file mappings not counted), and when */
};

/* Called now and then while reading, with bytes of the file done and in all. */
typedef void (*profile_progress)(void *data, uint64_t done, uint64_t bytes);

/*
 * Reads a trace. 0 and *profile, which profile_close frees; -errno with *error otherwise (one line: which file, what
 * was expected). A trace that is cut or damaged somewhere is no error: meta.cut says so. progress may be NULL.
 */
int profile_read(const char *path, profile_progress progress, void *data, struct profile **profile,
                 struct lens_error *error);
/* Accepts NULL. */
void profile_close(struct profile *profile);

/* "malloc", "calloc", ...: the function that the site calls. */
const char *profile_kind_name(enum lensi_site_kind kind);

#endif
