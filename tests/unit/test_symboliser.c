/*
 * test_symboliser.c - small programs compiled in each way that binaries come: with and without debug information, stripped,
 * with separate debug files, C++, Rust. Each prints the return address of a call; the symboliser must say where that is.
 */
#include "analysis/names/symboliser.h"
#include "analysis/trace/strings.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_BYTES 20

static char folder[64];
static struct strings *strings;

static void enter(void)
{
    snprintf(folder, sizeof folder, "/tmp/lens-symboliser-XXXXXX");
    cr_assert(mkdtemp(folder) && chdir(folder) == 0);
    unsetenv("DEBUGINFOD_URLS");
    strings = strings_new();
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
    (void)status, (void)flag, (void)ftw;
    return remove(path);
}

static void leave(void)
{
    strings_free(strings);
    cr_assert(chdir("/") == 0);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
TestSuite(symboliser, .init = enter, .fini = leave, .timeout = 60);

__attribute__((format(printf, 1, 2))) static int shell(const char *format, ...)
{
    char command[1000];
    va_list list;

    va_start(list, format);
    vsnprintf(command, sizeof command, format, list);
    va_end(list);
    return system(command);
}

static void write_source(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    cr_assert(file);
    fputs(text, file);
    fclose(file);
}

/* here() prints its return address less the program's base: the address in the file, as it is position-independent. */
#define HERE \
    "#ifndef _GNU_SOURCE\n" \
    "#define _GNU_SOURCE\n" \
    "#endif\n" \
    "#include <link.h>\n" \
    "#include <stdio.h>\n" \
    "static int first(struct dl_phdr_info *info, size_t size, void *base) { (void)size; *(unsigned long *)base = info->dlpi_addr; return 1; }\n" \
    "__attribute__((noinline)) int here(void) { unsigned long base = 0; dl_iterate_phdr(first, &base);\n" \
    "  printf(\"%lx\\n\", (unsigned long)__builtin_return_address(0) - base); return 1; }\n"

static const char c_source[] = HERE
    "static inline __attribute__((always_inline)) int inner(int n) {\n"
    "    return here() + n;\n" /* line 10 */
    "}\n"
    "__attribute__((noinline)) int load_rows(int n) {\n"
    "    return inner(n) + 2;\n" /* line 13 */
    "}\n"
    "int main(int argc, char **argv) { (void)argv; return load_rows(argc) == 0; }\n";

static uint64_t address_of(const char *program)
{
    unsigned long address = 0;
    char command[PATH_MAX];

    snprintf(command, sizeof command, "./%s", program);
    FILE *pipe = popen(command, "r");
    cr_assert(pipe && fscanf(pipe, "%lx", &address) == 1);
    pclose(pipe);
    return address;
}

static uint64_t build(const char *flags)
{
    write_source("prog.c", c_source);
    cr_assert_eq(shell("gcc -O2 -pie -fPIE -Wl,--build-id=sha1 %s -o prog prog.c", flags), 0);
    return address_of("prog");
}

/* The build id as `file` and readelf print it. */
static void read_build_id(uint8_t id[ID_BYTES])
{
    char hex[2 * ID_BYTES + 1] = "";
    FILE *pipe = popen("readelf -n prog | sed -n 's/.*Build ID: //p'", "r");

    cr_assert(pipe && fscanf(pipe, "%40s", hex) == 1);
    pclose(pipe);
    for (size_t i = 0; i < ID_BYTES; i++) {
        unsigned byte;

        cr_assert_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
        id[i] = (uint8_t)byte;
    }
}

struct ask {
    const char *path, *debug_dir;
    const uint8_t *build_id;
    uint64_t address;
    enum symboliser_state state; /* expected */
};

/* The symbols; the symboliser lives as long as the test's process. */
static const struct symbols *find(const struct ask *ask)
{
    struct symboliser *symboliser = symboliser_new(strings, ask->debug_dir);
    size_t module = symboliser_module(symboliser, ask->path, ask->build_id, ask->build_id ? ID_BYTES : 0);
    const struct symbols *found = symboliser_find(symboliser, module, ask->address, true);

    cr_assert(found && found->count >= 1);
    cr_assert_eq(symboliser_find(symboliser, module, ask->address, true), found, "not remembered");
    cr_assert_eq(symboliser_module_state(symboliser, module), ask->state, "state %d, not %d",
                 symboliser_module_state(symboliser, module), ask->state);
    return found;
}

static void is(const struct symbol *symbol, const char *name, const char *file, unsigned line)
{
    cr_assert_str_eq(symbol->name, name);
    cr_assert_eq(symbol->line, line, "%s: line %u, not %u", name, symbol->line, line);
    if (file)
        cr_assert(symbol->file && strstr(symbol->file, file), "%s: file %s", name, symbol->file);
    else
        cr_assert_null(symbol->file);
}

static void has_lines(const struct symbols *found)
{
    cr_assert_eq(found->count, 2);
    is(&found->list[0], "inner", "prog.c", 10);
    is(&found->list[1], "load_rows", "prog.c", 13);
    cr_assert(found->list[0].is_inlined && !found->list[1].is_inlined);
    cr_assert(found->list[1].is_known && found->list[1].function_bytes > 0);
}

static void is_nameless(const struct symbols *found, uint64_t address)
{
    char expected[64];

    snprintf(expected, sizeof expected, "prog+0x%lx", (unsigned long)address);
    cr_assert_eq(found->count, 1);
    cr_assert_str_eq(found->list[0].function, expected);
    cr_assert_str_eq(found->list[0].name, expected);
    cr_assert_str_eq(found->list[0].module, "prog");
    cr_assert_not(found->list[0].is_known);
}

Test(symboliser, lines_and_inlined_calls)
{
    has_lines(find(&(struct ask){"prog", .address = build("-g"), .state = SYMBOLISER_LINES}));
}

Test(symboliser, names_without_lines)
{
    const struct symbols *found = find(&(struct ask){"prog", .address = build("-g0"), .state = SYMBOLISER_NAMES});

    cr_assert_eq(found->count, 1);
    is(&found->list[0], "load_rows", NULL, 0);
}

Test(symboliser, stripped_is_module_and_offset)
{
    uint64_t address = build("-s");

    is_nameless(find(&(struct ask){"prog", .address = address, .state = SYMBOLISER_STRIPPED}), address);
}

Test(symboliser, position_dependent_programs)
{
    write_source("prog.c", c_source);
    cr_assert_eq(shell("gcc -O2 -g -no-pie -fno-PIE -o prog prog.c"), 0);
    has_lines(find(&(struct ask){"prog", .address = address_of("prog"), .state = SYMBOLISER_LINES}));
}

Test(symboliser, debuglink_beside_the_program)
{
    uint64_t address = build("-g -Wl,--build-id=none");

    cr_assert_eq(shell("objcopy --only-keep-debug prog prog.debug && strip -s prog && "
                       "objcopy --add-gnu-debuglink=prog.debug prog"), 0);
    has_lines(find(&(struct ask){"prog", .address = address, .state = SYMBOLISER_LINES}));
    /* In .debug/ too. */
    cr_assert_eq(shell("mkdir .debug && mv prog.debug .debug/"), 0);
    has_lines(find(&(struct ask){"prog", .address = address, .state = SYMBOLISER_LINES}));
    /* Another build's debug file has another checksum: no names are better than wrong ones. */
    cr_assert_eq(shell("printf x >> .debug/prog.debug"), 0);
    is_nameless(find(&(struct ask){"prog", .address = address, .state = SYMBOLISER_STRIPPED}), address);
}

static void move_debug_file(const uint8_t id[ID_BYTES])
{
    char name[2 * ID_BYTES + 1];

    for (size_t i = 0; i < ID_BYTES; i++)
        snprintf(name + 2 * i, 3, "%02x", id[i]);
    cr_assert_eq(shell("mkdir -p debug/.build-id/%.2s && objcopy --only-keep-debug prog debug/.build-id/%.2s/%s.debug && "
                       "strip -s prog", name, name, name + 2), 0);
}

Test(symboliser, debug_files_by_build_id)
{
    uint64_t address = build("-g");
    uint8_t id[ID_BYTES];
    char dir[128];

    read_build_id(id);
    move_debug_file(id);
    snprintf(dir, sizeof dir, "%s/debug", folder);
    has_lines(find(&(struct ask){"prog", dir, NULL, address, SYMBOLISER_LINES}));
    has_lines(find(&(struct ask){"prog", dir, id, address, SYMBOLISER_LINES}));
    /* The program itself is gone, or is another one by now. */
    cr_assert_eq(shell("rm prog"), 0);
    has_lines(find(&(struct ask){"prog", dir, id, address, SYMBOLISER_LINES}));
    cr_assert_eq(shell("cp /bin/true prog"), 0);
    has_lines(find(&(struct ask){"prog", dir, id, address, SYMBOLISER_LINES}));
}

Test(symboliser, another_build_gives_no_names)
{
    uint64_t address = build("-g");
    uint8_t id[ID_BYTES];

    read_build_id(id);
    id[ID_BYTES - 1] ^= 1;
    is_nameless(find(&(struct ask){"prog", NULL, id, address, SYMBOLISER_CHANGED}), address);
}

Test(symboliser, files_that_are_not_there_or_not_programs)
{
    is_nameless(find(&(struct ask){"nowhere/prog", .address = 0x10, .state = SYMBOLISER_MISSING}), 0x10);
    write_source("prog", "#!/bin/sh\n");
    is_nameless(find(&(struct ask){"prog", .address = 0x10, .state = SYMBOLISER_BROKEN}), 0x10);
    write_source("prog", "");
    is_nameless(find(&(struct ask){"prog", .address = 0, .state = SYMBOLISER_BROKEN}), 0);
    cr_assert_eq(shell("rm prog && mkfifo prog"), 0);
    is_nameless(find(&(struct ask){"prog", .address = 0x10, .state = SYMBOLISER_BROKEN}), 0x10);
    for (int bytes = 100; bytes < 20000; bytes += 900) { /* a torn ELF file: any answer, no crash */
        struct symboliser *symboliser = symboliser_new(strings, NULL);

        cr_assert_eq(shell("rm prog && head -c %d /bin/true > prog", bytes), 0);
        cr_assert(symboliser_find(symboliser, symboliser_module(symboliser, "prog", NULL, 0), 0x2000, true));
        symboliser_free(symboliser);
    }
}

Test(symboliser, addresses_outside_the_code)
{
    build("-g");
    struct symboliser *symboliser = symboliser_new(strings, NULL);
    size_t module = symboliser_module(symboliser, "prog", NULL, 0);
    const uint64_t odd[] = {0, 1, 0x10000000, UINT64_MAX, UINT64_MAX - 1};

    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        const struct symbols *found = symboliser_find(symboliser, module, odd[i], i & 1);

        cr_assert(found && found->count == 1 && !found->list[0].is_known, "%lx is %s", (unsigned long)odd[i],
                  found->list[0].name);
    }
    symboliser_free(symboliser);
}

