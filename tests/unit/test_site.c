/*
 * test_site.c - call paths against the frames of a plan, and the walks and names they rest on.
 *
 * The units live in the preload library, which a test runner must not load: they are compiled in here.
 */
#include "preload/site.c"
#include "preload/stack.c"
#include "preload/stack_bounds.c"
#define take_number take_leb128 /* symbols.c has one, too */
#include "preload/unwind.c"
#undef take_number
#include "preload/symbols.c"

#include "lenses/builtin.h"

#include <gnu/libc-version.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>

#define NOIPA __attribute__((noipa))
#define BIG (1u << 20)

static struct lensi_plan the_plan;
static size_t found;

static void use_plan(const char *sites)
{
    static char text[4096];
    struct lens_error error = {.text = ""};

    lens_register(&lens_verbatim);
    lensi_format(text, sizeof text, "lens-plan 1\n%s", sites);
    cr_assert_eq(lensi_plan_parse("test.plan", text, strlen(text), &the_plan, &error), 0, "%s", error.text);
}

#define BODY "{ min 1K\n file \"*\"\n lens verbatim }\n"

/* Stands for malloc: asks for the site of its own caller. */
NOIPA static void *ask(size_t bytes)
{
    const uintptr_t *slot = (const uintptr_t *)__builtin_frame_address(0) + 1;

    found = lensi_site_find(bytes, __builtin_return_address(0), slot);
    return NULL;
}

NOIPA static void *wrapper(size_t bytes)
{
    void *at = ask(bytes);

    __asm__ volatile("" ::: "memory");
    return at;
}

NOIPA static size_t load_pairs(size_t bytes)
{
    found = SIZE_MAX - 1;
    wrapper(bytes);
    __asm__ volatile("" ::: "memory");
    return found;
}

NOIPA static size_t load_other(size_t bytes)
{
    found = SIZE_MAX - 1;
    wrapper(bytes);
    __asm__ volatile("" ::: "memory");
    return found;
}

/* A frame that is as large as it is told. */
NOIPA static size_t load_with_room(size_t bytes, size_t room)
{
    volatile char *space = __builtin_alloca(room);

    space[0] = 1;
    wrapper(bytes);
    __asm__ volatile("" ::: "memory");
    return found;
}

/* ---- which site */

struct path_case {
    char sites[200];
    size_t pairs, other; /* the site of load_pairs and of load_other */
};

ParameterizedTestParameters(site, frames)
{
    static struct path_case cases[] = {
        {"site \"load_pairs\" " BODY, 0, LENSI_NO_SITE},
        {"site \"wrapper\" from \"load_pairs\" " BODY, 0, LENSI_NO_SITE},
        {"site \"load_pairs\" from \"wrapper\" " BODY, LENSI_NO_SITE, LENSI_NO_SITE}, /* inner first */
        {"site \"load_*\" " BODY, 0, 0},
        {"site \"*\" " BODY, 0, 0},
        {"site \"test_site\" " BODY, 0, 0},
        {"site \"libm.so*\" " BODY, LENSI_NO_SITE, LENSI_NO_SITE},
        {"site \"wrapper\" from \"*\" " BODY, 0, 0},
        {"site \"nobody\" " BODY, LENSI_NO_SITE, LENSI_NO_SITE},
        {"site \"load_other\" " BODY "site \"*\" " BODY, 1, 0},
        {"site \"*\" " BODY "site \"load_pairs\" " BODY, 0, 0}, /* the first that fits */
        {"site \"load_other\" " BODY "site \"load_pairs\" " BODY, 1, 0},
    };

    return cr_make_param_array(struct path_case, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct path_case *row, site, frames)
{
    use_plan(row->sites);
    cr_assert_eq(lensi_site_init(&the_plan), 1024);
    for (size_t again = 0; again < 3; again++) {
        cr_assert_eq(load_pairs(BIG), row->pairs, "%s", row->sites);
        cr_assert_eq(load_other(BIG), row->other, "%s", row->sites);
        cr_assert_eq(load_pairs(2000), row->pairs, "%s", row->sites);
    }
}

Test(site, sizes)
{
    use_plan("site \"load_pairs\" { min 1M\n max 2M\n file \"*\"\n lens verbatim }\n"
             "site \"load_pairs\" { min 2K\n file \"*\"\n lens verbatim }\n");
    cr_assert_eq(lensi_site_init(&the_plan), 2048);
    cr_assert_eq(load_pairs(1 << 20), 0);
    cr_assert_eq(load_pairs(2 << 20), 0);
    cr_assert_eq(load_pairs((2 << 20) + 1), 1);
    cr_assert_eq(load_pairs(2048), 1);
    cr_assert_eq(load_pairs(2047), LENSI_NO_SITE);
}

/* A wrapper called in vain many times does not hide the caller that matters. */
Test(site, small_ones_behind_a_wrapper)
{
    use_plan("site \"load_pairs\" " BODY);
    lensi_site_init(&the_plan);
    for (size_t i = 0; i < 1000; i++)
        cr_assert_eq(load_other(2000), LENSI_NO_SITE);
    for (size_t i = 0; i < 100; i++)
        cr_assert_eq(load_pairs(2000), 0);
}

Test(site, frames_that_vary)
{
    use_plan("site \"load_with_room\" " BODY);
    lensi_site_init(&the_plan);
    for (size_t i = 0; i < 200; i++)
        cr_assert_eq(load_with_room(i % 2 ? BIG : 2000, 16 + i * 37 % 5000), 0);
    cr_assert_eq(load_other(BIG), LENSI_NO_SITE);
}

static uint64_t test_site_return; /* an address within load_pairs, in the file */

static int note_bias(struct dl_phdr_info *info, size_t size, void *bias)
{
    (void)size;
    *(uintptr_t *)bias = info->dlpi_addr; /* the program itself comes first */
    return 1;
}

Test(site, offsets)
{
    char sites[200];
    uintptr_t bias = 0;

    dl_iterate_phdr(note_bias, &bias);
    test_site_return = (uintptr_t)load_pairs - bias;
    lensi_format(sites, sizeof sites, "site \"test_s*+0x%llx-0x%llx\" " BODY, (unsigned long long)test_site_return,
                 (unsigned long long)test_site_return + 64);
    use_plan(sites);
    lensi_site_init(&the_plan);
    cr_assert_eq(load_pairs(BIG), 0);
    cr_assert_eq(load_other(BIG), LENSI_NO_SITE);
}

static void *ask_in_thread(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < 20000; i++) {
        struct lensi_stack stack;
        lensi_stack_walk((uintptr_t)__builtin_return_address(0), (const uintptr_t *)__builtin_frame_address(0) + 1,
                         LENSI_STACK_FRAMES, &stack);
        cr_assert(stack.count >= 1 && stack.count < LENSI_STACK_FRAMES);
    }
    return NULL;
}

