/*
 * use.h - the use of memory, page by page, as far as a trace tells: which pages were touched when, and what that says
 * of their blocks.
 *
 * A *line* is a large block together with what it was grown from (realloc): one piece of memory for the program. A
 * *life* is a sampled page from when it came into use until its line ends; it stands for `weight` pages. All figures
 * are estimates from lives; n of them give a share to about 1/sqrt(n).
 */
#ifndef LENS_USE_H
#define LENS_USE_H

#include "analysis/trace/profile_usage.h"

#define USE_INTERVALS 50u /* of equal length, over the whole run */
#define USE_NEVER UINT64_MAX

struct use_line {
    uint32_t site;        /* of its last block */
    uint32_t block;       /* the last one */
    uint64_t bytes;       /* the most it had */
    uint64_t birth_ns, death_ns;
};

struct use_life {
    uint32_t line, page;  /* page as in the trace */
    uint32_t weight;      /* pages that it stands for: by the level at its end. 0: thinned out before */
    uint64_t filled_ns, death_ns;
    uint64_t watched_ns;  /* since when touches can be seen; USE_NEVER: it ended before */
    uint64_t first_write_ns, last_write_ns, first_read_ns, last_read_ns; /* after it came into use; USE_NEVER */
    uint64_t rewritten_ns; /* first write after it was filled; USE_NEVER: none */
    uint32_t reads, writes;
};

/* A touch as the replay wants it. `life` is 0 for LEVEL (then `level` is meant), PAUSE and RESUME. */
struct use_touch {
    uint64_t time_ns;
    uint32_t life;        /* number, from 1 */
    uint32_t level;       /* in force then */
    enum lensi_touch_kind kind;
    float scale;          /* how many it stands for: watching may have rested before */
    bool is_sequential;   /* the sampled page before it was among the last to be touched in its line */
};

struct use {
    struct use_line *lines; /* [0] is blank */
    struct use_life *lives; /* [0] is blank */
    struct use_touch *touches; /* in order of time */
    size_t lines_count, lives_count, touches_count;
    uint64_t duration_ns, observed_ns; /* of the run; of it not paused */
    uint64_t alone_ns;                 /* what the run would have taken if nobody else had had the processors */
    double busy;                       /* duration_ns / alone_ns */
    double observed[USE_INTERVALS];    /* part of each interval that was watched */
    uint64_t begun_ns;                 /* when the first page was made absent: before that no touch could be seen */
    double fault_ns;                   /* of a touch that was seen: meanwhile the program did not go on */
    uint64_t page_bytes;
    uint64_t lost; /* touches that belong to no block known */
};

/* A touch that was seen, because it was a fault. */
static inline bool use_is_fault(enum lensi_touch_kind kind) { return kind == LENSI_TOUCH_READ || kind == LENSI_TOUCH_WRITE; }
/* Of a time in which so many faults came: what is left of it for the program itself. */
double use_progress_ns(const struct use *use, double watched_ns, double faults);

/* 0 and *use; -ENODATA if the trace has no usage; -ENOMEM. */
int use_make(const struct profile *profile, struct use **use);
void use_free(struct use *use); /* accepts NULL */

/* What the program does between one page and the next, where it touches most: ns, 0 if nothing was touched. */
double use_compute_ns(const struct use *use);

/* What all lives of some lines say together. Shares are 0 to 1, NAN where nothing is known. */
struct use_figures {
    size_t lives;            /* sampled pages in use */
    size_t watched;          /* of these, touches could be seen of so many */
    double filled_bytes;     /* ever in use */
    double idle;             /* of the memory's time (bytes x seconds): what lay behind the last touch */
    double never_touched;    /* of what was filled: not touched any more afterwards */
    double never_read;
    double rewritten;        /* of what was filled: written after it was filled */
    double sequential;       /* of the touches */
    uint64_t touches;        /* seen */
    uint64_t first_write_ns, last_write_ns, first_read_ns, last_read_ns; /* USE_NEVER: none seen */
    uint64_t filled_ns;      /* when the last page came into use */
    double touched[USE_INTERVALS]; /* of what was there in each interval */
    double written[USE_INTERVALS];
};
/* takes[line]: lines to add up; NULL: all. */
void use_figure(const struct use *use, const bool *takes, struct use_figures *figures);

#endif
