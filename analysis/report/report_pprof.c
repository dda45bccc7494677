/*
 * report_pprof.c - the call paths as a gzipped profile.proto, which `go tool pprof` and speedscope read. See report.h.
 *
 * "In use" means at the peak. Addresses are those of the modules' files, as processes of one run may have loaded them
 * at different places; the functions are named here, so that nobody needs the files.
 */
#define ZLIB_CONST
#include "analysis/report/report.h"

#include "analysis/report/protobuf.h"
#include "analysis/term/utf8.h"
#include "liblens/lens.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->is_lost = true)
#include <uthash.h>
#include <zlib.h>

/* Fields of profile.proto. */
enum { PROFILE_SAMPLE_TYPE = 1, PROFILE_SAMPLE, PROFILE_MAPPING, PROFILE_LOCATION, PROFILE_FUNCTION, PROFILE_STRING,
       PROFILE_TIME_NANOS = 9, PROFILE_DURATION_NANOS, PROFILE_PERIOD_TYPE, PROFILE_PERIOD, PROFILE_COMMENT,
       PROFILE_DEFAULT_SAMPLE_TYPE };
enum { VALUE_TYPE_TYPE = 1, VALUE_TYPE_UNIT };
enum { SAMPLE_LOCATION = 1, SAMPLE_VALUE };
enum { MAPPING_ID = 1, MAPPING_START, MAPPING_LIMIT, MAPPING_FILENAME = 5, MAPPING_BUILD_ID, MAPPING_HAS_FUNCTIONS,
       MAPPING_HAS_FILENAMES, MAPPING_HAS_LINE_NUMBERS };
enum { LOCATION_ID = 1, LOCATION_MAPPING, LOCATION_ADDRESS, LOCATION_LINE };
enum { LINE_FUNCTION = 1, LINE_LINE };
enum { FUNCTION_ID = 1, FUNCTION_NAME, FUNCTION_SYSTEM_NAME, FUNCTION_FILENAME };

/* Something that has a number in the profile: texts by address (they are kept once), locations by their symbols. */
struct numbered {
    UT_hash_handle hh;
    const void *key[2];
    uint64_t number;
    bool is_lost;
};
struct writer {
    const struct study *study;
    struct protobuf profile, part, inner;
    struct numbered *strings, *functions, *locations;
    uint64_t strings_count, functions_count, locations_count;
    uint64_t *mappings; /* of each of the symboliser's modules, or 0 */
    uint64_t mappings_count;
    bool is_out_of_memory;
};

/* The number of (a, b) in a table, and whether it is new. */
static uint64_t number_of(struct writer *writer, struct numbered **table, const void *a, const void *b,
                          uint64_t *count, bool *is_new)
{
    const void *key[2] = {a, b};
    struct numbered *entry;

    *is_new = false;
    HASH_FIND(hh, *table, key, sizeof key, entry);
    if (entry)
        return entry->number;
    entry = calloc(1, sizeof *entry);
    if (entry) {
        memcpy(entry->key, key, sizeof key);
        entry->number = ++*count;
        HASH_ADD(hh, *table, key, sizeof key, entry);
    }
    if (entry && !entry->is_lost) {
        *is_new = true;
        return entry->number;
    }
    free(entry);
    writer->is_out_of_memory = true;
    return 0;
}

static void forget(struct numbered **table)
{
    struct numbered *entry, *next;

    HASH_ITER(hh, *table, entry, next) {
        HASH_DEL(*table, entry);
        free(entry);
    }
}

/* ------------------------------------------------------------------ strings, functions, mappings, locations */

/* String 0 is empty and was written first. Texts that are literals or kept: equal by address. NULL is "". */
static uint64_t string(struct writer *writer, const char *text)
{
    bool is_new;

    if (!text || !*text)
        return 0;
    uint64_t number = number_of(writer, &writer->strings, text, NULL, &writer->strings_count, &is_new);
    if (is_new) {
        char *clean = utf8_clean(text);

        writer->is_out_of_memory = writer->is_out_of_memory || !clean;
        protobuf_bytes(&writer->profile, PROFILE_STRING, clean ? clean : "", clean ? strlen(clean) : 0);
        free(clean);
    }
    return number;
}

