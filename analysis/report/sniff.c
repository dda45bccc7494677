/* sniff.c - see sniff.h. */
#include "analysis/report/sniff.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define HEAD_BYTES (64u * 1024)
#define LINES_MAX 400u
#define ENOUGH 0.9      /* of the lines */
#define GZIP_FACTOR 3.0 /* text grows about so much */

struct head {
    char *text; /* NUL-terminated */
    size_t bytes;
    bool is_whole;
    char *lines[LINES_MAX]; /* without their ends, blank and comment lines left out */
    size_t lines_count, lines_bytes;
    bool has_hash, has_percent;
};

/* ------------------------------------------------------------------ reading */

static ssize_t inflate_head(const unsigned char *from, size_t bytes, char *to, size_t room)
{
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)from, .avail_in = (unsigned)bytes, .next_out = (unsigned char *)to, .avail_out = (unsigned)room};

    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
        return -1;
    inflate(&stream, Z_SYNC_FLUSH);
    inflateEnd(&stream);
    return (ssize_t)(room - stream.avail_out);
}

static bool read_head(const char *path, struct sniff *sniff, struct head *head)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    ssize_t got = -1;
    char *raw = NULL;

    head->text = malloc(HEAD_BYTES + 1);
    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && head->text)
        got = read(fd, head->text, HEAD_BYTES);
    if (fd >= 0)
        close(fd);
    if (got <= 0)
        return false;
    sniff->bytes = (uint64_t)status.st_size;
    head->is_whole = (uint64_t)got == sniff->bytes;
    if (got > 2 && !memcmp(head->text, "\x1f\x8b", 2) && (raw = malloc((size_t)got)) != NULL) {
        memcpy(raw, head->text, (size_t)got);
        got = inflate_head((const unsigned char *)raw, (size_t)got, head->text, HEAD_BYTES);
        free(raw);
        sniff->is_gzip = true;
        sniff->bytes = (uint64_t)((double)sniff->bytes * GZIP_FACTOR);
        head->is_whole = false;
    }
    head->bytes = got > 0 ? (size_t)got : 0;
    head->text[head->bytes] = '\0';
    return got > 0;
}

/* Cuts the text into lines. The last one may be cut off: it is left out, unless there is no other. */
static void cut_lines(struct head *head)
{
    char *at = head->text, *end = head->text + head->bytes, *next;

    for (; at < end && head->lines_count < LINES_MAX; at = next) {
        char *stop = memchr(at, '\n', (size_t)(end - at));

        if (!stop && head->lines_count && !head->is_whole)
            break;
        next = stop ? stop + 1 : end;
        if (stop)
            *stop = '\0';
        if (stop && stop > at && stop[-1] == '\r')
            stop[-1] = '\0';
        head->has_hash |= *at == '#';
        head->has_percent |= *at == '%';
        head->lines_bytes += (size_t)(next - at);
        if (*at != '#' && *at != '%' && at[strspn(at, " \t")])
            head->lines[head->lines_count++] = at;
    }
}

/* ------------------------------------------------------------------ fields */

static enum sniff_column column_of(const char *text, size_t bytes)
{
    char number[64], *end;

    while (bytes && isblank((unsigned char)*text))
        text++, bytes--;
    while (bytes && isblank((unsigned char)text[bytes - 1]))
        bytes--;
    if (!bytes || bytes >= sizeof number || isalpha((unsigned char)*text))
        return SNIFF_WORD;
    memcpy(number, text, bytes);
    number[bytes] = '\0';
    if (number[strspn(number, "+-0123456789")] == '\0')
        return SNIFF_WHOLE;
    strtod(number, &end);
    return *end ? SNIFF_WORD : SNIFF_REAL;
}

