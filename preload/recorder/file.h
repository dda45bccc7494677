/* record_file.h - the trace's file: its name, and its first record. */
#ifndef LENSI_RECORDER_FILE_H
#define LENSI_RECORDER_FILE_H

#include "liblens/base/trace_writer.h"
#include "preload/recorder/record.h"

/* Keeps what START tells. Before the program can change it. */
int lensi_record_file_init(const struct lensi_record_options *options);
/* Creates the file and writes START. 0 or -errno; says what is wrong. */
int lensi_record_file_open(struct lensi_trace_writer *writer, bool forked, uint64_t origin_ns);
/* The descriptor is still that of our file: programs close what they do not know. Opens it again if not. */
bool lensi_record_file_check(struct lensi_trace_writer *writer);
const char *lensi_record_file_path(void);

#endif
