/*
 * screen.h - a terminal taken over for a view that changes, and given back as it was: on q, on signals that end the
 * program, and while it is stopped.
 */
#ifndef LENS_SCREEN_H
#define LENS_SCREEN_H

/* 0 or -errno. One screen at a time; standard input and output are the terminal. */
int screen_open(void);
/* Idempotent. Raises the signal that ended the wait, if one did: the program then ends as that signal ends it. */
void screen_close(void);

enum screen_event { SCREEN_TIME, SCREEN_RESIZED, SCREEN_QUIT };
/* Waits for `ms`, a key or a signal. q, Ctrl-C, and what ends a program are SCREEN_QUIT. */
enum screen_event screen_wait(unsigned ms);
/* Shows `text` from the top left corner on: as many lines as fit, nothing below. */
void screen_show(const char *text, unsigned rows);

#endif