/* The fields of a line; their kinds in columns[], the first SNIFF_COLUMNS_MAX of them. */
static size_t fields_of(const char *line, char separator, enum sniff_column *columns)
{
    size_t count = 0;
    bool is_blank = separator == ' ';

    for (const char *at = line + (is_blank ? strspn(line, " \t") : 0); *at || (!is_blank && at > line && at[-1] == separator);) {
        const char separators[] = {separator, is_blank ? '\t' : '\0', '\0'};
        size_t bytes = strcspn(at, separators);

        if (count < SNIFF_COLUMNS_MAX)
            columns[count] = column_of(at, bytes);
        count++;
        at += bytes;
        at += is_blank ? strspn(at, " \t") : *at == separator;
        if (!is_blank && !*at && at[-1] != separator)
            break;
        if (!is_blank && !*at) { /* an empty last field */
            if (count < SNIFF_COLUMNS_MAX)
                columns[count] = SNIFF_WORD;
            count++;
            break;
        }
    }
    return count;
}

static size_t count_numbers(const enum sniff_column *columns, size_t count)
{
    size_t numbers = 0;

    for (size_t i = 0; i < count && i < SNIFF_COLUMNS_MAX; i++)
        numbers += columns[i] != SNIFF_WORD;
    return numbers;
}

/* ------------------------------------------------------------------ kinds of text */

static void count_rows(struct sniff *sniff, const struct head *head, double tokens)
{
    double share = head->lines_bytes ? (double)sniff->bytes / (double)head->lines_bytes : 0;

    sniff->rows = (double)(head->lines_count - (head->lines_count ? sniff->header_lines : 0)) * share;
    sniff->tokens = tokens * share;
}

static bool is_pair(const char *text, size_t bytes)
{
    const char *colon = memchr(text, ':', bytes);
    size_t index = colon ? (size_t)(colon - text) : 0;

    return colon && column_of(text, index) == SNIFF_WHOLE && column_of(colon + 1, bytes - index - 1) != SNIFF_WORD;
}

static bool is_svm(struct sniff *sniff, const struct head *head)
{
    size_t pairs = 0, others = 0;

    for (size_t i = 0; i < head->lines_count; i++) {
        const char *at = head->lines[i] + strcspn(head->lines[i], " \t");

        for (at += strspn(at, " \t"); *at && *at != '#'; at += strspn(at, " \t")) {
            size_t bytes = strcspn(at, " \t");
            *(is_pair(at, bytes) ? &pairs : &others) += 1;
            at += bytes;
        }
    }
    if (!pairs || (double)pairs < ENOUGH * (double)(pairs + others))
        return false;
    sniff->kind = SNIFF_SVM;
    count_rows(sniff, head, (double)pairs);
    return true;
}

static double whole_tokens(const struct head *head, size_t from, bool *are_whole)
{
    enum sniff_column columns[SNIFF_COLUMNS_MAX];
    double tokens = 0;

    *are_whole = head->lines_count > from;
    for (size_t i = from; i < head->lines_count; i++) {
        size_t count = fields_of(head->lines[i], ' ', columns);

        tokens += (double)count;
        for (size_t k = 0; k < count && k < SNIFF_COLUMNS_MAX; k++)
            *are_whole = *are_whole && columns[k] == SNIFF_WHOLE;
    }
    return tokens;
}

static bool is_matrix(struct sniff *sniff, const struct head *head)
{
    bool are_whole;

    if (strncmp(head->text, "%%MatrixMarket", 14) != 0 || !head->lines_count)
        return false;
    sniff->kind = SNIFF_MATRIX;
    sniff->is_coordinate = strstr(head->text, "coordinate") != NULL;
    sniff->header_lines = 1;
    sniff->columns_count = head->lines_count > 1 ? fields_of(head->lines[1], ' ', sniff->columns) : 0;
    count_rows(sniff, head, whole_tokens(head, 1, &are_whole));
    return true;
}