static const char cpp_source[] = HERE
    "#include <vector>\n"
    "namespace shop {\n"
    "namespace {\n"
    "struct Basket {\n"
    "    int n;\n"
    "    inline __attribute__((always_inline)) Basket(int m) { n = here() + m; }\n" /* line 14 */
    "    template <class T> __attribute__((noinline)) T make(T t) { Basket other(n); return t + other.n; }\n"
    "};\n"
    "}\n"
    "}\n"
    "int main(int argc, char **) { shop::Basket *b = (shop::Basket *)&argc; return b->make<double>(argc) == 0; }\n";

Test(symboliser, templates_and_constructors)
{
    write_source("prog.cpp", cpp_source);
    cr_assert_eq(shell("g++ -O2 -g -o prog prog.cpp"), 0);
    const struct symbols *found = find(&(struct ask){"prog", .address = address_of("prog"), .state = SYMBOLISER_LINES});

    cr_assert_geq(found->count, 2);
    is(&found->list[0], "shop::(anonymous namespace)::Basket::Basket", "prog.cpp", 14);
    is(&found->list[1], "shop::(anonymous namespace)::Basket::make", "prog.cpp", 15);
    cr_assert(strstr(found->list[1].function, "make<double>(double)"), "%s", found->list[1].function);
}

