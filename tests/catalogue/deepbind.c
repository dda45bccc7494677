/*
 * deepbind.c - modules loaded with RTLD_DEEPBIND, as PHP and Samba load theirs: they find libc's functions before ours. What
 * they write from, read into and free are blocks all the same. One of them opens the other by its own run path.
 */
#include "data.h"

#include <dlfcn.h>
#include <libgen.h>

struct module {
    void *(*open)(const char *name);
    long (*write)(int fd, const void *from, size_t bytes);
    long (*read)(const char *path, void *to, size_t bytes);
    void *(*malloc)(size_t bytes);
    void (*free)(void *at);
};

static struct module module_of(void *handle)
{
    struct module module;

    CHECK(handle);
    *(void **)&module.open = dlsym(handle, "deep_open");
    *(void **)&module.write = dlsym(handle, "deep_write");
    *(void **)&module.read = dlsym(handle, "deep_read");
    *(void **)&module.malloc = dlsym(handle, "deep_malloc");
    *(void **)&module.free = dlsym(handle, "deep_free");
    CHECK(module.open && module.write && module.read && module.malloc && module.free);
    return module;
}

/* The block goes through a pipe, written by the module and read here. */
static void pass_through(const struct module *module, const unsigned char *block)
{
    static unsigned char piece[PAGE];
    int ends[2];

    CHECK(pipe(ends) == 0);
    for (size_t at = 0; at + PAGE <= DATA_BYTES; at += PAGE) {
        CHECK(module->write(ends[1], block + at, PAGE) == PAGE);
        CHECK(read(ends[0], piece, PAGE) == PAGE);
        CHECK(data_is(piece, at, PAGE));
    }
    close(ends[0]);
    close(ends[1]);
}

static void use(const struct module *module, const char *path)
{
    unsigned char *block = data_load(path), *theirs = module->malloc(DATA_BYTES);

    pass_through(module, block);
    CHECK(module->read(path, block, DATA_BYTES) == DATA_BYTES); /* over absent pages */
    CHECK(data_is_all(block));
    module->free(block);

    CHECK(theirs && module->read(path, theirs, DATA_BYTES) == DATA_BYTES);
    data_pause();
    CHECK(data_is_all(theirs));
    pass_through(module, theirs);
    free(theirs);
    module->free(malloc(100));
    free(module->malloc(100));
}

int main(int count, char **argument)
{
    char self[4096], path[4096 + 32];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    struct module lazy, now;

    (void)count;
    CHECK(n > 0);
    self[n] = 0;
    snprintf(path, sizeof path, "%s/../modules/deep.so", dirname(self));
    lazy = module_of(dlopen(path, RTLD_LAZY | RTLD_GLOBAL | RTLD_DEEPBIND));
    use(&lazy, argument[1]);
    CHECK(!dlopen("deep_now.so", RTLD_LAZY)); /* this program has no run path */
    now = module_of(lazy.open("deep_now.so"));
    use(&now, argument[1]);
    CHECK(dlsym(RTLD_DEFAULT, "deep_open") == (void *)lazy.open);
    CHECK(!dlsym(RTLD_DEFAULT, "no_such_symbol") && dlerror());
    puts("deep binding: ok");
    return 0;
}
