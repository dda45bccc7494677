/* early.c - allocations before main, after it, in a constructor's thread and around dlopen. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *from_constructor;

static void *in_thread(void *unused)
{
    (void)unused;
    free(from_constructor);
    from_constructor = calloc(1, 1 << 20);
    return NULL;
}

__attribute__((constructor)) static void before(void)
{
    pthread_t thread;

    from_constructor = malloc(1 << 20);
    memset(from_constructor, 1, 1 << 20);
    pthread_create(&thread, NULL, in_thread, NULL);
    pthread_join(thread, NULL);
}

__attribute__((destructor)) static void after(void)
{
    from_constructor = realloc(from_constructor, 3 << 20);
    printf("after main: %d\n", from_constructor[1 << 19]);
    free(from_constructor);
}

static void at_the_end(void)
{
    char *late = malloc(2 << 20);

    memset(late, 2, 2 << 20);
    printf("at exit: %d\n", late[100000]);
    free(late);
}

int main(void)
{
    void *library;

    atexit(at_the_end);
    for (int i = 0; i < 20; i++) {
        library = dlopen("libz.so.1", RTLD_NOW);
        if (library) {
            unsigned long (*bound)(unsigned long) = (unsigned long (*)(unsigned long))dlsym(library, "compressBound");
            char *block = malloc(bound ? bound(1 << 20) : 1 << 20);
            block[0] = 1;
            free(block);
            dlclose(library);
        }
        dlopen("/no/such/library.so", RTLD_NOW);
        dlerror();
    }
    printf("in main: %d\n", from_constructor[1 << 19]);
    return 0;
}
