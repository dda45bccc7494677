/*
 * plan_print.c - a plan as canonical text: names resolved, defaults written out, one spelling per meaning.
 */
#include "liblens/plan/plan_parts.h"

#include "liblens/base/log.h"

#include <string.h>

/* ------------------------------------------------------------------ the writer */

void lensi_write(struct lensi_writer *writer, const char *format, ...)
{
    size_t used = writer->length < writer->room ? writer->length : writer->room;
    va_list list;

    va_start(list, format);
    writer->length += lensi_format_list(writer->to ? writer->to + used : NULL, writer->to ? writer->room - used : 0,
                                        format, list);
    va_end(list);
}

static void write_escaped(struct lensi_writer *writer, const char *text, size_t bytes)
{
    static const char special[] = "\n\t\r\"\\", letters[] = "ntr\"\\";

    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        const char *found = c ? strchr(special, c) : NULL;

        if (found)
            lensi_write(writer, "\\%c", letters[found - special]);
        else if (c == 0)
            lensi_write(writer, "\\0");
        else if (c < ' ' || c == 0x7f)
            lensi_write(writer, "\\x%02x", c);
        else
            lensi_write(writer, "%c", c);
    }
}

void lensi_write_string(struct lensi_writer *writer, const char *text, size_t bytes)
{
    lensi_write(writer, "\"");
    write_escaped(writer, text, bytes);
    lensi_write(writer, "\"");
}

/* ------------------------------------------------------------------ expressions */

static void write_number(struct lensi_writer *writer, const struct lens_value *value)
{
    struct lensi_literal number;
    const char *problem;
    char text[64];

    lensi_literal_read(value->text, value->text_bytes, &number, &problem);
    lensi_literal_print(&number, text, sizeof text);
    lensi_write(writer, "%s", text);
}

static void write_value(struct lensi_writer *writer, const struct lens_value *value)
{
    switch (value->kind) {
    case LENS_NUMBER:
        write_number(writer, value);
        break;
    case LENS_STRING:
        lensi_write_string(writer, value->text, value->text_bytes);
        break;
    case LENS_WORD:
        lensi_write(writer, "%s", value->text);
        break;
    case LENS_LIST:
        lensi_write(writer, "[");
        for (size_t i = 0; i < value->items_count; i++) {
            lensi_write(writer, "%s", i ? ", " : "");
            write_value(writer, &value->items[i]);
        }
        lensi_write(writer, "]");
    }
}

/* The argument whose key comes next behind `after` in the order of the alphabet, or NULL. Keys are unique. */
static const struct lens_arg *next_key(const struct lens_args *args, const char *after)
{
    const struct lens_arg *best = NULL;

    for (size_t i = 0; i < args->count; i++) {
        const struct lens_arg *arg = &args->list[i];

        if (arg->key && strcmp(arg->key, after) > 0 && (!best || strcmp(arg->key, best->key) < 0))
            best = arg;
    }
    return best;
}

/* Unnamed arguments in their order, then the named ones in the order of the alphabet. */
void lensi_write_stage(struct lensi_writer *writer, const char *name, const struct lens_args *args)
{
    const char *join = "";

    lensi_write(writer, "%s", name);
    if (args->count == 0)
        return;
    lensi_write(writer, "(");
    for (size_t i = 0; i < args->count; i++) {
        if (args->list[i].key)
            continue;
        lensi_write(writer, "%s", join);
        write_value(writer, &args->list[i].value);
        join = ", ";
    }
    for (const struct lens_arg *arg = next_key(args, ""); arg; arg = next_key(args, arg->key)) {
        lensi_write(writer, "%s%s=", join, arg->key);
        write_value(writer, &arg->value);
        join = ", ";
    }
    lensi_write(writer, ")");
}

/* ------------------------------------------------------------------ sites */

