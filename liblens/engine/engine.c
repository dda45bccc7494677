/*
 * engine.c - starts, ends and forks the whole; see engine.h.
 */
#include "liblens/engine/engine.h"

#include "liblens/base/arena.h"
#include "liblens/base/gauges.h"
#include "liblens/base/helper.h"
#include "liblens/base/hooks.h"
#include "liblens/base/log.h"
#include "liblens/base/stats.h"
#include "liblens/engine/fault.h"
#include "liblens/engine/lease.h"
#include "liblens/engine/outcome.h"
#include "liblens/engine/prover.h"
#include "liblens/engine/readahead.h"
#include "liblens/engine/recognise.h"
#include "liblens/engine/slowdown.h"
#include "liblens/engine/stack_blocks.h"
#include "liblens/engine/trust.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/budget.h"
#include "liblens/memory/lift.h"
#include "liblens/source/file_mapping.h"
#include "liblens/source/images.h"
#include "liblens/source/open_files.h"
#include "liblens/source/reads.h"
#include "liblens/source/segment.h"
#include "liblens/source/snapshot.h"
#include "liblens/store/store.h"
#include "liblens/view/copy.h"

#include <errno.h>
#include <sys/resource.h>

static const struct lensi_options *options;
static const struct lensi_plan *plan;
static uint64_t started_ns;
static _Atomic bool finished;
static uint32_t started_in; /* process id */
static bool is_left_alone; /* lensi_retired, but calls may still be made */

static bool has_snapshots(const struct lensi_plan *of)
{
    for (size_t i = 0; of && i < of->sites_count; i++)
        if (of->sites[i].snapshot)
            return true;
    return false;
}

/* A peer's read of absent memory waits for a service thread, as the program's own; the other rungs would refuse it. */
static int choose_for_peers(struct lens_error *error)
{
    struct lens_error reason = {.at = -1};
    int result = lensi_backend_choose(LENSI_FAULT_THREAD, &reason);

    if (result < 0)
        lens_error_set(error, -1, "other processes may read this one's memory (MPI), which is served by one rung only: %s", reason.text);
    return result;
}

static int choose_rung(const struct lensi_options *with, struct lens_error *error)
{
    if (with->fault == LENSI_FAULT_AUTO && lensi_recognise_peers())
        return choose_for_peers(error);
    if (with->fault == LENSI_FAULT_AUTO && with->fault_first != LENSI_FAULT_AUTO && lensi_backend_choose(with->fault_first, error) == 0)
        return 0;
    return lensi_backend_choose(with->fault, error);
}

static int publish(void)
{
    for (size_t i = 0; i < plan->sites_count; i++)
        lensi_format(lensi_gauges.sites[i].name, sizeof lensi_gauges.sites[i].name, "%s", plan->sites[i].name);
    return lensi_gauges_publish((uint32_t)plan->sites_count);
}

int lensi_engine_start(const struct lensi_options *with, const struct lensi_plan *of, struct lens_error *error)
{
    int result;

    options = with;
    started_ns = lensi_sys_clock_ns();
    started_in = (uint32_t)lensi_sys_process_id();
    result = lensi_pages_reserve();
    if (result == 0)
        result = lensi_workspaces_reserve();
    if (result < 0)
        lens_error_set(error, -1, "no address space for virtual memory (ulimit -v, vm.overcommit_memory)");
    else
        result = choose_rung(with, error);
    if (result == 0)
        lensi_file_mapping_open(of, with->store, with->trust);
    if (result == 0)
        lensi_lift_open();
    if (result == 0)
        result = lensi_fault_listen();
    if (result == 0)
        result = lensi_budget_open(&with->budget);
    if (result == 0 && has_snapshots(of))
        result = lensi_snapshot_open(with->store, with->store_dir);
    if (result == 0 && lensi_hooks.open)
        result = lensi_hooks.open();
    if (result < 0) {
        lensi_backend = NULL;
        lensi_range.bytes = 0;
        return result;
    }
    lensi_images_open(with->store, with->store_dir, with->store_limit_bytes);
    lensi_copy_open(of ? with->store : LENSI_STORE_NONE, with->store_dir, with->store_limit_bytes);
    lensi_trust_open(with->trust);
    lensi_slowdown_open(with->slowdown_limit);
    plan = of;
    lensi_plan_enforce(of);
    lensi_prover_open();
    lensi_recognise_open(lensi_engine_leave_alone);
    lensi_stack_blocks_open();
    lensi_reads_open(plan);
    if (plan)
        lensi_open_files_fixed(plan);
    if (plan && publish() < 0 && with->verbose)
        lensi_say("lens top will not see this program: no memfd");
    return 0;
}

