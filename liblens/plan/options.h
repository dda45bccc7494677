/*
 * options.h - what a run is told: by LENS_… environment variables, each with a twin of `lens run`.
 */
#ifndef LENSI_OPTIONS_H
#define LENSI_OPTIONS_H

#include "liblens/base/text.h"
#include "liblens/lens.h"

#include <stdbool.h>

enum lensi_fault_choice { LENSI_FAULT_AUTO, LENSI_FAULT_INTHREAD, LENSI_FAULT_THREAD, LENSI_FAULT_PROTECT, LENSI_FAULT_OFF };
enum lensi_store_choice { LENSI_STORE_AUTO, LENSI_STORE_NONE, LENSI_STORE_MEMORY, LENSI_STORE_DISK };

/*
 * strict: pages depend on a backing only while a lease keeps its writers off, or on a copy of ours (trust.h). lease:
 * the same, and verbatim views are mapped from the backing itself while a lease holds off its writers. The kernel
 * breaks a lease after /proc/sys/fs/lease-break-time: a process that is stopped for longer may then see the writer's
 * bytes. replace-only: the user promises that files are only replaced by rename; one that is changed in place stops the
 * process.
 */
enum lensi_trust { LENSI_TRUST_STRICT, LENSI_TRUST_LEASE, LENSI_TRUST_REPLACE };

/* A resident budget: --budget 64M, 25% (of the cgroup's limit, or of the machine's memory), or auto. */
struct lensi_budget_spec {
    enum { LENSI_BUDGET_AUTO, LENSI_BUDGET_BYTES, LENSI_BUDGET_PERCENT } kind;
    uint64_t bytes;
    double percent;
};

/* Chaos: see chaos.h. */
struct lensi_chaos_spec {
    bool on;
    bool no_map, no_step; /* nothing is mapped from snapshots; nothing happens but in the prover's rounds */
    uint64_t seed;
    uint64_t min_bytes, max_bytes; /* which allocations */
};

struct lensi_options {
    const char *plan_path;          /* LENS_PLAN         --plan FILE        none      */
    struct lensi_budget_spec budget; /* LENS_BUDGET       --budget SIZE      auto      */
    enum lensi_fault_choice fault;  /* LENS_FAULT        --fault RUNG       auto      */
    enum lensi_fault_choice fault_first; /* with auto, what is tried before the ladder; AUTO: nothing. Drawn by chaos.h */
    enum lensi_store_choice store;  /* LENS_STORE        --store KIND       auto      */
    const char *store_dir;          /* LENS_STORE_DIR    --store-dir DIR    ~/.cache/lens */
    uint64_t store_limit_bytes;     /* LENS_STORE_LIMIT  --store-limit SIZE LENS_UNKNOWN = half of the free space */
    double slowdown_limit;          /* LENS_SLOWDOWN_LIMIT --slowdown-limit X   2; 0 = none */
    enum lensi_trust trust;         /* LENS_TRUST_BACKING --trust-backing KIND strict    */
    const char *stats_path;         /* LENS_STATS        --stats FILE       none      */
    struct lensi_chaos_spec chaos;  /* LENS_CHAOS        --chaos SEED       off       */
    bool quiet;                     /* LENS_QUIET        --quiet            off       */
    int main_process;               /* LENS_MAIN_PROCESS, set by lens run: the process it became; 0: whoever reads this */
    const char *trace_path;         /* LENS_TRACE, set by lens profile: "full PATH" or "BYTES PATH", or "… use PATH"; NULL: not recorded */
    uint64_t trace_sample_bytes;    /* from the same; 0: full */
    bool trace_use;                 /* from the same: how memory is used is watched */
    bool verbose;                   /* LENS_VERBOSE      --verbose          off: says each decision */
};

/* "64M", "1.5G", "4096", "640k" (powers of 1024; K M G T, optional iB/B behind). 0 or -EINVAL with *error. */
int lensi_parse_size(const char *text, uint64_t *bytes, struct lens_error *error);
/*
 * Sets one option by its name ("budget", "fault", "store", "store-dir", "store-limit", "stats", "plan", "quiet",
 * "verbose"). The text is kept, not copied. 0, or -EINVAL with *error: what was expected, the nearest valid word.
 */
int lensi_options_set(struct lensi_options *options, const char *name, const char *text, struct lens_error *error);
/*
 * Defaults, then the environment, of which nothing is needed afterwards: its texts are copied. 0, or -EINVAL with
 * *error naming the variable. environment: like environ.
 */
int lensi_options_read(struct lensi_options *options, char *const *environment, struct lens_error *error);
/* "SEED[,min=SIZE][,max=SIZE][,nomap][,nostep]". 0, or -EINVAL with *error. */
int lensi_chaos_parse(const char *text, struct lensi_chaos_spec *spec, struct lens_error *error);
/* The process that `lens run` became, or 0. */
int lensi_main_process_of(char *const *environment);
/* The budget in bytes on this machine now; LENS_UNKNOWN for auto. */
uint64_t lensi_budget_bytes(const struct lensi_budget_spec *spec);
/* The default folder for kind, into to[0, room). 0 or -ENAMETOOLONG, -ENOENT (no home). */
int lensi_store_default_dir(enum lensi_store_choice kind, char *to, size_t room);

#endif
