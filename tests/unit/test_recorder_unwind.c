/* test_recorder_unwind.c - call paths out of a copied stack: the same as libgcc's unwinder finds, and never beyond the copy. */
#include "preload/stack_bounds.c"
#include "preload/unwind.c"

_Atomic uint32_t lensi_stack_unloads;

#include <alloca.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unwind.h>

#if defined(__x86_64__)

#define KEEP __attribute__((noinline, noipa))
enum { FRAMES = 128, COPY_BYTES = 32 * 1024 };

static struct {
    uint8_t stack[COPY_BYTES];
    void *wanted[FRAMES];
    int wanted_count;
    struct lensi_moment moment;
} taken;

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context, void *unused)
{
    (void)unused;
    if (taken.wanted_count < FRAMES && _Unwind_GetIP(context))
        taken.wanted[taken.wanted_count++] = (void *)_Unwind_GetIP(context);
    return _URC_NO_REASON;
}

/* The registers and the stack of this very place. (backtrace(3) is another function under sanitizers.) */
static KEEP void take_moment(void)
{
    uint64_t *r = taken.moment.registers;

    memset(r, 0, sizeof taken.moment.registers);
    taken.wanted_count = 0;
    _Unwind_Backtrace(note_frame, NULL);
    __asm__ volatile("mov %%rbx, 24(%0)\n mov %%rbp, 48(%0)\n mov %%rsp, 56(%0)\n mov %%r12, 96(%0)\n mov %%r13, 104(%0)\n"
                     "mov %%r14, 112(%0)\n mov %%r15, 120(%0)\n lea 0(%%rip), %%rax\n mov %%rax, 128(%0)\n"
                     :
                     : "r"(r)
                     : "rax", "memory");
    taken.moment.stack = taken.stack;
    taken.moment.stack_bytes =
        (size_t)lensi_sys_copy_readable(taken.stack, (const void *)r[LENSI_DWARF_RSP], sizeof taken.stack);
}

static KEEP void of_any_size(size_t bytes)
{
    char *room = alloca(bytes);

    memset(room, 1, bytes);
    take_moment();
    __asm__ volatile("" : : "r"(room) : "memory");
}

/* A stack that is realigned: its end is found in memory. */
static KEEP void aligned(size_t bytes)
{
    _Alignas(256) char room[256];

    memset(room, 1, sizeof room);
    __asm__ volatile("" : : "r"(room) : "memory");
    of_any_size(bytes);
    __asm__ volatile("" : : "r"(room) : "memory");
}

static KEEP void deeper(int depth)
{
    if (depth)
        deeper(depth - 1);
    else
        aligned(1000);
    __asm__ volatile("" ::: "memory");
}

static KEEP int compare(const void *left, const void *right)
{
    if (!taken.wanted_count)
        deeper(20); /* below a function of libc */
    return *(const int *)left - *(const int *)right;
}

Test(recorder_unwind, finds_what_libgcc_finds, .timeout = 60)
{
    uintptr_t returns[FRAMES];
    int numbers[] = {3, 1, 2};
    bool is_whole = false;

    cr_assert_eq(lensi_unwind_start(), 0);
    qsort(numbers, 3, sizeof *numbers, compare);
    cr_assert_gt(taken.wanted_count, 25);
    size_t count = lensi_unwind(&taken.moment, returns, FRAMES, &is_whole);
    cr_assert(is_whole, "%zu frames", count);
    cr_assert_eq((int)count, taken.wanted_count);
    for (size_t i = 1; i < count; i++) /* the first lies in take_moment itself */
        cr_assert_eq(returns[i], (uintptr_t)taken.wanted[i], "frame %zu", i);
}

Test(recorder_unwind, ends_with_the_copy, .timeout = 60)
{
    uintptr_t returns[FRAMES];
    bool is_whole;

    cr_assert_eq(lensi_unwind_start(), 0);
    deeper(20);
    const struct lensi_moment moment = taken.moment;
    size_t before = 1;
    for (size_t bytes = 0; bytes < moment.stack_bytes; bytes += 8) {
        struct lensi_moment part = moment;

        part.stack_bytes = bytes;
        part.stack = malloc(bytes ? bytes : 1); /* what lies behind is another's */
        memcpy((uint8_t *)(uintptr_t)part.stack, taken.stack, bytes);
        is_whole = false;
        size_t count = lensi_unwind(&part, returns, FRAMES, &is_whole);
        free((void *)(uintptr_t)part.stack);
        cr_assert_geq(count, before);
        before = count;
        if (is_whole)
            break;
    }
    cr_assert_gt(before, 20u);
}

/* Registers and stacks of nonsense lead nowhere, and to no harm. */
Test(recorder_unwind, takes_nonsense, .timeout = 60)
{
    uintptr_t returns[FRAMES];
    uint64_t seed = 7;
    bool is_whole;

    cr_assert_eq(lensi_unwind_start(), 0);
    deeper(3);
    const struct lensi_moment moment = taken.moment;
    for (int round = 0; round < 20000; round++) {
        struct lensi_moment bad = moment;

        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        bad.registers[seed >> 33 & 15] ^= 1ull << (seed >> 40 & 63);
        if (round & 1)
            bad.registers[LENSI_DWARF_RETURN] += seed >> 50;
        size_t count = lensi_unwind(&bad, returns, FRAMES, &is_whole);
        cr_assert(count >= 1 && count <= FRAMES);
    }
}

#endif
