/* dynamic.c - dlopen and dlclose, with the name in the block. */
#include "data.h"

#include <dlfcn.h>

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);

    (void)count;
    for (int i = 0; i < 20; i++) {
        void *library = dlopen(data_slot(block, SLOT_LIBM), i % 2 ? RTLD_NOW : RTLD_LAZY);
        double (*cosine)(double) = library ? (double (*)(double))dlsym(library, "cos") : NULL;
        CHECK(cosine && cosine(0) == 1);
        CHECK(dlclose(library) == 0);
        CHECK(data_is(block + (size_t)i * 100000, (size_t)i * 100000, 100000));
    }
    CHECK(!dlopen(data_slot(block, SLOT_MISSING), RTLD_NOW) && strstr(dlerror(), "/nonexistent/lens"));
    CHECK(dlerror() == NULL);
    puts("dlopen: ok");
    return 0;
}
