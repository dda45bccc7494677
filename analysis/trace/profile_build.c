/* profile_build.c - records into the arrays of a profile; see profile_build.h. */
#include "analysis/trace/profile_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MAX 4096u
#define SCALE_MAX (1u << 20)
#define RECENT_WRITERS (1u << 15)
/* Blocks, files and inputs carry their number; a number far beyond what came is no number. */
#define NUMBERS_AHEAD 131072u

void *build_element(void *array, size_t *count, size_t *room, size_t at, size_t element_bytes)
{
    if (at >= *room) {
        size_t wanted = at + at / 2 + 16;
        void *fresh = realloc(array, wanted * element_bytes);

        if (!fresh)
            return NULL;
        array = fresh;
        *room = wanted;
    }
    if (at >= *count) {
        memset((char *)array + *count * element_bytes, 0, (at + 1 - *count) * element_bytes);
        *count = at + 1;
    }
    return array;
}

/* Makes element `at` of one of the profile's arrays be there; the array stays whole if there is no memory. */
#define ELEMENT(name, at) \
    ({ \
        void *array_ = build_element(p->name, &p->name##_count, &build->name##_room, (at), sizeof *p->name); \
        if (array_) \
            p->name = array_; \
        array_ != NULL; \
    })

/* ---- one kind of record each */

static char **read_arguments(struct record *record, size_t *count)
{
    uint64_t told = record_number(record);
    char **list;

    *count = 0;
    if (told > ARGUMENTS_MAX)
        return NULL;
    list = calloc(told + 1, sizeof *list);
    while (list && *count < told && (list[*count] = record_text(record)) != NULL)
        ++*count;
    return list;
}

static int build_start(struct build *build, struct record *record)
{
    struct profile_meta *meta = &build->profile->meta;
    uint64_t flags = record_number(record), scale;

    if (build->started)
        return -EBADMSG;
    meta->full = flags & 1;
    meta->forked = flags & 2;
    meta->sample_bytes = record_number(record);
    scale = record_number(record);
    meta->pid = (uint32_t)record_number(record);
    meta->ppid = (uint32_t)record_number(record);
    meta->start_wall_ns = record_number(record);
    meta->page_bytes = (uint32_t)record_number(record);
    meta->cpus = (uint32_t)record_number(record);
    meta->memory_bytes = record_number(record);
    meta->machine = record_text(record);
    meta->kernel = record_text(record);
    meta->program = record_text(record);
    meta->argv = read_arguments(record, &meta->argc);
    build->started = true;
    if (record->is_short || !scale || scale > SCALE_MAX)
        return -EBADMSG;
    build->scale = scale;
    return 0;
}

static int build_module(struct build *build, struct record *record)
{
    struct profile *p = build->profile;
    struct profile_module *module;
    const uint8_t *id;

    if (!ELEMENT(modules, p->modules_count))
        return -ENOMEM;
    module = &p->modules[p->modules_count - 1];
    module->start = record_number(record);
    module->end = record_number(record);
    module->bias = record_number(record);
    module->path = record_text(record);
    module->build_id_bytes = record_bytes(record, &id);
    if (module->build_id_bytes > sizeof module->build_id)
        module->build_id_bytes = sizeof module->build_id;
    memcpy(module->build_id, id, module->build_id_bytes);
    return record->is_short ? -EBADMSG : 0;
}

/* A parent, like all that is referred to, comes before: so there are no circles. */
static int build_node(struct build *build, struct record *record)
{
    struct profile *p = build->profile;
    struct profile_node node = {0};
    uint64_t parent = record_number(record), module = record_number(record);

    node.address = record_number(record);
    node.flags = (uint32_t)record_number(record);
    if (record->is_short || parent >= p->nodes_count || module >= p->modules_count || p->nodes_count >= UINT32_MAX)
        return -EBADMSG;
    node.parent = (uint32_t)parent;
    node.module = (uint32_t)module;
    if (!ELEMENT(nodes, p->nodes_count))
        return -ENOMEM;
    p->nodes[p->nodes_count - 1] = node;
    return 0;
}

static int build_site(struct build *build, struct record *record)
{
    struct profile *p = build->profile;
    uint64_t node = record_number(record), kind = record_number(record);
    size_t count = p->sites_count;
    void *array;

    if (record->is_short || node >= p->nodes_count || p->sites_count >= UINT32_MAX)
        return -EBADMSG;
    if (!ELEMENT(sites, p->sites_count))
        return -ENOMEM;
    array = build_element(build->sites, &count, &build->build_sites_room, count, sizeof *build->sites);
    if (!array)
        return -ENOMEM;
    build->sites = array;
    p->sites[p->sites_count - 1].node = (uint32_t)node;
    p->sites[p->sites_count - 1].kind = (enum lensi_site_kind)kind;
    return 0;
}

static int build_block(struct build *build, struct record *record)
{
    struct profile *p = build->profile;
    struct profile_block block = {.death_ns = PROFILE_ALIVE};
    uint64_t number = record_number(record), site, previous;

    block.address = record_number(record);
    block.bytes = record_number(record);
    block.birth_ns = record_number(record);
    site = record_number(record);
    previous = record_number(record);
    if (record->is_short || number == 0 || number > p->blocks_count + NUMBERS_AHEAD || site > p->sites_count + NUMBERS_AHEAD)
        return -EBADMSG;
    if (!ELEMENT(blocks, number))
        return -ENOMEM;
    block.site = (uint32_t)site;
    block.previous = previous < UINT32_MAX ? (uint32_t)previous : 0;
    p->blocks[number] = block;
    return 0;
}

static int build_block_end(struct build *build, struct record *record)
{
    struct profile *p = build->profile;
    uint64_t number = record_number(record), death = record_number(record);

    if (record->is_short || number == 0 || number >= p->blocks_count)
        return -EBADMSG;
    p->blocks[number].death_ns = death;
    return 0;
}

static int build_file(struct build *build, struct record *record)
{
    struct profile *p = build->profile;
    uint64_t number = record_number(record);
    struct profile_file *file;

    if (record->is_short || number == 0 || number > p->files_count + NUMBERS_AHEAD)
        return -EBADMSG;
    if (!ELEMENT(files, number))
        return -ENOMEM;
    file = &p->files[number];
    file->device = record_number(record);
    file->inode = record_number(record);
    file->bytes = record_number(record);
    file->mtime_ns = record_signed(record);
    free(file->path);
    file->path = record_text(record);
    return record->is_short ? -EBADMSG : 0;
}

static int build_input(struct build *build, struct record *record)
{
    struct profile *p = build->profile;
    struct profile_input input;
    uint64_t number = record_number(record), file = record_number(record), flags = record_number(record),
             block = record_number(record), node = record_number(record);

    input.file_offset = record_number(record);
    input.bytes = record_number(record);
    input.block_offset = record_number(record);
    input.calls = record_number(record);
    input.first_ns = record_number(record);
    input.last_ns = record_number(record);
    if (record->is_short || number == 0 || number > p->inputs_count + NUMBERS_AHEAD || file >= p->files_count ||
        node >= p->nodes_count)
        return -EBADMSG;
    input.file = (uint32_t)file;
    input.mapped = flags & 1;
    input.block = block < UINT32_MAX ? (uint32_t)block : 0; /* perhaps told later */
    input.node = (uint32_t)node;
    if (!ELEMENT(inputs, number - 1))
        return -ENOMEM;
    p->inputs[number - 1] = input;
    return 0;
}

static int build_writer(struct build *build, struct record *record)
{
    struct profile *p = build->profile;
    uint64_t site = record_number(record), node = record_number(record), samples = record_number(record);
    uint64_t pages = record_is_at_end(record) ? samples : record_number(record);

    if (record->is_short || site >= p->sites_count || node >= p->nodes_count)
        return -EBADMSG;
    p->is_fill_watched = true;
    if (!samples)
        return 0;
    if (!build->recent_writers)
        build->recent_writers = calloc(RECENT_WRITERS, sizeof *build->recent_writers);
    if (!build->recent_writers)
        return -ENOMEM;
    uint32_t *recent = &build->recent_writers[(site << 32 | node) * 0x9e3779b97f4a7c15ull >> 32 & (RECENT_WRITERS - 1)];
    struct profile_writer *writer = *recent ? &p->writers[*recent - 1] : NULL;
    if (!writer || writer->site != site || writer->node != node) {
        if (!ELEMENT(writers, p->writers_count))
            return -ENOMEM;
        *recent = (uint32_t)p->writers_count;
        writer = &p->writers[p->writers_count - 1];
        *writer = (struct profile_writer){.site = (uint32_t)site, .node = (uint32_t)node};
    }
    writer->samples += samples;
    writer->pages += pages;
    return 0;
}

static int build_end(struct build *build, struct record *record)
{
    struct profile_meta *meta = &build->profile->meta;
    uint64_t time = record_number(record);

    meta->end = (enum lensi_end_kind)record_number(record);
    meta->end_status = (int)record_number(record);
    meta->waited_ns = record_is_at_end(record) ? 0 : record_number(record);
    if (time > meta->duration_ns)
        meta->duration_ns = time;
    return record->is_short ? -EBADMSG : 0;
}

/* ---- all kinds */

static int (*const builders[])(struct build *build, struct record *record) = {
    [LENSI_RECORD_START] = build_start,       [LENSI_RECORD_MODULE] = build_module,
    [LENSI_RECORD_NODE] = build_node,         [LENSI_RECORD_SITE] = build_site,
    [LENSI_RECORD_SNAPSHOT] = build_snapshot, [LENSI_RECORD_TOTALS] = build_totals,
    [LENSI_RECORD_BLOCK] = build_block,       [LENSI_RECORD_BLOCK_END] = build_block_end,
    [LENSI_RECORD_FILE] = build_file,         [LENSI_RECORD_READ] = build_input,
    [LENSI_RECORD_WRITER] = build_writer,     [LENSI_RECORD_END] = build_end,
    [LENSI_RECORD_USE] = build_usage,
    [LENSI_RECORD_TOUCHES] = build_usage,
    [LENSI_RECORD_USE_LOST] = build_usage,
};

int build_record(struct build *build, struct record *record)
{
    if (record->kind >= sizeof builders / sizeof *builders || !builders[record->kind]) {
        build->profile->meta.unknown_records++;
        return 0;
    }
    if (!build->started && record->kind != LENSI_RECORD_START)
        return -EBADMSG;
    return builders[record->kind](build, record);
}

/* Numbers that were given but never told: the recorder had nothing more to say of them. */
static void settle_blocks(struct profile *p)
{
    for (size_t i = 1; i < p->blocks_count; i++) {
        if (p->blocks[i].previous >= p->blocks_count)
            p->blocks[i].previous = 0;
        if (p->blocks[i].previous && p->blocks[i].previous < i) /* only forwards: a wrong trace has no circles */
            p->blocks[p->blocks[i].previous].next = (uint32_t)i;
        if (p->blocks[i].site >= p->sites_count) /* older recorders could name a site that was told a tick later */
            p->blocks[i].site = 0;
    }
    for (size_t i = 0; i < p->inputs_count; i++)
        if (p->inputs[i].block >= p->blocks_count)
            p->inputs[i].block = 0;
}

void build_finish(struct build *build)
{
    settle_blocks(build->profile);
    build_finish_sites(build);
}
