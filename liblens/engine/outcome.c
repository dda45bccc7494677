/* outcome.c - see outcome.h. */
#include "liblens/engine/outcome.h"

#include "liblens/base/hooks.h"
#include "liblens/base/log.h"
#include "liblens/base/stats.h"
#include "liblens/engine/engine.h"
#include "liblens/engine/slowdown.h"
#include "liblens/engine/trust.h"
#include "liblens/memory/budget.h"

#include <string.h>

enum reason { UNCOVERED, REFUTED, UNTRIED, LEFT_ALONE };

/* The first of each kind, for the line at the end. */
static struct {
    uint32_t refuted_site, uncovered_site;
    bool is_refuted, is_uncovered;
    uint64_t refuted_at;
    char refuted_file[200], left_why[200];
} first;

static const char *site_name(uint32_t site)
{
    const struct lensi_plan *plan = lensi_plan_in_force();

    return plan && site < plan->sites_count ? plan->sites[site].name : "lens_open";
}

void lensi_outcome_refuted(const struct lensi_region *region, const struct lensi_segment *s, uint64_t at)
{
    if (first.is_refuted || region->library || !s->backing)
        return;
    first.is_refuted = true;
    first.refuted_site = region->site;
    first.refuted_at = at;
    lensi_format(first.refuted_file, sizeof first.refuted_file, "%s", s->backing->path);
}

static void note_why(const char *what, const char *why)
{
    if (!*first.left_why)
        lensi_format(first.left_why, sizeof first.left_why, "%s%s%s", what, *what ? ": " : "", why);
}

/* Nothing may be proven with it; notes why. */
static bool is_barred(const struct lensi_segment *s)
{
    if (s->backing && lensi_trust_refused(s->backing))
        note_why(s->backing->path, "others may write it, and there is no copy of it");
    else if (s->failed)
        note_why(s->backing ? s->backing->path : "", "its lens cannot read it, or it was changed");
    else
        return false;
    return true;
}

static enum reason reason_of(const struct lensi_region *r)
{
    bool any = false, tried = false, only_zeros = true;

    if (lensi_retired || lensi_slowdown_gives_all_back()) {
        note_why("", lensi_retired ? "the program cannot live with absent memory" : "the slowdown limit");
        return LEFT_ALONE;
    }
    for (uint32_t i = 0; i < r->segments_count; i++) {
        const struct lensi_segment *s = &r->segments[i];
        only_zeros &= s->zeros;
        if (s->zeros || is_barred(s))
            continue;
        any = true;
        tried |= s->proven || s->refuted;
    }
    return only_zeros ? UNCOVERED : !any ? LEFT_ALONE : tried ? REFUTED : UNTRIED;
}

static void count(const struct lensi_region *r, uint64_t pages)
{
    enum reason reason;

    if (!pages || r->library)
        return;
    reason = reason_of(r);
    if (reason == UNCOVERED) {
        if (!first.is_uncovered)
            first.uncovered_site = r->site;
        first.is_uncovered = true;
        lensi_count(uncovered_bytes, pages << LENSI_PAGE_SHIFT);
    } else if (reason == REFUTED) {
        lensi_count(refuted_bytes, pages << LENSI_PAGE_SHIFT);
    } else if (reason == UNTRIED) {
        lensi_count(untried_bytes, pages << LENSI_PAGE_SHIFT);
    } else {
        lensi_count(left_alone_bytes, pages << LENSI_PAGE_SHIFT);
    }
}

void lensi_outcome_of_block(const struct lensi_region *r)
{
    int64_t plain = atomic_load(&r->plain_pages);

    if (plain > 0 && lensi_budget_over())
        count(r, (uint64_t)plain);
}

/*
 * Ordinary pages of a block that is alive: those that are there, and those of them that differed when they were last
 * compared.
 */
static uint64_t count_plain(const struct lensi_region *r, uint64_t *refuted)
{
    uint64_t first_page = lensi_region_first_page(r), end = first_page + lensi_region_pages(r), plain = 0;
    uint8_t resident[512];

    for (uint64_t from = first_page; from < end; from += sizeof resident) {
        uint64_t pages = end - from < sizeof resident ? end - from : sizeof resident;
        if (lensi_sys_resident(lensi_page_address(from), pages << LENSI_PAGE_SHIFT, resident) < 0)
            break;
        for (uint64_t i = 0; i < pages; i++) {
            bool is_plain = resident[i] & 1 && lensi_page_state(from + i) == LENSI_PLAIN;
            const struct lensi_chunk *chunk = lensi_chunk_of(from + i);
            plain += is_plain;
            *refuted += is_plain && chunk->attempts && chunk->flags & LENSI_CHUNK_SEEN;
        }
    }
    return plain;
}

