/*
 * doctor.h - findings about this machine: collected by the doctor_*.c files, printed by cmd_doctor.c.
 */
#ifndef LENS_DOCTOR_H
#define LENS_DOCTOR_H

#include <stddef.h>
#include <stdint.h>

#define DOCTOR_FINDINGS_MAX 40

/* GOOD: as lens likes it. FAIR: works, could be better. BAD: a thing lens cannot use. FACT: neither. */
enum doctor_state { DOCTOR_FACT, DOCTOR_GOOD, DOCTOR_FAIR, DOCTOR_BAD };

struct doctor_finding {
    const char *group, *name;
    enum doctor_state state;
    char value[200];
    const char *advice; /* what to do for a better one, or NULL */
};

struct doctor_report {
    size_t count;
    struct doctor_finding list[DOCTOR_FINDINGS_MAX];
    const char *rung; /* the rung that will be used; "off" if there is none */
};

/* Adds one finding; the value in the way of printf. */
void doctor_add(struct doctor_report *report, const char *group, const char *name, enum doctor_state state,
                const char *advice, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* The first line of a small file, without its newline; "" if it cannot be read. Returns `to`. */
char *doctor_read_line(const char *path, char *to, size_t room);

void doctor_look_at_system(struct doctor_report *report);
void doctor_look_at_faults(struct doctor_report *report);
void doctor_look_at_memory(struct doctor_report *report);
/* store_dir: the folder to look at, or NULL where there is none. */
void doctor_look_at_files(struct doctor_report *report, const char *store_dir);

#endif
