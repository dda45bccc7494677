/* seccomp.h - programs that start behind a seccomp filter, in a container or a hardened service. */
#ifndef LENSI_SECCOMP_H
#define LENSI_SECCOMP_H

#include <stdbool.h>

/*
 * Whether the calls we need may be made in this process: true where there is no filter. A filter may end whoever makes
 * a call that it does not allow, so a child makes them first, and what `start` makes (its result does not matter; NULL:
 * nothing). The program does not notice the child: it sends no signal, and no wait of the program's returns it.
 */
bool lensi_seccomp_allows(void (*start)(void));
/* Says that on standard error, with nothing but a write: `what` then comes of it. */
void lensi_seccomp_say(const char *what);

#endif
