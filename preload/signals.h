/* signals.h - the fault signal stays out of every mask, and programs do not notice. */
#ifndef LENSI_SIGNALS_H
#define LENSI_SIGNALS_H

#include <signal.h>

/* `mask`, or *copy: the same without the fault signal, if that was in it. NULL stays NULL. */
const sigset_t *lensi_mask_without(const sigset_t *mask, sigset_t *copy);

#endif
