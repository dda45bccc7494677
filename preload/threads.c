/* threads.c - see threads.h. A thread inherits its maker's mask, so also what the program believes of it. */
#undef _FORTIFY_SOURCE
#include "preload/threads.h"

#include "liblens/base/signal_stack.h"
#include "preload/io.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <threads.h>

void lensi_thread_begins(void)
{
    if (lensi_fault_signals() && !lensi_retired)
        lensi_signal_stack_begin();
}

/*
 * On its way to the thread; in the pool, where there is room: a free() there would give the thread a heap that it may
 * never want.
 */
struct start {
    void *(*run)(void *);
    int (*run_other)(void *); /* C's threads */
    void *argument;
    uint64_t blocked;
    _Atomic bool is_taken;
};
enum { POOL = 64 };
static struct start pool[POOL];

static bool is_pooled(const struct start *start) { return start >= pool && start < pool + POOL; }

static struct start *take_start(void)
{
    for (size_t i = 0; i < POOL; i++)
        if (!atomic_load(&pool[i].is_taken) && !atomic_exchange(&pool[i].is_taken, true))
            return &pool[i];
    return malloc(sizeof(struct start));
}

static void give_start(struct start *start)
{
    if (start && is_pooled(start))
        atomic_store(&start->is_taken, false);
    else
        free(start);
}

void lensi_thread_ends(void *unused)
{
    (void)unused;
    lensi_signal_stack_end();
}

static struct start begin_thread(struct start *from)
{
    struct start start = {.run = from->run, .run_other = from->run_other, .argument = from->argument, .blocked = from->blocked};

    give_start(from);
    lensi_fault_blocked = start.blocked;
    lensi_thread_begins();
    return start;
}

static void *start_thread(void *from)
{
    struct start start = begin_thread(from);
    void *result;

    pthread_cleanup_push(lensi_thread_ends, NULL);
    result = start.run(start.argument);
    pthread_cleanup_pop(1);
    return result;
}

static int start_other(void *from)
{
    struct start start = begin_thread(from);
    int result;

    pthread_cleanup_push(lensi_thread_ends, NULL);
    result = start.run_other(start.argument);
    pthread_cleanup_pop(1);
    return result;
}

static struct start *new_start(void *(*run)(void *), int (*run_other)(void *), void *argument)
{
    struct start *start = lensi_fault_signals() ? take_start() : NULL;

    if (!start)
        return NULL;
    start->run = run;
    start->run_other = run_other;
    start->argument = argument;
    start->blocked = lensi_fault_blocked;
    return start;
}

/* A stack of the program's, also by the old call that names only its end. */
static void keep_stack(const pthread_attr_t *attributes)
{
    size_t bytes;
    void *at;

    if (attributes && lensi_is_pinning() && pthread_attr_getstack(attributes, &at, &bytes) == 0)
        lensi_pin_forever(at, bytes);
}

/* While a thread is made libc blocks every signal: what it reads and writes then is pinned. */
LENSI_EXPORT int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                                void *(*run)(void *), void *restrict argument)
{
    struct start *start = new_start(run, NULL, argument);
    struct lensi_pins pins;
    int result;

    pins.count = 0;
    OUT_ONE(thread)
    IN_ONE(attributes)
    keep_stack(attributes);
    result = LENSI_NEXT(pthread_create)(thread, attributes, start ? start_thread : run, start ? start : argument);
    while (LENSI_UNLIKELY(result != 0) && lensi_process_makes_room(result))
        result = LENSI_NEXT(pthread_create)(thread, attributes, start ? start_thread : run, start ? start : argument);
    lensi_pins_end(&pins);
    if (result != 0)
        give_start(start);
    return result;
}

LENSI_EXPORT int thrd_create(thrd_t *thread, int (*run)(void *), void *argument)
{
    struct start *start = new_start(NULL, run, argument);
    struct lensi_pins pins;
    int result;

    pins.count = 0;
    OUT_ONE(thread)
    result = LENSI_NEXT(thrd_create)(thread, start ? start_other : run, start ? start : argument);
    while (LENSI_UNLIKELY(result == thrd_error) && lensi_process_makes_room(EAGAIN))
        result = LENSI_NEXT(thrd_create)(thread, start ? start_other : run, start ? start : argument);
    lensi_pins_end(&pins);
    if (result != thrd_success)
        give_start(start);
    return result;
}