/* ---- the end */

/* The process that `lens run` became speaks for all; a worker, or a program it started, only for its own blocks. */
static bool is_main_process(void)
{
    int me = lensi_sys_process_id();

    return options->main_process ? me == options->main_process : (uint32_t)me == started_in;
}

static void say_sites_that_never_occurred(void)
{
    /* One plan may serve several programs: of its sites, some will do. */
    if (lensi_hooks.sampling || (lensi_counted(blocks) && !options->verbose))
        return;
    for (size_t i = 0; plan && i < plan->sites_count; i++)
        if (!atomic_load(&lensi_gauges.sites[i].blocks))
            lensi_say("%s:%u: site \"%s\" never occurred (or never asked for %llu bytes or more)", plan->path, plan->sites[i].line,
                      plan->sites[i].name, (unsigned long long)plan->sites[i].min_bytes);
}

static void say_chaos(void)
{
    char snapshots[24];

    lensi_say("chaos %llu (%s, snapshots %s): %llu pages proven, %llu dropped, %llu mapped, %llu brought back, %llu written; %s of snapshots",
              (unsigned long long)options->chaos.seed, lensi_stats_facts.rung, options->store == LENSI_STORE_DISK ? "on disk" : "in memory",
              (unsigned long long)lensi_counted(proven_pages), (unsigned long long)lensi_counted(dropped_pages),
              (unsigned long long)lensi_counted(mapped_pages), (unsigned long long)lensi_counted(faulted_pages),
              (unsigned long long)lensi_counted(kept_pages), lensi_format_bytes(snapshots, lensi_counted(snapshot_bytes_peak)));
}

/* Why it was left alone has been said. */
static void say_closing_lines(void)
{
    if (!is_left_alone || lensi_counted(proven_pages))
        lensi_outcome_say();
    lensi_slowdown_say();
}

static void write_statistics(void)
{
    char path[4096];
    int fd;

    if (!options->stats_path || (!is_main_process() && !lensi_counted(blocks)))
        return;
    lensi_format(path, sizeof path, "%s", options->stats_path);
    if (!is_main_process()) /* a worker's own file */
        lensi_format(path, sizeof path, "%s.%d", options->stats_path, lensi_sys_process_id());
    fd = lensi_stats_open(path);
    if (fd < 0 || lensi_stats_write(fd) < 0)
        lensi_warn("cannot write statistics to %s: %s", path, fd == -ELOOP ? "it is a symbolic link; name the file itself" : lensi_error_text(fd < 0 ? fd : -EIO));
    if (fd >= 0)
        lensi_sys_close(fd);
}

void lensi_engine_finish(void)
{
    if (!options || atomic_exchange(&finished, true))
        return;
    lensi_stats_peak(&lensi_gauges.stats.snapshot_bytes_peak, lensi_snapshot_bytes());
    lensi_stats_facts.elapsed_ns = lensi_sys_clock_ns() - started_ns;
    if (lensi_range.bytes) {
        lensi_prover_stop(); /* takes the lock, and lets go of it */
        lensi_prover_note_unseen();
        lensi_outcome_count();
        lensi_images_close();
    }
    if (options->chaos.on && is_main_process())
        say_chaos();
    if (!options->chaos.on && (uint32_t)lensi_sys_process_id() == started_in)
        say_closing_lines();
    if (lensi_range.bytes && !options->chaos.on && is_main_process())
        say_sites_that_never_occurred();
    write_statistics();
    if (lensi_injection)
        lensi_injection->report();
}

/* ---- nothing of the program's memory is ours any more */

static void make_all_plain(void)
{
    for (uint32_t i = 0; i < lensi_regions_high(); i++) {
        const struct lensi_region *r = lensi_region_at(i);
        if (atomic_load(&r->life) == LENSI_REGION_LIVE)
            lensi_fault_make_plain(r->armed_low, r->armed_high);
    }
}

/*
 * What is mapped from files, too. Pages of the view store stay mapped: they are read-only files of ours, and writes are
 * copied.
 */
