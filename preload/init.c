/*
 * init.c - the first and the last thing that happens in a wrapped program.
 *
 * The constructor runs before every other library's (the linker is told so), reads the options and the plan, and
 * starts the engine. Whatever goes wrong here is said in one line; the program then runs as if we were not there.
 */
#include "lenses/builtin.h"
#include "liblens/base/log.h"
#include "liblens/base/sys.h"
#include "liblens/engine/engine.h"
#include "liblens/testing/inject.h"
#include "liblens/watch/chaos.h"
#include "preload/deepbind.h"
#include "preload/descriptors.h"
#include "preload/io.h"
#include "preload/malloc.h"
#include "preload/masks.h"
#include "preload/next.h"
#include "preload/process.h"
#include "preload/recorder/death.h"
#include "preload/recorder/fill.h"
#include "preload/recorder/malloc.h"
#include "preload/recorder/record.h"
#include "preload/recorder/use_malloc.h"
#include "preload/seccomp.h"
#include "preload/threads.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>

static struct lensi_options options;
static struct lensi_plan plan;
static bool started;

/* Standard error as it is now, on a number of our own: programs close theirs before we say our last line. */
static void open_log(void)
{
    int fd = lensi_sys_dup_high(2);

    if (fd >= 0)
        lensi_log_open(fd);
    lensi_log_quiet(options.quiet);
}

static bool read_plan(struct lens_error *error)
{
    if (options.chaos.on) {
        lensi_chaos_open(&options);
        plan = *lensi_chaos_plan(&options.chaos);
        return true;
    }
    if (lensi_plan_read(options.plan_path, &plan, error) == 0)
        return true;
    lensi_warn("%s; nothing is virtualised", error->text);
    return false;
}

/* Registered before anything else of the process, so it runs last. */
static void exits(int status, void *unused)
{
    (void)unused;
    lensi_record_finish(LENSI_END_EXIT, status);
}

/* In a child, which ends right afterwards: only whether it can be done. */
static void try_engine(void)
{
    struct lens_error error;

    lensi_log_quiet(true);
    if (lensi_engine_start(&options, &plan, &error) == 0)
        lensi_descriptors_inherited();
}

/* A filter that ends us for userfaultfd may still let the last rung through. */
static bool does_filter_allow(void)
{
    if (lensi_seccomp_allows(try_engine))
        return true;
    if (options.fault != LENSI_FAULT_AUTO)
        return false;
    options.fault = LENSI_FAULT_PROTECT;
    return lensi_seccomp_allows(try_engine);
}

/* lens profile: the engine is not needed. */
static void start_recording(int argc, char **argv)
{
    static struct lensi_record_options how;
    struct lens_error error = {.at = -1};
    int result;

    how = (struct lensi_record_options){.path = options.trace_path,
                                        .sample_bytes = options.trace_sample_bytes,
                                        .main_process = options.main_process,
                                        .argc = argc,
                                        .argv = argv};
    open_log();
    on_exit(exits, NULL);
    if (!lensi_malloc_is_ours())
        lensi_warn("this program brings its own allocator: only its mappings are recorded");
    result = lensi_record_start(&how);
    if (result < 0) {
        lensi_warn("nothing is recorded: %s", lensi_error_text(result));
        return;
    }
    if (options.trace_use && lensi_use_start(&options, &error) < 0)
        lensi_warn("how memory is used is not watched: %s. See 'lens doctor'", error.text);
    else if (options.trace_use)
        lensi_fill_by_touch();
    lensi_process_init();
    lensi_record_malloc_init();
    lensi_descriptors_inherited();
    lensi_death_start();
}

/*
 * qemu's emulators of user programs (qemu-x86_64, not qemu-system-...) keep a record for each page of the guest's
 * address space that is mapped: of terabytes that are only reserved, more than machines have. The guest would load us,
 * too.
 */
static bool is_emulator(void)
{
    static const char user[] = "qemu-", machine[] = "qemu-system-";
    const char *path = (const char *)getauxval(AT_EXECFN), *name = path ? strrchr(path, '/') : NULL; /* no call that a filter may end us for */

    name = name ? name + 1 : path;
    return name && !strncmp(name, user, sizeof user - 1) && strncmp(name, machine, sizeof machine - 1) != 0;
}

/*
 * Chromium's, and of all that is built on it: it ends itself where it is not one thread. Its children are forks of it.
 */
static bool counts_threads(char **argv)
{
    if (!options.trace_path && options.fault != LENSI_FAULT_THREAD && !options.chaos.on)
        return false; /* no thread of ours from the start */
    while (*argv && strcmp(*argv, "--type=zygote") != 0)
        argv++;
    return *argv != NULL;
}

