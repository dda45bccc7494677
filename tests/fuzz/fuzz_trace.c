/*
 * fuzz_trace.c - any bytes as a trace: no crash, no leak, and a profile whose numbers all point into its arrays.
 *
 * Bytes that begin as a trace are one. Others are taken for records, and get a magic and a frame with the right checksum
 * around them: few inputs would come through that by chance. Seeds: tests/fuzz/corpus/trace.
 */
#include "analysis/trace/profile.c"
#include "analysis/trace/profile_build.c"
#include "analysis/trace/profile_counts.c"
#include "analysis/trace/profile_usage.c"
#include "analysis/trace/trace_read.c"

#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#define INPUT_BYTES_MAX (1u << 20)

static void put(int fd, const void *bytes, size_t count)
{
    if (write(fd, bytes, count) != (ssize_t)count)
        abort();
}

static void put_frame(int fd, const uint8_t *records, size_t count)
{
    static uint8_t frame[INPUT_BYTES_MAX + INPUT_BYTES_MAX / 512];
    struct lensi_frame_header header = {.mark = LENSI_FRAME_MARK, .kind = LENSI_FRAME_RECORDS, .raw_bytes = (uint32_t)count};
    uLongf packed = sizeof frame - sizeof header;

    if (compress2(frame + sizeof header, &packed, records, count, 0) != Z_OK)
        abort();
    header.packed_bytes = (uint32_t)packed;
    memcpy(frame, &header, sizeof header);
    header.checksum = lensi_checksum(frame, sizeof header + packed);
    memcpy(frame, &header, sizeof header);
    put(fd, frame, sizeof header + packed);
}

static void check(const struct profile *p)
{
    int good = 1;

    for (size_t i = 1; i < p->nodes_count; i++)
        good &= p->nodes[i].parent < i && p->nodes[i].module < p->modules_count;
    for (size_t i = 1; i < p->sites_count; i++)
        good &= p->sites[i].node < p->nodes_count;
    for (size_t i = 0; i < p->moments_count; i++)
        good &= p->moments[i].first_change + p->moments[i].changes <= p->changes_count;
    for (size_t i = 0; i < p->changes_count; i++)
        good &= p->changes[i].site < p->sites_count;
    for (size_t i = 1; i < p->blocks_count; i++)
        good &= p->blocks[i].site < p->sites_count && p->blocks[i].previous < p->blocks_count;
    for (size_t i = 0; i < p->inputs_count; i++)
        good &= p->inputs[i].file < p->files_count && p->inputs[i].block < p->blocks_count && p->inputs[i].node < p->nodes_count;
    for (size_t i = 0; i < p->writers_count; i++)
        good &= p->writers[i].site < p->sites_count && p->writers[i].node < p->nodes_count;
    for (size_t i = 0; i < p->modules_count; i++)
        good &= p->modules[i].path != NULL && p->modules[i].build_id_bytes <= sizeof p->modules[i].build_id;
    if (!good)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char path[40];
    struct profile *profile;
    struct lens_error error;
    int fd = memfd_create("trace", MFD_CLOEXEC);

    if (bytes > INPUT_BYTES_MAX)
        bytes = INPUT_BYTES_MAX;
    if (bytes >= 10 && memcmp(data, LENSI_TRACE_MAGIC, 10) == 0) {
        put(fd, data, bytes);
    } else {
        put(fd, LENSI_TRACE_MAGIC, LENSI_TRACE_MAGIC_BYTES);
        put_frame(fd, data, bytes);
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (profile_read(path, NULL, NULL, &profile, &error) == 0)
        check(profile);
    profile_close(profile);
    close(fd);
    return 0;
}