Test(symboliser, units_without_aranges)
{
    if (shell("command -v clang > /dev/null") != 0)
        cr_skip_test("no clang");
    write_source("prog.c", c_source);
    cr_assert_eq(shell("clang -O2 -g -pie -fPIE -o prog prog.c 2> /dev/null"), 0);
    has_lines(find(&(struct ask){"prog", .address = address_of("prog"), .state = SYMBOLISER_LINES}));
}

Test(symboliser, rust)
{
    write_source("prog.rs",
                 "extern \"C\" { fn here() -> i32; }\n"
                 "mod shop { pub struct Basket(pub i32); impl Basket {\n"
                 "    #[inline(never)] pub fn fill(&mut self) { self.0 += unsafe { super::here() }; }\n" /* line 3 */
                 "} }\n"
                 "fn main() { let mut b = shop::Basket(1); b.fill(); std::process::exit((b.0 == 0) as i32); }\n");
    write_source("here.c", HERE);
    if (shell("rustc --version > /dev/null 2>&1") != 0)
        cr_skip_test("no rustc");
    cr_assert_eq(shell("gcc -c -O2 here.c && rustc -O -g -C link-arg=here.o prog.rs 2> rust.err || "
                       "{ cat rust.err; exit 1; }"), 0);
    const struct symbols *found = find(&(struct ask){"prog", .address = address_of("prog"), .state = SYMBOLISER_LINES});

    is(&found->list[0], "prog::shop::Basket::fill", "prog.rs", 3);
}
