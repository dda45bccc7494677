/* signals.h - signal actions: those for the fault signals stay ours, and programs see what they asked for. */
#ifndef LENSI_SIGNALS_H
#define LENSI_SIGNALS_H

#include <stddef.h>

/* rt_sigaction as the kernel takes it, asked for by number (syscall(2)). 0 or -errno. */
int lensi_action_by_number(int number, const void *set, void *old, size_t mask_bytes);
/* Handlers are the program's own again, for the kernel to call. */
void lensi_signals_end(void);

#endif
