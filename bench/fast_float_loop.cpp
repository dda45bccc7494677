/* fast_float_loop.cpp - see fast_float_loop.h. */
#include "bench/fast_float_loop.h"

#include <charconv>
#define NDEBUG 1
#include <fast_float/fast_float.h>

namespace {

struct pair {
    int32_t key;
    float value;
};
struct node {
    int32_t index;
    double value;
};

/* A ring of elements: the next one to write. */
template <typename T> struct ring {
    T *first, *end, *next;

    ring(void *out, size_t room) : first(static_cast<T *>(out)), end(first + room / sizeof(T)), next(first) {}
    T &take()
    {
        if (next == end)
            next = first;
        return *next++;
    }
};

} // namespace

extern "C" {

uint64_t fast_float_pairs(const char *text, size_t n, void *out, size_t room)
{
    const char *p = text, *end = text + n;
    ring<pair> ring(out, room);
    uint64_t made = 0;

    for (; p < end; made++) {
        pair &to = ring.take();

        p = std::from_chars(p, end, to.key).ptr + 1;
        p = fast_float::from_chars(p, end, to.value).ptr + 2;
    }
    return made;
}

uint64_t fast_float_rows(const char *text, size_t n, void *out, size_t room)
{
    const char *p = text, *end = text + n;
    ring<node> ring(out, room);
    uint64_t made = 0;

    while (p < end) {
        while (*p != ' ' && *p != '\n')
            p++;
        for (; *p == ' '; made++) {
            node &to = ring.take();

            p = std::from_chars(p + 1, end, to.index).ptr + 1;
            p = fast_float::from_chars(p, end, to.value).ptr;
        }
        p++;
        ring.take() = { -1, 0 };
        made++;
    }
    return made;
}

uint64_t fast_float_matrix(const char *text, size_t n, void *out, size_t room)
{
    const char *p = text, *end = text + n;
    ring<double> ring(out, room);
    uint64_t made = 0;

    for (; p < end; made++)
        p = fast_float::from_chars(p, end, ring.take()).ptr + 1;
    return made;
}

uint64_t fast_float_ints(const char *text, size_t n, void *out, size_t room)
{
    const char *p = text, *end = text + n;
    ring<int32_t> ring(out, room);
    uint64_t made = 0;

    for (;; made++) {
        while (p < end && (*p == ' ' || *p == '\n'))
            p++;
        if (p == end)
            return made;
        p = std::from_chars(p, end, ring.take()).ptr;
    }
}

} // extern "C"