/* A size with the largest letter that leaves it whole. */
static void write_size(struct lensi_writer *writer, uint64_t bytes)
{
    static const char letters[] = "KMGT";
    size_t unit = 0;

    while (bytes && bytes % 1024 == 0 && unit < 4) {
        bytes /= 1024;
        unit++;
    }
    lensi_write(writer, "%llu", (unsigned long long)bytes);
    if (unit)
        lensi_write(writer, "%c", letters[unit - 1]);
}

void lensi_write_frame(struct lensi_writer *writer, const struct lensi_frame *frame)
{
    lensi_write(writer, "%s", frame->text);
    if (frame->kind == LENSI_FRAME_LINE)
        lensi_write(writer, ":%u", frame->line);
    if (frame->kind != LENSI_FRAME_OFFSET)
        return;
    for (const char *join = "+"; frame; frame = frame->also, join = ",") {
        lensi_write(writer, "%s0x%llx", join, (unsigned long long)frame->low);
        if (frame->high != frame->low + 1)
            lensi_write(writer, "-0x%llx", (unsigned long long)frame->high);
    }
}

static void write_quoted_frame(struct lensi_writer *writer, const struct lensi_frame *frame)
{
    struct lensi_frame tail = *frame;

    tail.text = "";
    lensi_write(writer, "\"");
    write_escaped(writer, frame->text, strlen(frame->text));
    lensi_write_frame(writer, &tail);
    lensi_write(writer, "\"");
}

/* Whether the site's name is what its first frame says anyway. (Not known of a very long one; naming it does no harm.)
 */
static bool is_named_by_frame(const struct lensi_plan_site *site)
{
    char text[256];
    struct lensi_writer writer = {text, sizeof text, 0};

    lensi_write_frame(&writer, &site->frames[0]);
    return writer.length < sizeof text && strcmp(site->name, text) == 0;
}

static void write_head(struct lensi_writer *writer, const struct lensi_plan_site *site)
{
    lensi_write(writer, "\nsite ");
    write_quoted_frame(writer, &site->frames[0]);
    for (size_t i = 1; i < site->frames_count; i++) {
        lensi_write(writer, " from ");
        write_quoted_frame(writer, &site->frames[i]);
    }
    if (!is_named_by_frame(site)) {
        lensi_write(writer, " as ");
        lensi_write_string(writer, site->name, strlen(site->name));
    }
    lensi_write(writer, " {\n    min ");
}

static void write_extent(struct lensi_writer *writer, const struct lensi_plan_site *site)
{
    if (site->extent == LENSI_EXTENT_READ) {
        lensi_write(writer, "    extent read\n");
        return;
    }
    lensi_write(writer, "    extent %llu", (unsigned long long)site->offset);
    if (site->step == LENSI_STEP_BLOCK)
        lensi_write(writer, " step block");
    else if (site->step)
        lensi_write(writer, " step %llu", (unsigned long long)site->step);
    lensi_write(writer, "\n");
}

static void write_site(struct lensi_writer *writer, const struct lensi_plan_site *site)
{
    write_head(writer, site);
    write_size(writer, site->min_bytes);
    if (site->max_bytes != LENS_UNKNOWN) {
        lensi_write(writer, "\n    max ");
        write_size(writer, site->max_bytes);
    }
    lensi_write(writer, "\n");
    for (size_t i = 0; i < site->files_count; i++) {
        lensi_write(writer, "    %s ", site->fixed[i] ? "path" : "file");
        lensi_write_string(writer, site->files[i], strlen(site->files[i]));
        lensi_write(writer, "\n");
    }
    for (size_t i = 0; i < site->pipes_count; i++)
        lensi_write(writer, "    lens %s\n", site->pipes[i]->text);
    write_extent(writer, site);
    lensi_write(writer, "%s}\n", site->packed ? "    packed\n" : "");
}

size_t lensi_plan_print(const struct lensi_plan *plan, char *to, size_t room)
{
    struct lensi_writer writer = {to, room, 0};

    lensi_write(&writer, "lens-plan 1\n");
    for (size_t i = 0; i < plan->sites_count; i++)
        write_site(&writer, &plan->sites[i]);
    return writer.length;
}