static uint64_t function(struct writer *writer, const struct symbol *symbol)
{
    bool is_new;
    uint64_t number = number_of(writer, &writer->functions, symbol->function, symbol->file, &writer->functions_count,
                                &is_new);

    if (is_new) {
        uint64_t name = string(writer, symbol->function);

        protobuf_number(&writer->part, FUNCTION_ID, number);
        protobuf_number(&writer->part, FUNCTION_NAME, name);
        protobuf_number(&writer->part, FUNCTION_SYSTEM_NAME, name);
        protobuf_number(&writer->part, FUNCTION_FILENAME, string(writer, symbol->file));
        protobuf_message(&writer->profile, PROFILE_FUNCTION, &writer->part);
    }
    return number;
}

static uint64_t mapping(struct writer *writer, size_t trace, uint32_t module_number)
{
    const struct profile_module *module = &writer->study->traces[trace].profile->modules[module_number];
    size_t number = writer->study->traces[trace].modules[module_number];
    char hex[2 * sizeof module->build_id + 1] = "";

    if (writer->mappings[number])
        return writer->mappings[number];
    for (size_t i = 0; i < module->build_id_bytes && i < sizeof module->build_id; i++)
        sprintf(hex + 2 * i, "%02x", module->build_id[i]);
    const char *build_id = strings_keep(writer->study->strings, hex, strlen(hex));
    uint64_t file = string(writer, symboliser_module_path(writer->study->symboliser, number));
    writer->mappings[number] = ++writer->mappings_count;
    protobuf_number(&writer->part, MAPPING_ID, writer->mappings_count);
    protobuf_number(&writer->part, MAPPING_START, module->start - module->bias);
    protobuf_number(&writer->part, MAPPING_LIMIT, module->end - module->bias);
    protobuf_number(&writer->part, MAPPING_FILENAME, file);
    protobuf_number(&writer->part, MAPPING_BUILD_ID, string(writer, build_id));
    protobuf_number(&writer->part, MAPPING_HAS_FUNCTIONS, 1);
    protobuf_number(&writer->part, MAPPING_HAS_FILENAMES, 1);
    protobuf_number(&writer->part, MAPPING_HAS_LINE_NUMBERS, 1);
    protobuf_message(&writer->profile, PROFILE_MAPPING, &writer->part);
    return writer->mappings_count;
}

static void add_line(struct writer *writer, struct protobuf *location, const struct symbol *symbol)
{
    uint64_t number = function(writer, symbol); /* uses `part`, so it comes first */

    protobuf_number(&writer->inner, LINE_FUNCTION, number);
    protobuf_number(&writer->inner, LINE_LINE, symbol->line);
    protobuf_message(location, LOCATION_LINE, &writer->inner);
}

static uint64_t location(struct writer *writer, size_t trace, uint32_t node_number)
{
    const struct profile_node *node = &writer->study->traces[trace].profile->nodes[node_number];
    const struct symbols *symbols = study_symbols(writer->study, trace, node_number);
    struct protobuf message = {0};
    bool is_new;
    uint64_t number = number_of(writer, &writer->locations, symbols, NULL, &writer->locations_count, &is_new);

    if (!is_new)
        return number;
    uint64_t module = symbols ? mapping(writer, trace, node->module) : 0;
    protobuf_number(&message, LOCATION_ID, number);
    protobuf_number(&message, LOCATION_MAPPING, module);
    protobuf_number(&message, LOCATION_ADDRESS, symbols ? node->address : 0);
    if (!symbols)
        add_line(writer, &message, &study_no_symbol);
    for (size_t i = 0; symbols && i < symbols->count; i++)
        add_line(writer, &message, &symbols->list[i]);
    protobuf_message(&writer->profile, PROFILE_LOCATION, &message);
    protobuf_free(&message);
    return number;
}

/* ------------------------------------------------------------------ samples */

static void add_sample(struct writer *writer, size_t trace, const struct profile_site *site)
{
    const struct profile *profile = writer->study->traces[trace].profile;
    uint64_t locations[STUDY_FRAMES_MAX];
    const uint64_t values[] = {site->allocations, site->bytes, site->at_peak_count, site->at_peak_bytes};
    size_t count = 0;

    for (uint32_t node = site->node; node && node < profile->nodes_count && count < STUDY_FRAMES_MAX;
         node = profile->nodes[node].parent)
        locations[count++] = location(writer, trace, node);
    protobuf_numbers(&writer->part, SAMPLE_LOCATION, locations, count);
    protobuf_numbers(&writer->part, SAMPLE_VALUE, values, sizeof values / sizeof *values);
    protobuf_message(&writer->profile, PROFILE_SAMPLE, &writer->part);
}

