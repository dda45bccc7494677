/* range.c - see range.h, running_stack.h. */
#include "liblens/base/range.h"

#include "liblens/base/running_stack.h"

struct lensi_range lensi_range;
bool lensi_retired;
void (*lensi_stack_seen_slow)(uintptr_t pointer);
