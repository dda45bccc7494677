/* deepbind.h - modules that the program loads with RTLD_DEEPBIND. */
#ifndef LENSI_DEEPBIND_H
#define LENSI_DEEPBIND_H

/* Notes which modules there are when the program starts: they are bound to us already. Once, from the constructor. */
void lensi_deepbind_init(void);

#endif
