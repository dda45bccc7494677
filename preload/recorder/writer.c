/* record_writer.c - ticks; see record_writer.h. */
#include "preload/recorder/writer.h"

#include "liblens/base/arena.h"
#include "liblens/base/log.h"
#include "liblens/base/sys.h"
#include "liblens/base/trace_writer.h"
#include "preload/next.h"
#include "preload/recorder/block.h"
#include "preload/recorder/clock.h"
#include "preload/recorder/file.h"
#include "preload/recorder/fill.h"
#include "preload/recorder/tell.h"
#include "preload/recorder/use.h"

#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>

#define TICK_LEAST_NS 20000000u
#define TICK_MOST_NS 1000000000u
#define TICKS_A_RUN 128u /* a tick is this part of the time that has passed, between least and most */
#define COLLECT_EVERY 16u
#define EXEC_NS 1000000000u
#define STACK_BYTES (128u * 1024u)
#define LOCAL_BYTES (64u * 1024u) /* what lies around the thread pointer of a thread that libc does not know */
#define LOCK_TRIES 200000u
#define LOCK_TRIES_INTERRUPTED 4000u /* the writer may wait for what we have interrupted ourselves in */

static struct lensi_trace_writer trace;
static struct lensi_lock lock; /* guards `trace` and all that telling changes */
static _Atomic uint32_t running_in; /* the process that the thread runs in */
static _Atomic bool finished;
static _Atomic int thread_id;
static uint64_t origin_ns; /* the trace's start: a child's is its fork */
static bool is_child, is_open, stopped_told;
static uint64_t totals_next_ns;
static uint64_t quiet_until_ns; /* an exec is under way: what is written is the end, unless it fails */
static uint8_t *thread_memory;

/* ---- a tick */

static void say_stopped(void)
{
    if (stopped_told)
        return;
    stopped_told = true;
    lensi_warn("the trace %s ends here: %s; the program goes on", lensi_record_file_path(), lensi_error_text(trace.error));
}

/* The few bytes of a last record may fit where a whole frame did not. */
static void mark_stopped(void)
{
    int error = trace.error;

    if (stopped_told || trace.fd < 0)
        return;
    trace.error = 0;
    trace.raw_bytes = 0;
    lensi_tell_end(&trace, LENSI_END_DISK, -error, origin_ns);
    lensi_trace_flush(&trace);
    trace.error = error;
}

static bool open_trace(void)
{
    uint64_t age = lensi_record_ns();

    if (is_open)
        return trace.error == 0;
    is_open = true;
    trace.error = lensi_record_file_open(&trace, is_child, age > origin_ns ? age - origin_ns : 0);
    stopped_told = trace.error != 0;
    return trace.error == 0;
}

/* last: everything, whether it is due or not. */
static void tell_all(bool last)
{
    uint64_t now = lensi_record_ns();
    struct lensi_told told;

    if (!open_trace())
        return;
    lensi_fill_take();
    told = lensi_tell_tree(&trace);
    lensi_blocks_tell(&trace, told.sites, origin_ns);
    lensi_tell_inputs(&trace, told.nodes, last, origin_ns);
    lensi_tell_fill(&trace, told.nodes, told.sites);
    lensi_tell_snapshot(&trace, origin_ns);
    lensi_tell_use(&trace, origin_ns);
    if (last || now >= totals_next_ns) {
        lensi_tell_totals(&trace, origin_ns);
        totals_next_ns = now + now / 8;
    }
}

static void flush(void)
{
    if (trace.error == 0 && is_open && lensi_record_file_check(&trace))
        lensi_trace_flush(&trace);
    if (trace.error && is_open) {
        mark_stopped();
        say_stopped();
    }
}

static uint64_t tick_ns(void)
{
    uint64_t now = lensi_record_ns(), tick = (now > origin_ns ? now - origin_ns : 0) / TICKS_A_RUN;

    return tick < TICK_LEAST_NS ? TICK_LEAST_NS : tick > TICK_MOST_NS ? TICK_MOST_NS : tick;
}

static void wait_for_tick(void)
{
    uint64_t until = lensi_record_ns() + tick_ns(), now;

    while (!atomic_load(&finished) && (now = lensi_record_ns()) < until) {
        lensi_fill_wait(until - now);
        lensi_lock(&lock);
        if (!atomic_load(&finished))
            lensi_fill_take();
        lensi_unlock(&lock);
    }
}

