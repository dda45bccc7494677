/* use_lines.c - blocks into lines; see use_lines.h. */
#include "analysis/report/use_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LATE_NS 50000000u /* a touch may be noted a little after the block it belongs to has ended, or before it was told */

/*
 * Of a block that grows quickly, the trace leaves out what lived less than a tick. So a realloc'ed block at an address
 * goes on with the one that was there before, and begins when that ended.
 */
struct watched {
    uint64_t address, birth_ns;
    uint32_t number, before; /* the block that it goes on with, or 0 */
};

static int by_address(const void *a, const void *b)
{
    const struct watched *x = a, *y = b;

    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    if (x->birth_ns != y->birth_ns)
        return x->birth_ns < y->birth_ns ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

static int by_birth(const void *a, const void *b)
{
    const struct watched *x = a, *y = b;

    if (x->birth_ns != y->birth_ns)
        return x->birth_ns < y->birth_ns ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

static bool is_watched(const struct profile *profile, const struct profile_block *block)
{
    return block->bytes && block->address >= profile->usage->start_address &&
           block->address - profile->usage->start_address < (uint64_t)1 << 44; /* the engine's range is smaller */
}

static bool is_grown(const struct profile *profile, const struct profile_block *block)
{
    return block->site < profile->sites_count && profile->sites[block->site].kind == LENSI_SITE_REALLOC;
}

/* Blocks in order of address. */
static void find_what_went_before(const struct profile *profile, struct watched *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct profile_block *block = &profile->blocks[blocks[i].number];
        bool same = i && blocks[i - 1].address == blocks[i].address;

        if (!is_grown(profile, block))
            continue;
        blocks[i].before = same ? blocks[i - 1].number : 0;
        blocks[i].birth_ns = same ? profile->blocks[blocks[i - 1].number].death_ns : 0;
    }
}

/* In order of birth: what a block goes on with has its line already. */
static void join(struct use *use, struct use_lines *lines, const struct watched *watched)
{
    const struct profile_block *block = &lines->profile->blocks[watched->number];
    uint32_t line = block->previous < lines->profile->blocks_count ? lines->line_of[block->previous] : 0;
    struct use_line *to;

    if (!line)
        line = lines->line_of[watched->before];
    if (!line) {
        line = (uint32_t)use->lines_count++;
        use->lines[line] = (struct use_line){.birth_ns = watched->birth_ns};
    }
    to = &use->lines[line];
    to->site = block->site;
    to->block = watched->number;
    to->bytes = block->bytes > to->bytes ? block->bytes : to->bytes;
    to->death_ns = block->death_ns == PROFILE_ALIVE ? use->duration_ns : block->death_ns;
    lines->line_of[watched->number] = line;
}

int use_lines_make(const struct profile *profile, struct use *use, struct use_lines *lines)
{
    struct watched *watched = calloc(profile->blocks_count, sizeof *watched);
    int result = -ENOMEM;

    *lines = (struct use_lines){.profile = profile};
    lines->by_birth = calloc(profile->blocks_count, sizeof *lines->by_birth);
    lines->birth_ns = calloc(profile->blocks_count, sizeof *lines->birth_ns);
    lines->alive = calloc(profile->blocks_count, sizeof *lines->alive);
    lines->line_of = calloc(profile->blocks_count, sizeof *lines->line_of);
    use->lines = calloc(profile->blocks_count + 1, sizeof *use->lines);
    if (!watched || !lines->by_birth || !lines->birth_ns || !lines->alive || !lines->line_of || !use->lines)
        goto out;
    for (uint32_t i = 1; i < profile->blocks_count; i++)
        if (is_watched(profile, &profile->blocks[i]))
            watched[lines->blocks_count++] = (struct watched){profile->blocks[i].address, profile->blocks[i].birth_ns, i, 0};
    qsort(watched, lines->blocks_count, sizeof *watched, by_address);
    find_what_went_before(profile, watched, lines->blocks_count);
    qsort(watched, lines->blocks_count, sizeof *watched, by_birth);
    use->lines_count = 1;
    for (size_t i = 0; i < lines->blocks_count; i++) {
        join(use, lines, &watched[i]);
        lines->by_birth[i] = watched[i].number;
        lines->birth_ns[i] = watched[i].birth_ns;
    }
    result = 0;
out:
    free(watched);
    return result;
}

/* How many of the living begin at or below the address. */
static size_t rank(const struct use_lines *lines, uint64_t address)
{
    size_t low = 0, high = lines->alive_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (lines->profile->blocks[lines->alive[middle]].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A new block takes the place of those whose addresses it has. */
static void bear(struct use_lines *lines, uint32_t number)
{
    const struct profile_block *blocks = lines->profile->blocks, *block = &blocks[number];
    size_t at = rank(lines, block->address), end;

    if (at && blocks[lines->alive[at - 1]].address + blocks[lines->alive[at - 1]].bytes > block->address)
        at--;
    for (end = at; end < lines->alive_count && blocks[lines->alive[end]].address < block->address + block->bytes; end++)
        ;
    memmove(lines->alive + at + 1, lines->alive + end, (lines->alive_count - end) * sizeof *lines->alive);
    lines->alive[at] = number;
    lines->alive_count -= end - at;
    lines->alive_count++;
}

uint32_t use_lines_find(struct use_lines *lines, uint64_t address, uint64_t time_ns)
{
    const struct profile_block *blocks = lines->profile->blocks, *block;
    size_t at;

    for (; lines->born < lines->blocks_count && lines->birth_ns[lines->born] <= time_ns; lines->born++)
        bear(lines, lines->by_birth[lines->born]);
    at = rank(lines, address);
    if (!at)
        return 0;
    block = &blocks[lines->alive[at - 1]];
    if (address - block->address >= ((block->bytes + 4095) & ~(uint64_t)4095) || (block->death_ns != PROFILE_ALIVE && time_ns > block->death_ns + LATE_NS))
        return 0;
    return lines->line_of[lines->alive[at - 1]];
}

void use_lines_free(struct use_lines *lines)
{
    free(lines->by_birth);
    free(lines->birth_ns);
    free(lines->alive);
    free(lines->line_of);
}
