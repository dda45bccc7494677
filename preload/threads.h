/* threads.h - the beginning and the end of each of the program's threads. */
#ifndef LENSI_THREADS_H
#define LENSI_THREADS_H

/*
 * A signal stack of ours, where faults are signals. Also for the first thread, and for those that libc makes by itself.
 */
void lensi_thread_begins(void);
/* A cleanup handler. */
void lensi_thread_ends(void *unused);

#endif