static void leave_all(void)
{
    lensi_file_mapping_make_all_real(NULL);
    lensi_lease_end();
    for (uint32_t i = 0; i < lensi_regions_high(); i++) {
        const struct lensi_region *r = lensi_region_at(i);
        if (atomic_load(&r->life) != LENSI_REGION_FREE && r->armed_high > r->armed_low && lensi_backend->disarm)
            lensi_backend->disarm(r->armed_low, r->armed_high - r->armed_low);
    }
}

/* Makes all of the program's memory ordinary, for good. False if it was so already. */
static bool leave(void)
{
    uint64_t before;
    bool first;

    if (!lensi_range.bytes || lensi_retired)
        return false;
    before = lensi_sys_signals_hold();
    lensi_prover_retire();
    lensi_hooks.chaos = false;
    lensi_hooks.step = NULL;
    lensi_lock(&lensi_prover_lock);
    first = !lensi_retired;
    if (first) {
        make_all_plain();
        leave_all();
        lensi_lift_close();
        lensi_retired = true;
        lensi_readahead_end();
        if (lensi_backend->end)
            lensi_backend->end();
    }
    lensi_unlock(&lensi_prover_lock);
    lensi_sys_signals_release(before);
    return first;
}

void lensi_engine_retire(void)
{
    if (!lensi_range.bytes || (!leave() && !is_left_alone))
        return;
    lensi_engine_finish();
    lensi_helpers_wait(); /* not only that their calls could be refused: a process ends with its last thread */
}

void lensi_engine_leave_alone(const char *reason)
{
    int saved = errno;

    if (leave()) {
        is_left_alone = true;
        lensi_say("memory is left alone from here on, nothing more is saved: %s", reason);
    }
    errno = saved;
}

/* ---- fork */

static uint64_t signals_before_fork; /* of the thread that forks, which holds the prover lock */

/*
 * A child that may not open descriptors, or no file of that size (RLIMIT_NOFILE, RLIMIT_FSIZE), could not watch its
 * memory: then all of it is ordinary memory at the fork, and stays so in the child.
 */
static bool child_is_blind;

static bool can_child_watch(void)
{
    uint64_t soft = lensi_sys_limit_lift(RLIMIT_NOFILE);
    int fd = lensi_sys_memfd("lens-probe", 1 /* MFD_CLOEXEC */);
    bool can = fd >= 0 && (lensi_backend->signal != SIGSEGV || lensi_sys_size_ours(fd, lensi_range.bytes) == 0);

    if (fd >= 0)
        lensi_sys_close(fd);
    lensi_sys_limit_put_back(RLIMIT_NOFILE, soft);
    return can;
}

static bool is_fork_ours; /* guarded by the prover lock, which is held from before the fork to after it */

/* The child's counters are its own, whatever else is left to do. */
static bool is_only_counted(void) { return lensi_range.bytes && lensi_retired && is_left_alone; }

void lensi_fork_prepare(void)
{
    uint64_t before;

    if (is_only_counted())
        lensi_gauges_before_fork();
    if (!lensi_range.bytes || lensi_retired)
        return;
    before = lensi_sys_signals_hold();
    lensi_slowdown_lock(&lensi_prover_lock);
    if (lensi_retired) { /* meanwhile */
        lensi_unlock(&lensi_prover_lock);
        lensi_sys_signals_release(before);
        return;
    }
    is_fork_ours = true;
    signals_before_fork = before;
    child_is_blind = !can_child_watch();
    if (child_is_blind)
        make_all_plain();
    lensi_lease_before_fork();
    lensi_blocks_before_fork();
    lensi_reads_before_fork();
    lensi_open_files_before_fork();
    lensi_views_before_fork();
    lensi_backing_before_fork();
    lensi_regions_before_fork();
    lensi_slots_fork_lock();
    lensi_budget_before_fork();
    lensi_snapshot_before_fork();
    lensi_lift_before_fork();
    if (lensi_hooks.fork_before)
        lensi_hooks.fork_before();
    if (lensi_backend->fork_prepare)
        lensi_backend->fork_prepare();
    lensi_gauges_before_fork();
}

static void unlock_all_but_prover(void)
{
    lensi_budget_after_fork();
    lensi_slots_fork_unlock();
    lensi_regions_after_fork();
    lensi_backing_after_fork();
    lensi_views_after_fork();
    lensi_open_files_after_fork();
    lensi_reads_after_fork();
    lensi_blocks_after_fork();
}

