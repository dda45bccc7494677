/* profile_usage.c - the records of the use of memory; see profile_usage.h. */
#include "analysis/trace/profile_usage.h"

#include "analysis/trace/profile_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void profile_usage_free(struct profile_usage *usage)
{
    if (!usage)
        return;
    free(usage->touches);
    free(usage);
}

static int start_usage(struct profile_usage *usage, struct record *record)
{
    usage->start_address = record_number(record);
    usage->page_bytes = record_number(record);
    usage->least_bytes = record_number(record);
    return record->is_short || usage->page_bytes < 512 || usage->page_bytes & (usage->page_bytes - 1) ? -EBADMSG : 0;
}

static int add_touch(struct build *build, const struct profile_touch *touch)
{
    struct profile_usage *usage = build->profile->usage;
    size_t at = usage->touches_count;
    void *touches = build_element(usage->touches, &usage->touches_count, &build->touches_room, at, sizeof *touch);

    if (!touches)
        return -ENOMEM;
    usage->touches = touches;
    usage->touches[at] = *touch;
    return 0;
}

static int build_touches(struct build *build, struct record *record)
{
    int64_t time_ns = 0, page = 0;
    int result = 0;

    while (result == 0 && !record_is_at_end(record)) {
        uint64_t kind = record_number(record);

        time_ns += record_signed(record);
        page += record_signed(record);
        if (record->is_short || time_ns < 0 || page < 0 || page > UINT32_MAX)
            return -EBADMSG;
        if (kind <= LENSI_TOUCH_AWAY) /* others are of a later lens */
            result = add_touch(build, &(struct profile_touch){(uint64_t)time_ns, (uint32_t)page, (enum lensi_touch_kind)kind});
    }
    return result;
}

int build_usage(struct build *build, struct record *record)
{
    struct profile *profile = build->profile;

    if (!profile->usage && record->kind != LENSI_RECORD_USE)
        return -EBADMSG;
    if (!profile->usage && !(profile->usage = calloc(1, sizeof *profile->usage)))
        return -ENOMEM;
    if (record->kind == LENSI_RECORD_USE)
        return start_usage(profile->usage, record);
    if (record->kind == LENSI_RECORD_TOUCHES)
        return build_touches(build, record);
    profile->usage->lost = record_number(record);
    return 0;
}

/* ---- order */

struct placed {
    struct profile_touch touch;
    size_t place;
};

static int by_time(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;

    if (x->touch.time_ns != y->touch.time_ns)
        return x->touch.time_ns < y->touch.time_ns ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

int profile_usage_sort(struct profile_usage *usage)
{
    struct placed *placed;
    bool is_sorted = true;

    for (size_t i = 1; i < usage->touches_count && is_sorted; i++)
        is_sorted = usage->touches[i - 1].time_ns <= usage->touches[i].time_ns;
    if (is_sorted)
        return 0;
    placed = calloc(usage->touches_count, sizeof *placed);
    if (!placed)
        return -ENOMEM;
    for (size_t i = 0; i < usage->touches_count; i++)
        placed[i] = (struct placed){usage->touches[i], i};
    qsort(placed, usage->touches_count, sizeof *placed, by_time);
    for (size_t i = 0; i < usage->touches_count; i++)
        usage->touches[i] = placed[i].touch;
    free(placed);
    return 0;
}
