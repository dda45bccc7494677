/*
 * cost.h - what a page costs that has to be brought back, on this machine.
 *
 * Measured with the engine itself (lens_open): a stream and random touches through a lens that only copies, and a
 * stream through one that reads text. docs/usage.md has the model.
 */
#ifndef LENS_COST_H
#define LENS_COST_H

#include <stdbool.h>
#include <stdint.h>

struct cost_machine {
    double touch_ns;         /* one page, touched at random */
    double stream_ns;        /* one page of a stream, which comes in windows */
    double text_ns_per_byte; /* of text that is read into numbers */
    bool is_measured;        /* else what a machine of today took */
};

/* Takes some 0.1 s. */
void cost_measure(struct cost_machine *machine);

/* What a page of a piece of memory costs. */
struct cost_page {
    double stream_ns, touch_ns; /* brought back in a stream, at random; what the program itself waits for */
    double once_ns;             /* proven, or written to the view store: once for each page */
};

/*
 * text_bytes: of text behind a page, 0 if the page's bytes lie in the file as they are. compute_ns: what the program
 * does with a page of a stream before it touches the next; a second processor reads text meanwhile (cpus > 1).
 */
void cost_page(const struct cost_machine *machine, double text_bytes, double compute_ns, unsigned cpus, struct cost_page *page);

#endif
