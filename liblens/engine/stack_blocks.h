/*
 * stack_blocks.h - blocks that the program uses as a stack.
 *
 * Coroutines and threads run on memory from malloc, whatever switches them. libc hands buffers in its own frames to the
 * kernel, the kernel lays signal frames there, and our own hooks run there while they hold locks. So wherever a stack
 * pointer is seen to lie in a block, what is around it becomes ordinary memory for good.
 */
#ifndef LENSI_STACK_BLOCKS_H
#define LENSI_STACK_BLOCKS_H

#include "liblens/base/running_stack.h"

/* From now on what a running thread stands on is kept. Before the first block. */
void lensi_stack_blocks_open(void);

#endif