void lensi_fork_parent(void)
{
    uint64_t before = signals_before_fork;

    if (!is_fork_ours)
        return;
    is_fork_ours = false;
    if (lensi_backend->fork_parent)
        lensi_backend->fork_parent();
    if (lensi_hooks.fork_after)
        lensi_hooks.fork_after(false);
    lensi_lift_after_fork(false);
    unlock_all_but_prover();
    lensi_lease_forked();
    lensi_snapshot_after_fork();
    lensi_unlock(&lensi_prover_lock);
    lensi_sys_signals_release(before);
}

/*
 * What another thread had begun at the fork. On the way to PLAIN: it may have been written already. BUSY: if it is
 * there, it has its proven bytes; else it is absent.
 */
static void settle(uint64_t page)
{
    enum lensi_page_state state = lensi_page_state(page);
    uint8_t resident = 0;

    if (state == LENSI_PROVING || state == LENSI_LEAVING) {
        lensi_backend->unprotect(lensi_page_address(page), LENSI_PAGE);
        lensi_page_set(page, LENSI_PLAIN);
    }
    if (state != LENSI_BUSY)
        return;
    lensi_sys_resident(lensi_page_address(page), LENSI_PAGE, &resident);
    lensi_page_set(page, resident & 1 ? LENSI_PROVEN : LENSI_ABSENT);
}

/* The child's copy of the address space has lost registration and protection: both anew, before program code runs. */
static void rearm(struct lensi_region *r)
{
    uint64_t run = 0;

    if (r->armed_high <= r->armed_low)
        return;
    for (uint64_t page = r->armed_low; page < r->armed_high; page++)
        settle(page);
    if (lensi_backend->rearm(r->armed_low, r->armed_high - r->armed_low) < 0)
        lensi_stop("a fork's child cannot watch its memory: out of descriptors or mappings");
    for (uint64_t page = r->armed_low; page <= r->armed_high; page++) {
        if (page < r->armed_high && lensi_page_state(page) == LENSI_PROVEN) {
            run++;
        } else if (run) {
            lensi_backend->protect(lensi_page_address(page - run), run << LENSI_PAGE_SHIFT);
            run = 0;
        }
    }
}

/* Watches again what was watched before the fork; or, if it cannot, goes on in ordinary memory for good. */
static void watch_again(void)
{
    uint64_t soft = lensi_sys_limit_lift(RLIMIT_NOFILE);

    if (lensi_backend->fork_child() < 0 && !child_is_blind)
        lensi_stop("a fork's child cannot watch its memory: %s is refused", lensi_backend->name);
    lensi_lift_after_fork(!child_is_blind);
    for (uint32_t i = 0; i < lensi_regions_high() && !child_is_blind; i++)
        if (atomic_load(&lensi_region_at(i)->life) != LENSI_REGION_FREE)
            rearm(lensi_region_at(i));
    if (lensi_backend->fork_child_done)
        lensi_backend->fork_child_done();
    lensi_snapshot_after_fork();
    lensi_sys_limit_put_back(RLIMIT_NOFILE, soft);
    if (child_is_blind) {
        lensi_hooks.chaos = false;
        lensi_hooks.step = NULL;
        lensi_prover_retire();
    }
}

void lensi_fork_child(void)
{
    bool leased;

    if (is_fork_ours || is_only_counted())
        lensi_gauges_after_fork();
    if (!is_fork_ours)
        return;
    is_fork_ours = false;
    lensi_slowdown_after_fork();
    if (lensi_hooks.fork_after)
        lensi_hooks.fork_after(true);
    unlock_all_but_prover();
    lensi_unlock(&lensi_prover_lock);
    lensi_fault_after_fork();
    lensi_recognise_after_fork();
    lensi_regions_child();
    lensi_workspaces_after_fork();
    lensi_work_after_fork();
    lensi_readahead_after_fork();
    lensi_images_after_fork();
    leased = lensi_lease_after_fork();
    watch_again();
    if (leased) /* somebody must hear when the child's backings are about to change; not before all is watched again */
        lensi_prover_start();
    lensi_sys_signals_release(signals_before_fork);
}

bool lensi_fd_is_ours(int fd)
{
    /* While a rung is being opened the next allocator may open and close files of its own. */
    return lensi_range.bytes && fd > 2 && ((lensi_backend && lensi_backend->owns_fd(fd)) || lensi_backing_owns_fd(fd) || lensi_snapshot_owns_fd(fd) || lensi_log_owns_fd(fd) || lensi_gauges_owns_fd(fd));
}
