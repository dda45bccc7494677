/*
 * notify.c - functions of the program's that libc runs in threads of its own: timers, message queues, lookups of names.
 *
 * Such threads are made inside libc, with every signal blocked, and a timer's function is called so. It is reached by
 * way of ours, which lets the fault signals through first and remembers them as blocked. libc opens the mask itself for
 * the others; what its threads read and write before that is made ordinary memory for good.
 */
#undef _FORTIFY_SOURCE
#include "liblens/base/arena.h"
#include "preload/io.h"
#include "preload/masks.h"
#include "preload/threads.h"

#include <aio.h>
#include <mqueue.h>
#include <netdb.h>
#include <stdatomic.h>
#include <time.h>

LENSI_EXPORT int aio_fsync64(int how, struct aiocb64 *io);

/*
 * What a timer of the program's calls, and with what. A pair is kept for good, and shared by all timers that have it.
 */
struct notice {
    struct notice *next;
    void (*run)(union sigval value);
    union sigval value;
};

enum { NOTICE_LISTS = 1024 };
static struct notice *_Atomic notices[NOTICE_LISTS];

static struct notice *notice_of(void (*run)(union sigval value), union sigval value)
{
    uintptr_t mixed = ((uintptr_t)run ^ (uintptr_t)value.sival_ptr) * 0x9e3779b97f4a7c15u;
    struct notice *_Atomic *list = &notices[mixed >> 54], *first = atomic_load(list), *notice;

    for (notice = first; notice; notice = notice->next)
        if (notice->run == run && notice->value.sival_ptr == value.sival_ptr)
            return notice;
    notice = lensi_arena_new(sizeof *notice);
    if (!notice)
        return NULL;
    *notice = (struct notice){first, run, value};
    while (!atomic_compare_exchange_weak(list, &notice->next, notice))
        ;
    return notice;
}

static void notify(union sigval value)
{
    const struct notice *notice = value.sival_ptr;

    lensi_mask_begin();
    lensi_thread_begins();
    pthread_cleanup_push(lensi_thread_ends, NULL);
    notice->run(notice->value);
    pthread_cleanup_pop(1);
}

LENSI_EXPORT int timer_create(clockid_t clock, struct sigevent *restrict event, timer_t *restrict to)
{
    struct sigevent ours;
    struct notice *notice;
    struct lensi_pins pins;
    int result;

    pins.count = 0;
    OUT_ONE(to)
    IN_ONE(event)
    if (lensi_fault_signals() && event && lensi_is_program_readable(event, sizeof event->sigev_value + 2 * sizeof(int)) &&
        event->sigev_notify == SIGEV_THREAD) {
        notice = notice_of(event->sigev_notify_function, event->sigev_value);
        ours = *event;
        ours.sigev_notify_function = notice ? notify : ours.sigev_notify_function;
        ours.sigev_value.sival_ptr = notice ? notice : ours.sigev_value.sival_ptr;
        event = &ours;
    }
    result = LENSI_NEXT(timer_create)(clock, event, to);
    lensi_pins_end(&pins);
    return result;
}

LENSI_EXPORT int mq_notify(mqd_t queue, const struct sigevent *event)
{
    struct lensi_pins pins;
    int result;

    pins.count = 0;
    IN_ONE(event)
    result = LENSI_NEXT(mq_notify)(queue, event);
    lensi_pins_end(&pins);
    return result;
}

/* ---- requests that libc's threads work on whenever they come to it */

static void keep_attributes(const struct sigevent *event)
{
    if (event && event->sigev_notify == SIGEV_THREAD && event->sigev_notify_attributes)
        lensi_pin_forever(event->sigev_notify_attributes, sizeof *event->sigev_notify_attributes);
}

static void keep_text(const char *text)
{
    if (text && lensi_is_ours(text))
        lensi_pin_forever(text, strlen(text) + 1);
}

LENSI_EXPORT int getaddrinfo_a(int mode, struct gaicb *list[restrict], int count, struct sigevent *restrict event)
{
    for (int i = 0; lensi_range.bytes && i < count; i++) {
        if (!list[i])
            continue;
        lensi_pin_forever(list[i], sizeof *list[i]);
        keep_text(list[i]->ar_name);
        keep_text(list[i]->ar_service);
        lensi_pin_forever(list[i]->ar_request, list[i]->ar_request ? sizeof *list[i]->ar_request : 0);
    }
    if (lensi_range.bytes)
        keep_attributes(event);
    return LENSI_NEXT(getaddrinfo_a)(mode, list, count, event);
}

LENSI_EXPORT int aio_fsync(int how, struct aiocb *io)
{
    lensi_pin_forever(io, sizeof *io);
    return LENSI_NEXT(aio_fsync)(how, io);
}

LENSI_EXPORT int aio_fsync64(int how, struct aiocb64 *io)
{
    lensi_pin_forever(io, sizeof *io);
    return LENSI_NEXT(aio_fsync64)(how, io);
}
