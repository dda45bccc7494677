/*
 * record_input.c - files, and what was read of them; see record_input.h. One lock; nothing waits for a disk under it.
 */
#include "preload/recorder/input.h"

#include "liblens/base/arena.h"
#include "liblens/base/log.h"
#include "liblens/base/sys.h"
#include "preload/recorder/block.h"
#include "preload/recorder/clock.h"
#include "preload/recorder/record.h"
#include "preload/recorder/tell.h"
#include "preload/recorder/tree.h"

#include <errno.h>
#include <string.h>

#define FILES_MAX 4096u
#define INPUTS_MAX 16384u
#define RECENT 64u       /* inputs that a read may go on with */
#define PATH_BYTES 4096u
#define BATCH 32u
#define WATCHED_MAX 256u /* descriptors whose position is looked at */

struct file {
    dev_t device;
    ino_t inode;
    const char *path;
    uint64_t bytes;
    int64_t mtime_ns;
    bool told;
};

struct input {
    uint32_t file, block, node;
    bool mapped, told;
    uint64_t file_offset, bytes, block_offset, calls, first_ns, last_ns;
};

/* A descriptor open for reading. */
struct watched {
    int fd;    /* -1: free */
    int twin;  /* a duplicate that is looked at when this one is closed; -1: none */
    uint32_t file, node, input;
    uint64_t opened_ns, seen_bytes; /* seen_bytes: of its reads that passed here */
    uint64_t looked_bytes;          /* its position at the last look */
    uint64_t start_bytes;           /* where the program found it */
};

static struct lensi_lock lock;
static struct file *files;
static struct input *inputs;
static struct watched watched[WATCHED_MAX];
static uint32_t files_count, inputs_count, watched_count; /* files and inputs with the blank 0; watched: highest + 1 */

int lensi_inputs_start(void)
{
    files = lensi_arena_map(FILES_MAX * sizeof *files);
    inputs = lensi_arena_map(INPUTS_MAX * sizeof *inputs);
    files_count = inputs_count = 1;
    return files && inputs ? 0 : -ENOMEM;
}

/* ---- files */

static const char *path_of(int fd)
{
    static char path[PATH_BYTES]; /* the lock guards it */
    const char *kept = NULL;
    char link[40];
    long length;

    lensi_format(link, sizeof link, "/proc/self/fd/%d", fd);
    length = lensi_sys(SYS_readlinkat, AT_FDCWD, (long)link, (long)path, sizeof path, 0, 0);
    if (length > 0)
        kept = lensi_arena_text(path, (size_t)length);
    return kept ? kept : "";
}

