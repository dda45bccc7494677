/*
 * ranking.h - the sites of a study as a person ranks them: one row for each place in the source that wanted memory.
 *
 * A site of a trace is a call path; a row gathers all whose frame to show (wrappers.h) is the same function and line,
 * from all traces of the study. Rows of several processes are added up, each process at its own peak.
 */
#ifndef LENS_RANKING_H
#define LENS_RANKING_H

#include "analysis/trace/miss_ratio.h"
#include "analysis/trace/study.h"

#define RANKING_FRAMES_MAX 16

enum ranking_order { RANKING_PEAK, RANKING_BYTETIME, RANKING_IDLE, RANKING_SAVING, RANKING_LIVE };

/* Sums. In a sampled trace they are estimates, and the variances say how good. */
struct ranking_figures {
    uint64_t at_peak_bytes, at_peak_count; /* when the process was at its peak */
    uint64_t live_bytes, live_count;       /* at the end */
    uint64_t bytes, allocations, frees;    /* over the whole run */
    double byte_seconds;
    double at_peak_variance, bytes_variance;
    uint64_t first_ns, last_ns;
    uint64_t lifetimes[LENSI_TRACE_BUCKETS], sizes[LENSI_TRACE_BUCKETS];
};

/* How much longer the program takes: 1.05 is 5 %. NAN where the traces do not tell. */
struct ranking_slowdown {
    double first;    /* lens run as it is, with nothing in the view store: proofs, faults until it decides for the store, writing the image */
    double later;    /* from the second run on, when the image is there */
    double no_store; /* --store none */
};

/* How the memory is used; NAN where the traces do not tell. Shares are 0 to 1. docs/usage.md says more. */
struct ranking_use {
    double idle;         /* of its time: what lies behind the last touch */
    double never_read;   /* of its bytes: not read any more after it was filled */
    double rewritten;    /* of its bytes: written again after it was filled */
    double sequential;   /* of its touches */
    double saving_bytes; /* what a lens could give back at the budget of ranking_curve.share */
    struct ranking_slowdown slowdown; /* of the whole program then */
    size_t pages;        /* sampled pages that all this stands on */
    const struct use_figures *figures; /* NULL where the traces do not tell */
};

/* What a resident budget costs: of the process with the most memory that was watched. */
struct ranking_curve_point {
    double share, budget_bytes;
    double miss_ratio;   /* of the touches that a cache of a few pages would miss */
    double faulted_pages, absent_bytes;
    struct ranking_slowdown slowdown;
};
struct ranking_curve {
    double bytes;        /* most memory in use at once, of what was watched and taken */
    double stuck_bytes;  /* of it: rewritten, so that it has to stay */
    double least_share;  /* not to be trusted below */
    double share;        /* the budget that lens run would choose by itself: an eighth, 16 MiB at least */
    size_t pages;        /* sampled */
    bool covers_all;     /* no site has a file: all memory is taken, as if it could be copied from somewhere */
    bool is_measured;    /* costs: on this machine; else what is usual */
    struct cost_machine machine;
    struct ranking_curve_point points[MISS_RATIO_POINTS]; /* from share 1 down */
};

/* The file that the bytes came from, most of them if there are several. */
enum ranking_relation {
    RANKING_NOT_TOLD,  /* the traces do not tell which files were read */
    RANKING_NO_FILE,
    RANKING_READ_INTO, /* read straight into the memory: a verbatim lens, or one that maps bytes */
    RANKING_READ_NEAR, /* read by the same function while it filled the memory: parsed or converted */
    RANKING_READ_THEN, /* read while, or right before, the memory was made, by whom does not matter: no more than a hint */
};
struct ranking_backing {
    enum ranking_relation relation;
    const char *path;
    uint64_t bytes;      /* that were read from it this way */
    uint64_t file_bytes; /* the file's size */
    size_t others;       /* further files with fewer bytes */
    const char *ending;  /* that the names of all of them have in common, as ".txt"; or NULL */
    bool has_step;       /* reads into blocks begin somewhere else than at the file's start */
};

/* Who fills the memory: functions by their share of first touches, and of what was read into it, the largest first. */
#define RANKING_FILLERS_MAX 8
struct ranking_filler {
    const struct symbol *symbol; /* the line that fills most */
    bool is_read;                /* the kernel wrote it for this function's read */
    double share;                /* 0 to 1 */
    uint64_t samples;            /* that it stands on; 0: reads are all known */
};
struct ranking_fill {
    struct ranking_filler fillers[RANKING_FILLERS_MAX];
    size_t count;
    uint64_t samples;
};

struct ranking_member {
    uint32_t trace, site;
};

struct ranking_row {
    const struct symbol *const *path; /* frame to show first, then its callers, of the member with the most bytes */
    size_t path_count;
    const char *via;      /* the wrapper next to the frame to show, or NULL */
    unsigned kinds;       /* bit i: there are members of enum lensi_site_kind i */
    struct ranking_figures figures;
    struct ranking_use use;
    struct ranking_backing backing;
    struct ranking_fill fill;
    struct ranking_member *members;
    size_t members_count;
};

struct ranking {
    struct ranking_row *rows;  /* in the order asked for, file mappings left out */
    size_t rows_count;
    uint32_t **row_of_site;    /* of each trace and site; RANKING_NO_ROW for file mappings */
    struct ranking_figures total; /* of the rows */
    uint64_t peak_bytes;       /* sum of the processes' peaks */
    uint64_t inherited_bytes;  /* that forks inherited of processes that are in the sum themselves: left out of it */
    uint64_t mapped_bytes;     /* files mapped by the program at its peak */
    bool is_sampled;           /* any trace is */
    bool is_fill_watched;      /* in any trace */
    struct ranking_curve *curve; /* NULL where the traces do not tell */
};
#define RANKING_NO_ROW UINT32_MAX

/* frames: how many frames, from the one shown outwards, tell rows apart; 1 to RANKING_FRAMES_MAX. 0 or -ENOMEM. */
int ranking_make(struct ranking *ranking, const struct study *study, enum ranking_order order, unsigned frames);
void ranking_free(struct ranking *ranking);
/* Half the width of the 95 % interval: bytes at the peak of a row. 0 in full traces. */
double ranking_error_bytes(const struct ranking_figures *figures);
/* Finds who fills the rows (ranking_fill.c); called by ranking_make. 0 or -ENOMEM. */
int ranking_find_fillers(struct ranking *ranking, const struct study *study);
/* Finds the files behind the rows (ranking_backing.c); called by ranking_make. 0 or -ENOMEM. */
int ranking_find_backings(struct ranking *ranking, const struct study *study);
/* For rows without such a file, the one that was read when they were made (ranking_reading.c). 0 or -ENOMEM. */
int ranking_find_readings(struct ranking *ranking, const struct study *study);
/* Finds how the rows' memory is used (ranking_use.c); called by ranking_make. 0 or -ENOMEM. */
int ranking_find_use(struct ranking *ranking, const struct study *study);

#endif
