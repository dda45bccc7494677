/*
 * vdso.h - the kernel's clock, asked without a system call, and past everybody who has put a function in the place of
 * libc's: that one may tell another time, and it may not be called in a thread that libc knows nothing of.
 */
#ifndef LENSI_VDSO_H
#define LENSI_VDSO_H

#include <time.h>

typedef int lensi_clock_function(clockid_t clock, struct timespec *to);
/* NULL where there is none: then it takes a system call. */
lensi_clock_function *lensi_vdso_clock(void);

#endif