/* The header says how many vertices, and whether edges have weights. There are as many lines, of different lengths. */
static bool is_graph(struct sniff *sniff, const struct head *head)
{
    unsigned long vertices, edges;
    char flags[8] = "";
    bool are_whole;
    double tokens;

    if (head->lines_count < 3 || sscanf(head->lines[0], "%lu %lu %7s", &vertices, &edges, flags) < 2 || head->has_hash)
        return false;
    tokens = whole_tokens(head, 1, &are_whole);
    sniff->header_lines = 1;
    count_rows(sniff, head, tokens);
    sniff->is_weighted = *flags && flags[strlen(flags) - 1] == '1';
    double expected = (double)edges * (sniff->is_weighted ? 4 : 2);
    if (!are_whole || !edges || sniff->tokens < expected * 0.6 || sniff->tokens > expected * 1.7 || sniff->rows < (double)vertices * 0.5) {
        sniff->header_lines = 0;
        return false;
    }
    sniff->kind = SNIFF_GRAPH;
    return true;
}

/* Lines that have as many fields as most, with numbers in the same places; how many of them. Settles the columns. */
static size_t match_table(struct sniff *sniff, const struct head *head, char separator)
{
    enum sniff_column columns[SNIFF_COLUMNS_MAX];
    size_t same = 0, last = head->lines_count - 1, count = fields_of(head->lines[last], separator, sniff->columns);

    sniff->columns_count = count;
    sniff->separator = separator;
    for (size_t i = 0; i < head->lines_count; i++) {
        size_t here = fields_of(head->lines[i], separator, columns);

        if (here != count || (i == 0 && count_numbers(columns, here) < count_numbers(sniff->columns, count)))
            continue;
        same++;
        for (size_t k = 0; k < count && k < SNIFF_COLUMNS_MAX; k++)
            if (columns[k] != sniff->columns[k]) /* whole and real: real; a word among numbers: words */
                sniff->columns[k] = columns[k] == SNIFF_WORD || sniff->columns[k] == SNIFF_WORD ? SNIFF_WORD : SNIFF_REAL;
    }
    return same;
}

static bool is_table(struct sniff *sniff, const struct head *head)
{
    static const char separators[] = {',', '\t', ';', '|', ' ', '\0'};
    enum sniff_column columns[SNIFF_COLUMNS_MAX];

    for (const char *separator = separators; *separator && head->lines_count > 1; separator++) {
        size_t same = match_table(sniff, head, *separator), numbers = count_numbers(sniff->columns, sniff->columns_count);

        if ((double)same < ENOUGH * (double)(head->lines_count - 1) || !numbers || (*separator != ' ' && sniff->columns_count < 2))
            continue;
        size_t first = fields_of(head->lines[0], *separator, columns);
        sniff->header_lines = first != sniff->columns_count || count_numbers(columns, first) < numbers;
        count_rows(sniff, head, (double)numbers * (double)same);
        sniff->kind = *separator == ' ' && sniff->columns_count > 8 && sniff->columns[0] == SNIFF_WORD && numbers == sniff->columns_count - 1
                          ? SNIFF_VECTORS
                          : SNIFF_TABLE;
        return true;
    }
    return false;
}

/* A line with its numbers replaced by letters; false if there are none, or it does not fit. */
static bool format_of(const char *line, char *to)
{
    size_t length = 0, numbers = 0;

    while (*line && length + 3 < SNIFF_FORMAT_BYTES) {
        size_t bytes = isdigit((unsigned char)*line) || (strchr("+-", *line) && isdigit((unsigned char)line[1])) ? 1 + strspn(line + 1, "0123456789.eE") : 0;

        if (bytes) {
            to[length++] = '\1';
            to[length++] = memchr(line, '.', bytes) || memchr(line, 'e', bytes) ? 'r' : 'n';
            numbers++;
        } else {
            to[length++] = *line;
            bytes = 1;
        }
        line += bytes;
    }
    to[length] = '\0';
    return numbers && numbers <= 8 && !*line;
}

static bool is_records(struct sniff *sniff, const struct head *head)
{
    char format[SNIFF_FORMAT_BYTES];
    size_t same = 0;

    if (head->lines_count < 2 || !format_of(head->lines[0], sniff->format))
        return false;
    for (size_t i = 1; i < head->lines_count; i++) {
        bool is_same = format_of(head->lines[i], format) && strlen(format) == strlen(sniff->format);

        for (size_t k = 0; is_same && format[k]; k++) {
            bool is_letter = k && format[k - 1] == '\1';
            if (is_letter && format[k] == 'r')
                sniff->format[k] = 'r';
            is_same = is_letter || format[k] == sniff->format[k];
        }
        same += is_same;
    }
    if ((double)same < ENOUGH * (double)(head->lines_count - 1))
        return false;
    sniff->kind = SNIFF_RECORDS;
    count_rows(sniff, head, (double)head->lines_count);
    return true;
}