Test(site, threads_walk_at_once, .timeout = 60)
{
    pthread_t threads[4];

    cr_assert_eq(lensi_stack_init(LENSI_STACK_BITS), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, ask_in_thread, NULL);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

/* ---- the walk by known steps sees what the unwinder sees */

static size_t walks_stepped;

/* The first walk is told nothing about the stack, so it cannot be the short one. */
NOIPA static void compare_walks(size_t frames)
{
    uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    const uintptr_t nowhere[2] = {0, 0}, *slot = (const uintptr_t *)__builtin_frame_address(0) + 1;
    struct lensi_stack full, stepped;

    lensi_stack_walk(caller, nowhere + 1, frames, &full);
    if (!walk_steps(caller, slot, frames, &stepped))
        return;
    cr_assert_eq(full.count, stepped.count);
    cr_assert_arr_eq(full.returns, stepped.returns, full.count * sizeof full.returns[0]);
    walks_stepped++;
}

NOIPA static void walk_from(int depth, size_t frames)
{
    if (depth > 0)
        walk_from(depth - 1, frames);
    else
        compare_walks(frames);
    __asm__ volatile("" ::: "memory");
}

Test(stack, known_steps_lead_where_the_unwinder_leads)
{
    cr_assert_eq(lensi_stack_init(LENSI_STACK_BITS), 0);
    walk_from(40, LENSI_STACK_FRAMES);
    walk_from(10, 5);
    walk_from(0, 1);
    cr_assert_eq(walks_stepped, HAS_STEPS * 3);
    walk_from(10, LENSI_STACK_FRAMES); /* the runner's frames may be of any kind */
}

/* ---- names */

static bool is_named(const struct lensi_symbol *symbol, const char *name)
{
    for (size_t i = 0; i < symbol->functions_count; i++)
        if (strcmp(symbol->functions[i].name, name) == 0)
            return true;
    return false;
}

Test(symbols, functions_and_modules)
{
    struct lensi_symbol symbol;
    int here;

    lensi_symbol_find((uintptr_t)load_pairs + 5, &symbol);
    cr_assert(is_named(&symbol, "load_pairs"));
    cr_assert_str_eq(symbol.module, "test_site");
    lensi_symbol_find((uintptr_t)gnu_get_libc_version + 1, &symbol);
    cr_assert(lensi_glob("libc.so*", symbol.module), "%s", symbol.module);
    cr_assert(is_named(&symbol, "gnu_get_libc_version"));
    lensi_symbol_find((uintptr_t)&here, &symbol);
    cr_assert_str_eq(symbol.module, "");
    cr_assert_eq(symbol.functions_count, 0);
}

struct mangled_case {
    char mangled[64], plain[64];
};

ParameterizedTestParameters(symbols, unmangle)
{
    static struct mangled_case cases[] = {
        {"main", ""},
        {"_Z4loadPKc", "load"},
        {"_ZN2ns6Reader4loadEv", "ns::Reader::load"},
        {"_ZNK2ns6Reader4sizeEv", "ns::Reader::size"},
        {"_ZNSt6vectorIiSaIiEE7reserveEm", "std::vector"},
        {"_ZN", ""},
        {"_Z99short", ""},
        {"_Z", ""},
        {"_Z99999999999999999999999x", ""},
    };

    return cr_make_param_array(struct mangled_case, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct mangled_case *row, symbols, unmangle)
{
    char plain[64];

    lensi_symbol_unmangle(row->mangled, plain, sizeof plain);
    cr_assert_str_eq(plain, row->plain);
}
