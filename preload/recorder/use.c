/* record_use.c - empties the ring of touches into the trace; see record_use.h. */
#include "preload/recorder/use.h"

#include "liblens/base/hooks.h"
#include "liblens/engine/engine.h"
#include "liblens/watch/sampler.h"
#include "liblens/watch/touches.h"
#include "preload/recorder/clock.h"
#include "preload/recorder/use_malloc.h"
#include "preload/recorder/wait.h"

#define TOUCH_BYTES_MAX 32u

static bool is_told;
static uint64_t told_lost;

static void tell_start(struct lensi_trace_writer *writer)
{
    if (is_told)
        return;
    is_told = true;
    lensi_trace_begin(writer, LENSI_RECORD_USE);
    lensi_trace_put(writer, lensi_range.start);
    lensi_trace_put(writer, LENSI_PAGE);
    lensi_trace_put(writer, LENSI_USE_BYTES);
    lensi_trace_end(writer);
}

/* As many as one record holds. False if there was none. */
static bool tell_some(struct lensi_trace_writer *writer, int64_t start_ns)
{
    int64_t time_ns = 0, page = 0;
    struct lensi_touch touch;
    bool any = false;

    while ((!any || lensi_trace_room(writer) > TOUCH_BYTES_MAX) && lensi_touch_take(&touch)) {
        int64_t now = (int64_t)touch.time_ns - start_ns;
        if (!any)
            lensi_trace_begin(writer, LENSI_RECORD_TOUCHES);
        any = true;
        if (now < 0)
            now = 0;
        lensi_trace_put(writer, touch.kind);
        lensi_trace_put_signed(writer, now - time_ns);
        lensi_trace_put_signed(writer, (int64_t)touch.page - page);
        time_ns = now;
        page = touch.page;
    }
    if (any)
        lensi_trace_end(writer);
    return any;
}

void lensi_tell_use(struct lensi_trace_writer *writer, uint64_t origin_ns)
{
    if (!lensi_hooks.sampling)
        return;
    tell_start(writer);
    lensi_wait_look(lensi_record_ns());
    while (tell_some(writer, (int64_t)(lensi_record_clock.start_ns + origin_ns)))
        ;
    if (lensi_touches_lost() == told_lost)
        return;
    told_lost = lensi_touches_lost();
    lensi_trace_begin(writer, LENSI_RECORD_USE_LOST);
    lensi_trace_put(writer, told_lost);
    lensi_trace_end(writer);
}

void lensi_tell_use_forget(void)
{
    is_told = false;
    told_lost = 0;
    lensi_wait_after_fork(lensi_record_ns());
}
