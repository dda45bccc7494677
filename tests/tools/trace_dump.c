/*
 * trace_dump.c - a trace as plain lines, for tests: numbers as profile.h has them, no choice and no rounding.
 *
 *   trace_dump TRACE [SORT]     SORT: peak (at the process's peak; default), bytes, live
 *
 *   meta KEY VALUE
 *   site NUMBER KIND allocations N frees N bytes N freed N live N N peak N at_peak N N samples N error E E path FUNCTION<FUNCTION...
 */
#include "analysis/names/symboliser.h"
#include "analysis/trace/profile.h"
#include "analysis/trace/strings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct profile *p;
static const char *sort = "peak";

static uint64_t key_of(uint32_t site)
{
    const struct profile_site *s = &p->sites[site];

    return strcmp(sort, "bytes") == 0 ? s->bytes : strcmp(sort, "live") == 0 ? s->live_bytes : s->at_peak_bytes;
}

static int by_key(const void *a, const void *b)
{
    uint64_t x = key_of(*(const uint32_t *)a), y = key_of(*(const uint32_t *)b);

    return x < y ? 1 : x > y ? -1 : (int)*(const uint32_t *)a - (int)*(const uint32_t *)b;
}

static void print_path(struct symboliser *symboliser, const size_t *numbers, uint32_t node)
{
    printf(" path ");
    for (unsigned depth = 0; node && depth < 40; node = p->nodes[node].parent, depth++) {
        const struct symbols *symbols =
            symboliser_find(symboliser, numbers[p->nodes[node].module], p->nodes[node].address, true);

        for (size_t i = 0; symbols && i < symbols->count; i++)
            printf("%s%s", depth + i ? "<" : "", symbols->list[i].name);
    }
}

static void print_site(struct symboliser *symboliser, const size_t *numbers, uint32_t number)
{
    const struct profile_site *s = &p->sites[number];

    printf("site %u %s allocations %" PRIu64 " frees %" PRIu64 " bytes %" PRIu64 " freed %" PRIu64, number,
           profile_kind_name(s->kind), s->allocations, s->frees, s->bytes, s->freed_bytes);
    printf(" live %" PRIu64 " %" PRIu64 " peak %" PRIu64 " at_peak %" PRIu64 " %" PRIu64 " samples %" PRIu64, s->live_bytes,
           s->live_count, s->peak_bytes, s->at_peak_bytes, s->at_peak_count, s->samples);
    printf(" error %.0f %.0f byte_seconds %.3f", s->bytes_error, s->at_peak_error, s->byte_seconds);
    print_path(symboliser, numbers, s->node);
    printf("\n");
}

static void print_sites(void)
{
    struct strings *strings = strings_new();
    struct symboliser *symboliser = symboliser_new(strings, NULL);
    uint32_t *order = calloc(p->sites_count, sizeof *order);
    size_t *numbers = calloc(p->modules_count, sizeof *numbers);

    for (size_t i = 0; i < p->modules_count; i++)
        numbers[i] = symboliser_module(symboliser, p->modules[i].path, p->modules[i].build_id, p->modules[i].build_id_bytes);
    for (uint32_t i = 0; i < p->sites_count; i++)
        order[i] = i;
    qsort(order, p->sites_count, sizeof *order, by_key);
    for (size_t i = 0; i < p->sites_count; i++)
        if (order[i])
            print_site(symboliser, numbers, order[i]);
    free(numbers);
    free(order);
    symboliser_free(symboliser);
    strings_free(strings);
}

static void print_meta(void)
{
    const struct profile_meta *m = &p->meta;
    uint64_t allocations = 0, frees = 0, bytes = 0, live = 0;

    for (size_t i = 1; i < p->sites_count; i++) {
        bool heap = p->sites[i].kind != LENSI_SITE_MAP && p->sites[i].kind != LENSI_SITE_MAP_FILE;

        allocations += heap ? p->sites[i].allocations : 0;
        frees += heap ? p->sites[i].frees : 0;
        bytes += heap ? p->sites[i].bytes : 0;
        live += heap ? p->sites[i].live_bytes : 0;
    }
    printf("meta program %s\nmeta argc %zu\nmeta pid %u\nmeta ppid %u\nmeta forked %d\nmeta full %d\nmeta end %d %d\nmeta cut %d\n",
           m->program, m->argc, m->pid, m->ppid, m->forked, m->full, (int)m->end, m->end_status, m->cut);
    printf("meta duration_ns %" PRIu64 " waited %" PRIu64 "\nmeta peak %" PRIu64 " at %" PRIu64 "\nmeta lost_blocks %" PRIu64 "\nmeta unknown %" PRIu64 "\n",
           m->duration_ns, m->waited_ns, p->peak_bytes, p->peak_ns, m->lost_blocks, m->unknown_records);
    printf("meta sites %zu\nmeta nodes %zu\nmeta moments %zu\nmeta blocks %zu\n", p->sites_count - 1, p->nodes_count - 1,
           p->moments_count, p->blocks_count - 1);
    printf("total allocations %" PRIu64 " frees %" PRIu64 " bytes %" PRIu64 " live %" PRIu64 "\n", allocations, frees, bytes, live);
}

static void print_lists(void)
{
    for (size_t i = 1; i < p->blocks_count; i++)
        if (p->blocks[i].bytes)
            printf("block %zu address %" PRIx64 " bytes %" PRIu64 " birth %" PRIu64 " death %" PRId64 " site %u previous %u\n", i,
                   p->blocks[i].address, p->blocks[i].bytes, p->blocks[i].birth_ns, (int64_t)p->blocks[i].death_ns,
                   p->blocks[i].site, p->blocks[i].previous);
    for (size_t i = 1; i < p->files_count; i++)
        printf("file %zu bytes %" PRIu64 " path %s\n", i, p->files[i].bytes, p->files[i].path);
    for (size_t i = 0; i < p->inputs_count; i++)
        printf("input %zu file %u offset %" PRIu64 " bytes %" PRIu64 " block %u block_offset %" PRIu64 " calls %" PRIu64 " mapped %d\n",
               i + 1, p->inputs[i].file, p->inputs[i].file_offset, p->inputs[i].bytes, p->inputs[i].block,
               p->inputs[i].block_offset, p->inputs[i].calls, p->inputs[i].mapped);
    for (size_t i = 0; i < p->writers_count; i++)
        printf("writer site %u node %u samples %" PRIu64 " pages %" PRIu64 "\n", p->writers[i].site, p->writers[i].node,
               p->writers[i].samples, p->writers[i].pages);
}

int main(int argc, char **argv)
{
    struct lens_error error;
    struct profile *profile;

    if (argc > 2)
        sort = argv[2];
    if (argc < 2 || profile_read(argv[1], NULL, NULL, &profile, &error) < 0) {
        fprintf(stderr, "%s\n", argc < 2 ? "trace_dump TRACE [SORT]" : error.text);
        return 2;
    }
    p = profile;
    print_meta();
    print_sites();
    print_lists();
    profile_close(profile);
    return 0;
}
