/* What the search for system calls makes of machine code as compilers write it. */
#include "liblens/engine/recognise.h"

#include <criterion/criterion.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
static long look(const char *code, size_t bytes) { return lensi_recognise_code((const uint8_t *)code, bytes); }
#define LOOK(text) look(text, sizeof(text) - 1)

Test(recognise, numbers_that_are_loaded_before_the_call)
{
    cr_assert_eq(LOOK("\xb8\x01\x00\x00\x00\x0f\x05"), SYS_write);                                          /* mov $1,%eax */
    cr_assert_eq(LOOK("\x31\xc0\x0f\x05"), SYS_read);                                                       /* xor %eax,%eax */
    cr_assert_eq(LOOK("\x48\xc7\xc0\x11\x00\x00\x00\x0f\x05"), SYS_pread64);                                /* mov $17,%rax */
    cr_assert_eq(LOOK("\xb8\xaa\x01\x00\x00\x49\x89\xca\x44\x8b\x47\x08\x45\x31\xc9\x0f\x05"), SYS_io_uring_enter);
    cr_assert_eq(LOOK("\x48\x8b\x7c\x24\x08\xb8\x00\x00\x00\x00\x0f\x05\x48\x3d\x01\xf0\xff\xff"), SYS_read); /* Go's */
    cr_assert_eq(LOOK("\x89\xf8\xb8\x0a\x00\x00\x00\xb8\x14\x00\x00\x00\x0f\x05"), SYS_writev);            /* the last one counts */
}

Test(recognise, functions_that_make_any_call)
{
    cr_assert_eq(LOOK("\x48\x89\xf8\x48\x89\xf7\x48\x89\xd6\x48\x89\xca\x0f\x05\xc3"), LENSI_ANY_CALL); /* syscall(2)'s like */
    cr_assert_eq(LOOK("\x48\x63\xc7\x0f\x05"), LENSI_ANY_CALL);
}

Test(recognise, calls_that_take_no_memory_and_what_only_looks_like_one)
{
    cr_assert_eq(LOOK("\xb8\xca\x00\x00\x00\x0f\x05"), -1);                     /* futex: libgomp's */
    cr_assert_eq(LOOK("\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05"), -1);             /* rt_sigreturn: what unwinders look for */
    cr_assert_eq(LOOK("\x8b\x44\x24\x10\x0f\x05"), -1);                         /* a number from elsewhere */
    cr_assert_eq(LOOK("\xb8\x01\x00\x00\x00\xe8\x0f\x05\x00\x00"), -1);         /* a call of 0x50f bytes on */
    cr_assert_eq(LOOK("\xb8\x01\x00\x00\x00"), -1);
    cr_assert_eq(LOOK("\x0f\x05"), -1);
}
#endif
