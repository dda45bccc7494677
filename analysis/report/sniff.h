/*
 * sniff.h - what kind of file this is, by its first bytes: for a plan that is only to begin with. Being wrong costs a
 * try.
 */
#ifndef LENS_SNIFF_H
#define LENS_SNIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNIFF_COLUMNS_MAX 500u /* what a lens takes by number */
#define SNIFF_FORMAT_BYTES 80u

enum sniff_kind {
    SNIFF_UNREADABLE, /* not there any more, or not ours to read */
    SNIFF_BINARY,
    SNIFF_TEXT,       /* lines without numbers in the same places */
    SNIFF_PNM,        /* P5, P6: binary samples behind a text header */
    SNIFF_NIFTI,
    SNIFF_SVM,        /* label index:value index:value ... */
    SNIFF_GRAPH,      /* METIS: a header, then a line of neighbours for each vertex */
    SNIFF_MATRIX,     /* Matrix Market */
    SNIFF_VECTORS,    /* a word, and numbers behind it, on each line: word2vec, GloVe */
    SNIFF_TABLE,      /* as many fields on each line, numbers among them */
    SNIFF_RECORDS,    /* numbers between the same marks: 17=0.25; */
};

enum sniff_column { SNIFF_WORD, SNIFF_WHOLE, SNIFF_REAL };

struct sniff {
    enum sniff_kind kind;
    bool is_gzip;               /* the rest is of what is in it */
    uint64_t bytes;             /* of text or data: of a gzip file a guess */
    uint64_t header_bytes;      /* binary kinds: where the data begins */
    unsigned sample_bytes;      /* SNIFF_PNM, SNIFF_NIFTI: of one */
    unsigned header_lines;      /* before the first row, without comments */
    bool has_comments;          /* lines that begin with #, or % in graphs and matrices */
    char separator;             /* ' ' for runs of blanks */
    double rows;                /* about how many */
    double tokens;              /* about how many numbers, in all */
    bool is_weighted;           /* SNIFF_GRAPH: of edges */
    bool is_coordinate;         /* SNIFF_MATRIX */
    size_t columns_count;
    enum sniff_column columns[SNIFF_COLUMNS_MAX];
    char format[SNIFF_FORMAT_BYTES]; /* SNIFF_RECORDS: scanf's, with the letter n for whole numbers and r for real ones */
};

/* Reads a little of it. Never fails: what cannot be read is of kind SNIFF_UNREADABLE. */
void sniff_file(const char *path, struct sniff *sniff);
/* A few words for a person: "a table of 6 columns". */
void sniff_words(const struct sniff *sniff, char *to, size_t room);

#endif