static void add_type(struct writer *writer, unsigned field, const char *type, const char *unit)
{
    uint64_t type_number = string(writer, type), unit_number = string(writer, unit);

    protobuf_number(&writer->part, VALUE_TYPE_TYPE, type_number);
    protobuf_number(&writer->part, VALUE_TYPE_UNIT, unit_number);
    protobuf_message(&writer->profile, field, &writer->part);
}

static void write_profile(struct writer *writer, const struct ranking *ranking)
{
    static const char count[] = "count", bytes[] = "bytes", space[] = "space", in_use[] = "inuse_space";
    const struct profile_meta *meta = &writer->study->traces[0].profile->meta;
    char *command = report_command_line(meta);

    protobuf_bytes(&writer->profile, PROFILE_STRING, "", 0);
    add_type(writer, PROFILE_SAMPLE_TYPE, "alloc_objects", count);
    add_type(writer, PROFILE_SAMPLE_TYPE, "alloc_space", bytes);
    add_type(writer, PROFILE_SAMPLE_TYPE, "inuse_objects", count);
    add_type(writer, PROFILE_SAMPLE_TYPE, in_use, bytes);
    for (size_t i = 0; i < ranking->rows_count; i++)
        for (size_t j = 0; j < ranking->rows[i].members_count; j++) {
            const struct ranking_member *member = &ranking->rows[i].members[j];

            add_sample(writer, member->trace, &writer->study->traces[member->trace].profile->sites[member->site]);
        }
    protobuf_number(&writer->profile, PROFILE_TIME_NANOS, meta->start_wall_ns);
    protobuf_number(&writer->profile, PROFILE_DURATION_NANOS, meta->duration_ns);
    add_type(writer, PROFILE_PERIOD_TYPE, space, bytes);
    protobuf_number(&writer->profile, PROFILE_PERIOD, meta->full ? 1 : meta->sample_bytes);
    protobuf_number(&writer->profile, PROFILE_COMMENT, string(writer, command));
    protobuf_number(&writer->profile, PROFILE_COMMENT,
                    string(writer, "lens " LENS_VERSION "; in use: at the peak; addresses: of the modules' files"));
    protobuf_number(&writer->profile, PROFILE_DEFAULT_SAMPLE_TYPE, string(writer, in_use));
    writer->is_out_of_memory = writer->is_out_of_memory || !command;
    free(command);
}

/* ------------------------------------------------------------------ gzip */

static int pack(FILE *out, const uint8_t *bytes, size_t length)
{
    enum { GZIP_WINDOW = 15 + 16, MEMORY_LEVEL = 8 };
    uint8_t packed[1 << 15];
    z_stream stream = {0};
    int result = Z_OK;

    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    while (result == Z_OK) {
        if (stream.avail_in == 0 && length) {
            stream.next_in = bytes;
            stream.avail_in = length < 1u << 30 ? (uInt)length : 1u << 30;
            bytes += stream.avail_in;
            length -= stream.avail_in;
        }
        stream.next_out = packed;
        stream.avail_out = sizeof packed;
        result = deflate(&stream, length ? Z_NO_FLUSH : Z_FINISH);
        // cppcheck-suppress uninitvar ; deflate fills it
        fwrite(packed, 1, sizeof packed - stream.avail_out, out);
    }
    deflateEnd(&stream);
    return result == Z_STREAM_END ? 0 : -ENOMEM;
}

int report_pprof(FILE *out, const struct study *study, const struct ranking *ranking)
{
    struct writer writer = {.study = study};
    int result = -ENOMEM;

    writer.mappings = calloc(symboliser_modules_count(study->symboliser) + 1, sizeof *writer.mappings);
    if (writer.mappings)
        write_profile(&writer, ranking);
    if (writer.mappings && !writer.is_out_of_memory && !writer.profile.is_out_of_memory)
        result = pack(out, writer.profile.bytes, writer.profile.length);
    forget(&writer.strings);
    forget(&writer.functions);
    forget(&writer.locations);
    protobuf_free(&writer.profile);
    protobuf_free(&writer.part);
    protobuf_free(&writer.inner);
    free(writer.mappings);
    return result;
}