/* ------------------------------------------------------------------ kinds of bytes */

static bool is_pnm(struct sniff *sniff, const struct head *head)
{
    unsigned columns, rows, most;
    int length = 0;

    if ((strncmp(head->text, "P5", 2) && strncmp(head->text, "P6", 2)) || sscanf(head->text + 2, "%u %u %u%n", &columns, &rows, &most, &length) < 3)
        return false;
    sniff->kind = SNIFF_PNM;
    sniff->header_bytes = (uint64_t)length + 3;
    sniff->sample_bytes = most > 255 ? 2 : 1;
    return true;
}

static bool is_nifti(struct sniff *sniff, const struct head *head)
{
    int32_t size;
    float offset;
    uint16_t bits;
    uint32_t swapped;
    bool is_swapped;

    if (head->bytes < 352)
        return false;
    memcpy(&size, head->text, sizeof size);
    memcpy(&swapped, head->text + 108, sizeof swapped);
    memcpy(&bits, head->text + 72, sizeof bits);
    is_swapped = size == (int32_t)__builtin_bswap32(348);
    if ((size != 348 && !is_swapped) || memcmp(head->text + 344, "n+1", 3) != 0)
        return false;
    swapped = is_swapped ? __builtin_bswap32(swapped) : swapped;
    memcpy(&offset, &swapped, sizeof offset);
    sniff->kind = SNIFF_NIFTI;
    sniff->header_bytes = offset >= 348 && offset < 1e6f ? (uint64_t)offset : 352;
    sniff->sample_bytes = (is_swapped ? __builtin_bswap16(bits) : bits) / 8u;
    return true;
}

void sniff_file(const char *path, struct sniff *sniff)
{
    struct head *head = calloc(1, sizeof *head);

    memset(sniff, 0, sizeof *sniff);
    if (head && read_head(path, sniff, head) && !is_pnm(sniff, head) && !is_nifti(sniff, head)) {
        sniff->kind = SNIFF_BINARY;
        if (!memchr(head->text, '\0', head->bytes)) {
            sniff->kind = SNIFF_TEXT;
            bool is_matrix_file = strncmp(head->text, "%%MatrixMarket", 14) == 0;
            cut_lines(head);
            sniff->has_comments = head->has_hash || head->has_percent;
            if (!(is_matrix_file && is_matrix(sniff, head)) && head->lines_count && !is_svm(sniff, head) && !is_graph(sniff, head) &&
                !is_table(sniff, head))
                is_records(sniff, head);
        }
    }
    if (head)
        free(head->text);
    free(head);
}

void sniff_words(const struct sniff *sniff, char *to, size_t room)
{
    static const char *const words[] = {
        [SNIFF_UNREADABLE] = "it cannot be read any more",
        [SNIFF_BINARY] = "binary data of no kind that is known here",
        [SNIFF_TEXT] = "lines of text",
        [SNIFF_PNM] = "a picture (netpbm)",
        [SNIFF_NIFTI] = "volumes (NIfTI)",
        [SNIFF_SVM] = "rows of index:value",
        [SNIFF_GRAPH] = "a graph (METIS)",
        [SNIFF_MATRIX] = "a Matrix Market file",
        [SNIFF_RECORDS] = "records of numbers",
    };

    if (sniff->kind == SNIFF_TABLE || sniff->kind == SNIFF_VECTORS)
        snprintf(to, room, "%s of %zu columns%s", sniff->kind == SNIFF_TABLE ? "a table" : "word vectors", sniff->columns_count,
                 sniff->is_gzip ? ", in gzip" : "");
    else
        snprintf(to, room, "%s%s", words[sniff->kind], sniff->is_gzip ? ", in gzip" : "");
}