void lensi_outcome_count(void)
{
    bool within = lensi_counted(touched_bytes_peak) <= lensi_budget_pages() << LENSI_PAGE_SHIFT;
    uint64_t refuted = 0, plain;

    for (uint32_t i = 0; i < lensi_regions_high(); i++) {
        const struct lensi_region *r = lensi_region_at(i);
        if (atomic_load(&r->life) != LENSI_REGION_LIVE || r->library)
            continue;
        plain = count_plain(r, &refuted);
        if (!within)
            count(r, plain);
    }
    atomic_store(&lensi_gauges.stats.refuted_pages, refuted);
}

/* ---- what is said */

static const char *seconds(char to[24], uint64_t ns)
{
    lensi_format(to, 24, "%llu.%llu s", (unsigned long long)(ns / 1000000000u), (unsigned long long)(ns / 100000000u % 10));
    return to;
}

/* "; SIZE WHAT" behind what is in text already. */
static void add(char *text, size_t room, uint64_t bytes, const char *what)
{
    size_t length = strlen(text);
    char size[24];

    if (bytes)
        lensi_format(text + length, room - length, "; %s %s", lensi_format_bytes(size, bytes), what);
}

/* Why memory stayed ordinary, as far as it did. */
static void add_reasons(char *text, size_t room)
{
    char what[320];

    if (first.is_refuted)
        lensi_format(what, sizeof what, "refuted (site \"%s\" differs from %s at byte %llu of its block)", site_name(first.refuted_site),
                     first.refuted_file, (unsigned long long)first.refuted_at);
    else
        lensi_format(what, sizeof what, "refuted");
    add(text, room, lensi_counted(refuted_bytes), what);
    lensi_format(what, sizeof what, "not covered (site \"%s\": none of its files was opened, or read into it)", site_name(first.uncovered_site));
    add(text, room, lensi_counted(uncovered_bytes), what);
    add(text, room, lensi_counted(untried_bytes), "not tried yet");
    lensi_format(what, sizeof what, "left alone (%s)", first.left_why);
    add(text, room, lensi_counted(left_alone_bytes), what);
}

static void say_nothing_given_back(uint64_t touched)
{
    uint64_t budget = lensi_stats_facts.budget_bytes;
    char of[24], limit[24], reasons[1024] = "";

    add_reasons(reasons, sizeof reasons);
    if (!*reasons && touched <= budget)
        lensi_say("nothing had to be given back: %s virtualised, within the budget of %s", lensi_format_bytes(of, touched),
                  lensi_format_bytes(limit, budget));
    else
        lensi_say("nothing was given back: %s virtualised, with a budget of %s%s", lensi_format_bytes(of, touched),
                  lensi_format_bytes(limit, budget), *reasons ? reasons : "; it was freed before a proof could be tried");
}

void lensi_outcome_say(void)
{
    char saved[24], mapped[24], of[24], fault_time[24], prove_time[24], reasons[1024] = "";
    uint64_t peak = lensi_counted(absent_pages_peak) << LENSI_PAGE_SHIFT, touched = lensi_counted(touched_bytes_peak);
    bool is_mapped = lensi_counted(mapped_pages) > 0;

    if (!lensi_counted(blocks) || lensi_hooks.sampling)
        return;
    touched = touched < peak ? peak : touched;
    if (!lensi_counted(proven_pages) && !lensi_counted(lazy_pages)) {
        say_nothing_given_back(touched);
        return;
    }
    add_reasons(reasons, sizeof reasons);
    lensi_say("saved %s of %s virtualised (%llu %%)%s%s%s%s; %llu faults in %s, proofs %s; %s, store %s",
              lensi_format_bytes(saved, peak), lensi_format_bytes(of, touched), (unsigned long long)(touched ? peak * 100 / touched : 0),
              is_mapped ? ", " : "", is_mapped ? lensi_format_bytes(mapped, lensi_counted(mapped_pages) << LENSI_PAGE_SHIFT) : "",
              is_mapped ? " of it mapped from files" : "", reasons, (unsigned long long)lensi_counted(faults),
              seconds(fault_time, lensi_counted(fault_ns)), seconds(prove_time, lensi_counted(prove_ns)), lensi_stats_facts.rung,
              lensi_stats_facts.store);
}