/* lens has put us before all else in the list. In place: what main() sees is this very array. */
static void leave_guest_alone(char **environment)
{
    static const char name[] = "LD_PRELOAD=";

    while (*environment && strncmp(*environment, name, sizeof name - 1) != 0)
        environment++;
    if (!*environment)
        return;
    char *list = *environment + sizeof name - 1, *others = strchr(list, ':');
    if (others)
        memmove(list, others + 1, strlen(others));
    for (; !others && *environment; environment++)
        *environment = environment[1];
}

/*
 * Where hardly anything may be had, all of it is the program's: below these limits we would take what it needs, or stop
 * half-way. The options then have no effect, and one line says so.
 */
static bool is_cramped(void)
{
    enum { DESCRIPTORS_LEAST = 32 };
    const uint64_t bytes_least = 256u << 20, descriptors = lensi_sys_limit(RLIMIT_NOFILE), bytes = lensi_sys_address_limit();
    const char *nothing = options.trace_path ? "nothing is recorded" : "nothing is virtualised";

    if (descriptors < DESCRIPTORS_LEAST)
        lensi_warn("passing through, %s: this process may have %llu descriptors (ulimit -n), and lens needs some", nothing,
                   (unsigned long long)descriptors);
    else if (bytes < bytes_least)
        lensi_warn("passing through, %s: this process may have %llu MB of addresses (ulimit -v, ulimit -d, vm.overcommit_memory), lens needs 256",
                   nothing, (unsigned long long)(bytes >> 20));
    else
        return false;
    return true;
}

/*
 * A sanitizer's runtime keeps a shadow of all memory, and wants to see each function that changes any: the engine's are
 * not for it to see. The lens command does not preload us into such a program, but one that it starts may be one. Weak
 * names, as dlsym would ask the program's own malloc for room to say that there is none.
 */
extern const char __asan_init[] __attribute__((weak)), __tsan_init[] __attribute__((weak)), __msan_init[] __attribute__((weak)),
    __hwasan_init[] __attribute__((weak));

static bool is_sanitized(void) { return __asan_init || __tsan_init || __msan_init || __hwasan_init; }

static void start(int argc, char **argv, char **environment)
{
    struct lens_error error = {.at = -1};
    int result;

    if (getauxval(AT_SECURE)) /* setuid and its kind: what the environment says is not for us to follow */
        return;
    if (!lensi_inject_read(environment, lensi_main_process_of(environment))) {
        lensi_warn("LENS_INJECT makes no sense; see docs/inject.md");
        return;
    }
    if (lensi_options_read(&options, environment, &error) < 0) {
        lensi_warn("%s; nothing is virtualised", error.text);
        return;
    }
    if (!options.trace_path && !options.plan_path && !options.chaos.on)
        return;
    if (is_cramped())
        return;
    if (is_sanitized()) {
        lensi_warn("passing through, nothing is %s: the program is built with a sanitizer", options.trace_path ? "recorded" : "virtualised");
        return;
    }
    if ((!options.trace_path || options.trace_use) && is_emulator()) {
        lensi_warn("passing through, nothing is %s: qemu's emulators keep a record of every page of address space", options.trace_path ? "recorded" : "virtualised");
        leave_guest_alone(environment);
        return;
    }
    if (counts_threads(argv)) {
        lensi_warn("passing through, nothing is %s: a zygote counts its threads", options.trace_path ? "recorded" : "virtualised");
        return;
    }
    if (!lensi_seccomp_allows(NULL)) {
        lensi_seccomp_say(options.trace_path ? "nothing is recorded" : "passing through, nothing is virtualised");
        return;
    }
    if (options.trace_path) {
        start_recording(argc, argv);
        return;
    }
    for (size_t i = 0; i < lens_builtin_count; i++)
        lens_register(lens_builtin[i]);
    open_log();
    if (!read_plan(&error))
        return;
    if (!does_filter_allow()) {
        lensi_seccomp_say("passing through, nothing is virtualised");
        return;
    }
    result = lensi_engine_start(&options, &plan, &error);
    if (result == -ECANCELED)
        lensi_say("passing through: --fault off");
    else if (result < 0)
        lensi_warn("passing through, nothing is virtualised: %s. See 'lens doctor'", error.text);
    started = result == 0;
}

__attribute__((constructor(101))) static void begin(int argc, char **argv, char **environment)
{
    lensi_next_find_all();
    lensi_restorer_open();
    lensi_main_stack_init();
    lensi_deepbind_init();
    start(argc, argv, environment);
    lensi_mask_begin();
    lensi_thread_begins();
    if (!started)
        return;
    lensi_process_init();
    lensi_descriptors_inherited();
    lensi_malloc_init();
}

__attribute__((destructor(101))) static void end(void)
{
    if (started)
        lensi_engine_finish();
}