/* The number of the regular file behind fd, or 0. */
static uint32_t file_of(int fd)
{
    struct stat status;
    uint32_t number;

    if (lensi_sys_stat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return 0;
    for (number = 1; number < files_count; number++)
        if (files[number].inode == status.st_ino && files[number].device == status.st_dev)
            break;
    if (number == FILES_MAX)
        return 0;
    if (number == files_count) {
        files[number].device = status.st_dev;
        files[number].inode = status.st_ino;
        files[number].path = path_of(fd);
        files_count++;
    }
    if (files[number].bytes != (uint64_t)status.st_size || !files[number].path) {
        files[number].bytes = (uint64_t)status.st_size;
        files[number].told = false;
    }
    files[number].mtime_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
    return number;
}

/* ---- inputs */

/* The recent input that these bytes continue, in the file and where they went, or NULL. */
static struct input *continued(uint32_t file, uint64_t offset, uint32_t block, uint64_t block_offset)
{
    uint32_t least = inputs_count > RECENT ? inputs_count - RECENT : 1;

    for (uint32_t i = inputs_count; i-- > least;) {
        struct input *input = &inputs[i];

        if (input->file == file && input->block == block && !input->mapped && input->file_offset + input->bytes == offset &&
            (block == 0 || input->block_offset + input->bytes == block_offset))
            return input;
    }
    return NULL;
}

static struct input *input_new(uint32_t file, uint64_t offset, uint32_t block, uint64_t block_offset)
{
    struct input *input;

    if (inputs_count == INPUTS_MAX)
        return NULL;
    input = &inputs[inputs_count++];
    *input = (struct input){.file = file, .block = block, .file_offset = offset, .block_offset = block_offset};
    return input;
}

static void add(uint32_t file, uint64_t offset, uint64_t bytes, const void *at, uint32_t node, uint64_t now)
{
    struct lensi_block_record block = {.number = 0};
    struct input *input;
    uint64_t block_offset = 0;

    if (lensi_blocks_find((uintptr_t)at, &block))
        block_offset = (uintptr_t)at - block.address;
    input = continued(file, offset, block.number, block_offset);
    if (!input)
        input = input_new(file, offset, block.number, block_offset);
    if (!input)
        return;
    if (!input->calls) {
        input->first_ns = now;
        input->node = node;
    }
    input->calls++;
    input->bytes += bytes;
    input->last_ns = now;
    input->told = false;
}

static struct watched *watched_at(int fd)
{
    for (uint32_t i = 0; i < watched_count; i++)
        if (watched[i].fd == fd)
            return &watched[i];
    return NULL;
}

void lensi_input_read(int fd, int64_t offset, const void *at, ssize_t got, const void *caller, const uintptr_t *slot)
{
    struct lensi_record_thread *thread;
    struct watched *descriptor;
    uint32_t file, node;

    if (lensi_record_local.inside || offset < 0 || got < (ssize_t)LENSI_INPUT_LEAST_BYTES ||
        !(thread = lensi_record_thread_find()))
        return;
    lensi_record_local.inside = true;
    node = lensi_path_node(&thread->path, (uintptr_t)caller, slot);
    lensi_lock(&lock);
    file = file_of(fd);
    if (file) {
        add(file, (uint64_t)offset, (uint64_t)got, at, node, lensi_record_ns());
        descriptor = watched_at(fd);
        for (uint32_t i = 0; i < watched_count && !descriptor; i++)
            descriptor = watched[i].fd >= 0 && watched[i].twin == fd ? &watched[i] : NULL;
        if (descriptor)
            descriptor->seen_bytes += (uint64_t)got;
    }
    lensi_unlock(&lock);
    lensi_record_local.inside = false;
}

void lensi_input_mapped(int fd, uint64_t offset, const void *at, uint64_t bytes, uint32_t node)
{
    struct lensi_block_record block;
    struct input *input;
    uint32_t file;

    lensi_lock(&lock);
    file = file_of(fd);
    if (file && lensi_blocks_find((uintptr_t)at, &block) && (input = input_new(file, offset, block.number, 0)) != NULL) {
        if (offset < files[file].bytes)
            input->bytes = bytes < files[file].bytes - offset ? bytes : files[file].bytes - offset;
        input->mapped = true;
        input->calls = 1;
        input->node = node;
        input->first_ns = input->last_ns = lensi_record_ns();
    }
    lensi_unlock(&lock);
}

/* ---- what stdio reads for itself */

/*
 * What the descriptor's position says was read beyond what was seen. Unless it is the last look: by the look before
 * this one, as a read may have moved the position just now and not have been seen yet.
 */
static void look(struct watched *descriptor, bool last)
{
    long position = lensi_sys(SYS_lseek, descriptor->fd, 0, SEEK_CUR, 0, 0, 0);
    uint64_t now = position > 0 ? (uint64_t)position : 0;
    uint64_t bytes = last || descriptor->looked_bytes > now ? now : descriptor->looked_bytes;
    struct input *input;

    bytes -= bytes < descriptor->start_bytes ? bytes : descriptor->start_bytes;
    descriptor->looked_bytes = now;
    if (bytes <= descriptor->seen_bytes + LENSI_INPUT_LEAST_BYTES && !descriptor->input)
        return;
    if (descriptor->seen_bytes) /* partly by reads: these are told already, from their places */
        return;
    if (!descriptor->input) {
        input = input_new(descriptor->file, descriptor->start_bytes, 0, 0);
        if (!input)
            return;
        input->first_ns = descriptor->opened_ns;
        input->node = descriptor->node;
        input->calls = 1;
        descriptor->input = (uint32_t)(input - inputs);
    }
    input = &inputs[descriptor->input];
    if (bytes <= input->bytes)
        return;
    input->bytes = bytes;
    input->last_ns = lensi_record_ns();
    input->told = false;
}

/* The lock is held. */
static void watch(int fd, uint32_t node, uint64_t start_bytes)
{
    uint32_t file = file_of(fd);
    struct watched *descriptor = watched_at(fd);

    if (!descriptor)
        descriptor = watched_at(-1);
    if (file && !descriptor && watched_count < WATCHED_MAX)
        descriptor = &watched[watched_count++];
    if (file && descriptor)
        *descriptor = (struct watched){.fd = fd,
                                       .twin = -1,
                                       .file = file,
                                       .node = node,
                                       .opened_ns = lensi_record_ns(),
                                       .looked_bytes = start_bytes,
                                       .start_bytes = start_bytes};
}

/* Whether fd is looked at, or will be when the one it is a duplicate of is closed. */
static bool is_watched(int fd)
{
    for (uint32_t i = 0; i < watched_count; i++)
        if (watched[i].fd >= 0 && (watched[i].fd == fd || watched[i].twin == fd))
            return true;
    return false;
}

static void opened(int fd, const void *caller, const uintptr_t *slot, bool unless_watched)
{
    struct lensi_record_thread *thread;
    uint32_t node;

    if (lensi_record_local.inside || !(thread = lensi_record_thread_find()))
        return;
    lensi_record_local.inside = true;
    node = lensi_path_node(&thread->path, (uintptr_t)caller, slot);
    lensi_lock(&lock);
    if (!unless_watched || !is_watched(fd))
        watch(fd, node, 0);
    lensi_unlock(&lock);
    lensi_record_local.inside = false;
}

void lensi_input_opened(int fd, const void *caller, const uintptr_t *slot) { opened(fd, caller, slot, false); }

void lensi_input_met(int fd, const void *caller, const uintptr_t *slot) { opened(fd, caller, slot, true); }

void lensi_input_inherited(int fd)
{
    long position = lensi_sys(SYS_lseek, fd, 0, SEEK_CUR, 0, 0, 0);

    lensi_lock(&lock);
    watch(fd, 0, position > 0 ? (uint64_t)position : 0);
    lensi_unlock(&lock);
}

void lensi_input_copied(int from, int to)
{
    bool inside = lensi_record_local.inside;
    struct watched *descriptor;

    lensi_record_local.inside = true;
    lensi_lock(&lock);
    descriptor = watched_at(from);
    if (descriptor)
        descriptor->twin = to;
    lensi_unlock(&lock);
    lensi_record_local.inside = inside;
}

/* The lock is held. */
static void end_watch(struct watched *descriptor)
{
    struct stat status;
    const struct file *file = &files[descriptor->file];

    if (descriptor->twin >= 0 && lensi_sys_stat(descriptor->twin, &status) == 0 && status.st_ino == file->inode &&
        status.st_dev == file->device) {
        descriptor->fd = descriptor->twin;
        descriptor->twin = -1;
        return;
    }
    look(descriptor, true);
    descriptor->fd = -1;
}

void lensi_input_closed(int fd)
{
    struct watched *descriptor;
    bool inside = lensi_record_local.inside;

    lensi_record_local.inside = true;
    lensi_lock(&lock);
    descriptor = watched_at(fd);
    if (descriptor)
        end_watch(descriptor);
    for (uint32_t i = 0; i < watched_count; i++)
        watched[i].twin = watched[i].twin == fd ? -1 : watched[i].twin;
    lensi_unlock(&lock);
    lensi_record_local.inside = inside;
}

/* A descriptor that was closed where we do not see it may be another file's by now. */
static void look_at_all(bool last)
{
    struct stat status;

    for (uint32_t i = 0; i < watched_count; i++) {
        if (watched[i].fd < 0)
            continue;
        if (lensi_sys_stat(watched[i].fd, &status) < 0 || status.st_ino != files[watched[i].file].inode ||
            status.st_dev != files[watched[i].file].device)
            watched[i].fd = -1;
        else
            look(&watched[i], last);
    }
}

/* ---- telling: copied out in batches, written without the lock */

static uint64_t since(uint64_t ns, uint64_t origin_ns) { return ns > origin_ns ? ns - origin_ns : 0; }

static void tell_file(struct lensi_trace_writer *writer, uint32_t number, const struct file *file)
{
    lensi_trace_begin(writer, LENSI_RECORD_FILE);
    lensi_trace_put(writer, number);
    lensi_trace_put(writer, file->device);
    lensi_trace_put(writer, file->inode);
    lensi_trace_put(writer, file->bytes);
    lensi_trace_put_signed(writer, file->mtime_ns);
    lensi_trace_put_text(writer, file->path);
    lensi_trace_end(writer);
}

static void tell_input(struct lensi_trace_writer *writer, uint32_t number, const struct input *input, uint64_t origin_ns)
{
    lensi_trace_begin(writer, LENSI_RECORD_READ);
    lensi_trace_put(writer, number);
    lensi_trace_put(writer, input->file);
    lensi_trace_put(writer, input->mapped);
    lensi_trace_put(writer, input->block);
    lensi_trace_put(writer, input->node);
    lensi_trace_put(writer, input->file_offset);
    lensi_trace_put(writer, input->bytes);
    lensi_trace_put(writer, input->block_offset);
    lensi_trace_put(writer, input->calls);
    lensi_trace_put(writer, since(input->first_ns, origin_ns));
    lensi_trace_put(writer, since(input->last_ns, origin_ns));
    lensi_trace_end(writer);
}

static void tell_files(struct lensi_trace_writer *writer)
{
    for (uint32_t number = 1;; number++) {
        struct file copy = {.told = true};
        bool more;

        lensi_lock(&lock);
        more = number < files_count;
        if (more) {
            copy = files[number];
            files[number].told = true;
        }
        lensi_unlock(&lock);
        if (!more)
            return;
        if (!copy.told)
            tell_file(writer, number, &copy);
    }
}

/* An input's node must have been told: those that came while the tree was told wait for the next tick. */
static bool is_due(const struct input *input, uint32_t nodes) { return !input->told && input->node < nodes; }

void lensi_tell_inputs(struct lensi_trace_writer *writer, uint32_t nodes, bool last, uint64_t origin_ns)
{
    static struct input batch[BATCH]; /* the writer's lock guards these */
    static uint32_t numbers[BATCH];
    uint32_t from = 1, count;

    lensi_lock(&lock);
    look_at_all(last);
    lensi_unlock(&lock);
    tell_files(writer);
    do {
        count = 0;
        lensi_lock(&lock);
        for (; from < inputs_count && count < BATCH; from++)
            if (is_due(&inputs[from], nodes) && files[inputs[from].file].told) {
                numbers[count] = from;
                batch[count++] = inputs[from];
                inputs[from].told = true;
            }
        lensi_unlock(&lock);
        for (uint32_t i = 0; i < count; i++)
            tell_input(writer, numbers[i], &batch[i], origin_ns);
    } while (count == BATCH);
}

/* ---- fork */

void lensi_inputs_before_fork(void) { lensi_lock(&lock); }

/* The child's trace tells the files it goes on with; what its parent read is in the parent's. */
void lensi_inputs_after_fork(bool in_child)
{
    if (in_child) {
        for (uint32_t i = 1; i < files_count; i++)
            files[i].told = false;
        inputs_count = 1;
        for (uint32_t i = 0; i < watched_count; i++)
            watched[i].fd = -1; /* shared with the parent, positions too */
    }
    lensi_unlock(&lock);
}
