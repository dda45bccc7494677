/*
 * overrides.c - a program that has functions of its own in the place of libc's, and goes on to the next ones: Erlang's sigaction asks
 * dlsym, tcmalloc's mmap asks the kernel by number. What we call of ours must not come by them again.
 */
#include "data.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static int asked;

int __sigaction(int number, const struct sigaction *set, struct sigaction *old);

int sigaction(int number, const struct sigaction *set, struct sigaction *old)
{
    int (*next)(int, const struct sigaction *, struct sigaction *);

    *(void **)&next = dlsym(RTLD_NEXT, "__sigaction");
    CHECK(++asked < 1000);
    return next(number, set, old);
}

int __sigaction(int number, const struct sigaction *set, struct sigaction *old) { return sigaction(number, set, old); }

void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    CHECK(++asked < 1000);
    return (void *)syscall(SYS_mmap, at, bytes, protection, flags, fd, offset);
}

int munmap(void *at, size_t bytes)
{
    CHECK(++asked < 1000);
    return (int)syscall(SYS_munmap, at, bytes);
}

static volatile sig_atomic_t heard;

static void hear(int number) { heard = number; }

int main(int count, char **argument)
{
    struct sigaction action = {.sa_handler = hear}, old;
    unsigned char *block = data_load(argument[1]), *mapped;

    (void)count;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && raise(SIGUSR1) == 0 && heard == SIGUSR1);
    CHECK(__sigaction(SIGSEGV, &action, &old) == 0 && old.sa_handler == SIG_DFL);
    CHECK(sigaction(SIGSEGV, NULL, &old) == 0 && old.sa_handler == hear);
    CHECK(data_is_all(block));
    mapped = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(mapped != MAP_FAILED);
    memset(mapped, 5, 1 << 20);
    CHECK(munmap(mapped, 1 << 20) == 0);
    CHECK(syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L) != -1);
    CHECK(raise(SIGSEGV) == 0 && heard == SIGSEGV);
    CHECK(data_is_all(block));
    puts("functions of its own: ok");
    return 0;
}
