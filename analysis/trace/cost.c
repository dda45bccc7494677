/* cost.c - see cost.h. */
#include "analysis/trace/cost.h"

#include "lenses/builtin.h"
#include "liblens/lens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define BUDGET_BYTES (1u << 20)
#define COPIED_BYTES (6u << 20)
#define TEXT_LINES 200000u
#define ROUNDS 3
#define RANDOM_TOUCHES 800u
#define PROOF_NS 700.0    /* of a page, without making what it is compared with: docs/ARCHITECTURE.md */

/* A 2-core virtual machine of 2024: where nothing can be measured. */
static const struct cost_machine usual = {6500, 1500, 2.6, false};

/* Of processors, not of the wall: on a busy machine that would say how busy it is. Threads that help are counted in. */
static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* A file without a name; its path goes to `path`. -1 if there is none. */
static int make_file(char path[40], bool text)
{
    int fd = memfd_create("lens-cost", MFD_CLOEXEC);
    FILE *out = fd < 0 ? NULL : fdopen(dup(fd), "w");

    if (!out) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    snprintf(path, 40, "/proc/self/fd/%d", fd);
    for (unsigned i = 0; text && i < TEXT_LINES; i++)
        fprintf(out, "%u:%.6g\n", i % 20000, (double)(i * 2654435761u % 1000003) / 1e6);
    for (unsigned i = 0; !text && i < COPIED_BYTES / 8; i++)
        fwrite(&(uint64_t){i * 0x9e3779b97f4a7c15u}, 8, 1, out);
    fclose(out);
    return fd;
}

/* ns for each page of the view in a stream, at best. *random_ns too, if it is wanted. */
static bool touch_all(const char *path, const char *lens, double *stream_ns, double *random_ns, uint64_t *bytes)
{
    struct lens_handle *handle;
    struct lens_error error;
    uint64_t pages, state = 88172645463325252u;
    volatile const uint8_t *data;

    if (lens_open(path, lens, BUDGET_BYTES, &handle, &error) < 0)
        return false;
    data = lens_data(handle);
    *bytes = lens_bytes(handle);
    pages = *bytes / PAGE;
    for (int round = 0; round <= ROUNDS && pages; round++) { /* the first finds the pages' checksums */
        double start = now_ns();
        for (uint64_t i = 0; i < pages; i++)
            (void)data[i * PAGE];
        double each = (now_ns() - start) / (double)pages;
        if (round && (round == 1 || each < *stream_ns))
            *stream_ns = each;
    }
    for (int round = 0; round < ROUNDS && pages && random_ns; round++) {
        double start = now_ns();
        for (unsigned i = 0; i < RANDOM_TOUCHES; i++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (void)data[state % pages * PAGE];
        }
        /* Some find their page there. */
        double each = (now_ns() - start) / RANDOM_TOUCHES / (1 - (double)BUDGET_BYTES / (double)*bytes);
        if (round == 0 || each < *random_ns)
            *random_ns = each;
    }
    lens_close(handle);
    return pages > 0;
}

void cost_measure(struct cost_machine *machine)
{
    struct cost_machine found = {.is_measured = true};
    char copied[40], text[40];
    int copied_fd = make_file(copied, false), text_fd = make_file(text, true);
    uint64_t bytes = 0, text_bytes = text_fd < 0 ? 0 : (uint64_t)lseek(text_fd, 0, SEEK_END);
    double text_ns = 0;
    bool done = copied_fd >= 0 && text_fd >= 0;

    for (size_t i = 0; i < lens_builtin_count; i++)
        lens_register(lens_builtin[i]); /* again is fine */
    done = done && touch_all(copied, "verbatim", &found.stream_ns, &found.touch_ns, &bytes);
    done = done && touch_all(text, "record(\"%d:%lf\\n\")", &text_ns, NULL, &bytes);
    if (done) {
        double more = text_ns - found.stream_ns, text_of_page = (double)text_bytes / (double)bytes * PAGE;
        found.text_ns_per_byte = (more > 0 ? more : 0) / text_of_page;
    }
    *machine = done ? found : usual;
    if (copied_fd >= 0)
        close(copied_fd);
    if (text_fd >= 0)
        close(text_fd);
}

/*
 * In a stream, another processor makes the next window while the program works on this one: it waits for what is left.
 * At random, a page's own text is read: checkpoints come to lie at every page, once a view's worth of wandering has
 * been paid.
 */
void cost_page(const struct cost_machine *machine, double text_bytes, double compute_ns, unsigned cpus, struct cost_page *page)
{
    double text_ns = text_bytes * machine->text_ns_per_byte, waits = cpus > 1 ? text_ns - compute_ns : text_ns;

    page->stream_ns = machine->stream_ns + (waits > 0 ? waits : 0);
    page->touch_ns = machine->touch_ns + text_ns;
    page->once_ns = (PROOF_NS + text_ns) * (cpus > 1 ? 0.5 : 1);
}