static int write_trace(void *unused)
{
    (void)unused;
    atomic_store(&thread_id, lensi_sys_thread_id());
    lensi_sys(SYS_prctl, PR_SET_NAME, (long)"lens-trace", 0, 0, 0, 0);
    for (unsigned tick = 1; !atomic_load(&finished); tick++) {
        if (tick > 1 || is_child) /* a short run of a program shall leave something, a child that calls exec need not */
            wait_for_tick();
        lensi_record_clock_settle();
        if (tick % COLLECT_EVERY == 0)
            lensi_record_threads_collect();
        lensi_lock(&lock);
        if (!atomic_load(&finished) && lensi_record_ns() >= quiet_until_ns) {
            tell_all(false);
            flush();
        }
        lensi_unlock(&lock);
    }
    return 0;
}

/*
 * ---- the thread: made by clone, with a thread pointer into memory of ours. It calls nothing of libc that has state.
 */

static void thread_start(void)
{
    const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS;
    uint8_t **local;
    uint64_t before;

    if (!thread_memory)
        thread_memory = lensi_arena_map(STACK_BYTES + LOCAL_BYTES);
    if (!thread_memory)
        return;
    local = (uint8_t **)(void *)(thread_memory + STACK_BYTES + LOCAL_BYTES / 2);
    local[0] = local[2] = (uint8_t *)local; /* on x86-64 the thread pointer points to itself, and so does libc's own field */
    lensi_sys_signal_mask(SIG_BLOCK, ~0ull, &before);
    if (LENSI_NEXT(clone)(write_trace, thread_memory + STACK_BYTES, flags, NULL, NULL, local, NULL) < 0)
        lensi_warn("no thread to write the trace with: it is written when the program ends");
    lensi_sys_signal_mask(SIG_SETMASK, before, NULL);
}

void lensi_writer_wake(void)
{
    uint32_t me = (uint32_t)lensi_sys_process_id(), was = atomic_load(&running_in);

    if (was != me && !atomic_load(&finished) && atomic_compare_exchange_strong(&running_in, &was, me))
        thread_start();
}

int lensi_writer_start(const struct lensi_record_options *options)
{
    int result = lensi_record_file_init(options);

    trace.fd = -1;
    if (result == 0) { /* before the program's own code: a thread of ours must not take the lowest number from under its open or dup2 */
        open_trace();
        lensi_tell_start();
    }
    return result;
}

/* ---- ends and forks */

/* The writer may be unable to get on (a child's fork left its lock taken, the disk hangs): never for ever. */
static bool lock_or_give_up(unsigned tries)
{
    for (unsigned i = 0; i < tries; i++) {
        if (lensi_try_lock(&lock))
            return true;
        lensi_wait_a_little(i);
    }
    return false;
}

static void finish(enum lensi_end_kind kind, int status, bool interrupted)
{
    atomic_store(&finished, kind != LENSI_END_EXEC);
    if (interrupted)
        open_trace();
    else
        tell_all(true);
    if (trace.error == 0)
        lensi_tell_end(&trace, kind, status, origin_ns);
    flush();
    quiet_until_ns = lensi_record_ns() + EXEC_NS;
}

/* Signals wait, so that none ends the process, or asks for the lock again, while its end is written. */
void lensi_writer_finish(enum lensi_end_kind kind, int status, bool interrupted)
{
    uint64_t before;

    if (kind == LENSI_END_EXEC && !is_open && is_child)
        return; /* between fork and exec: nothing worth a file */
    before = lensi_sys_signals_hold();
    if (lock_or_give_up(interrupted ? LOCK_TRIES_INTERRUPTED : LOCK_TRIES)) {
        if (!atomic_load(&finished))
            finish(kind, status, interrupted);
        lensi_unlock(&lock);
    }
    lensi_sys_signals_release(before);
}

bool lensi_writer_stays(void)
{
    int thread = atomic_load(&thread_id);

    return thread && lensi_sys(SYS_tgkill, lensi_sys_process_id(), thread, 0, 0, 0, 0) == 0;
}

void lensi_writer_wait(void)
{
    uint64_t end = lensi_record_ns() + TICK_MOST_NS + TICK_MOST_NS / 2;
    int thread = atomic_load(&thread_id), process = lensi_sys_process_id();

    for (unsigned i = 0; thread && lensi_sys(SYS_tgkill, process, thread, 0, 0, 0, 0) == 0 && lensi_record_ns() < end; i++)
        lensi_wait_a_little(i);
}

void lensi_writer_after_fork(void)
{
    if (is_open && trace.fd >= 0)
        lensi_sys_close(trace.fd);
    lensi_trace_forget(&trace);
    atomic_store(&lock.held, 0);
    atomic_store(&running_in, 0);
    thread_memory = NULL; /* the copy of a stack that nobody runs on: address space, a few pages */
    is_open = stopped_told = false;
    is_child = true;
    origin_ns = lensi_record_ns();
    totals_next_ns = quiet_until_ns = 0;
    lensi_tell_forget();
    lensi_tell_use_forget();
}
