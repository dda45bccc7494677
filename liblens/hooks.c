/* hooks.c - see hooks.h. */
#include "liblens/hooks.h"

struct lensi_hooks lensi_hooks;
