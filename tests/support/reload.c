/* Opens the plugins named in turns, each where the one before it was, and has each allocate, from threads with little on their stacks too. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

typedef void *make_function(size_t);

static void *in_thread(void *make)
{
    for (size_t i = 0; i < 50; i++)
        free(((make_function *)make)(3000 + i));
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[3];

    for (int round = 0; round < 6; round++) {
        void *plugin = dlopen(argv[1 + round % (argc - 1)], RTLD_NOW);
        make_function *make = plugin ? (make_function *)dlsym(plugin, "make") : NULL;

        if (!make)
            return 99;
        for (size_t i = 0; i < 200; i++)
            free(make(2000 + i));
        for (int i = 0; i < 3; i++)
            pthread_create(&threads[i], NULL, in_thread, (void *)make);
        for (int i = 0; i < 3; i++)
            pthread_join(threads[i], NULL);
        dlclose(plugin);
    }
    puts("done");
    return 0;
}
