/* hooks.c - see hooks.h. */
#include "liblens/base/hooks.h"

struct lensi_hooks lensi_hooks;
