/*
 * debug_file.h - one module's ELF file, opened together with its debug information wherever that lies: in the file
 * itself, under /usr/lib/debug by build id, or beside it by .gnu_debuglink (the checksum must agree).
 */
#ifndef LENS_DEBUG_FILE_H
#define LENS_DEBUG_FILE_H

#include <stddef.h>
#include <stdint.h>

#define BUILD_ID_BYTES_MAX 64

struct Dwfl;
struct Dwfl_Module;

/* Addresses in it are the file's own (objdump and addr2line say the same) plus bias. */
struct debug_file {
    struct Dwfl *dwfl;
    struct Dwfl_Module *module;
    uint64_t bias;
};

/* What to open. Only path is needed. */
struct debug_file_request {
    const char *path;
    const char *debug_dir;   /* searched before /usr/lib/debug, or NULL */
    const uint8_t *build_id; /* the file must have this one; NULL: whatever lies there will do */
    size_t build_id_bytes;
};

/*
 * 0; -ENOENT no such file; -ESTALE the file has another build id than the one asked for; -ENOEXEC not an ELF file;
 * -ENOMEM; or what open(2) said. Where the file is not there or another, a separate debug file of the right build id
 * takes its place. A failed open leaves nothing; close takes that too.
 */
int debug_file_open(struct debug_file *file, const struct debug_file_request *request);
void debug_file_close(struct debug_file *file);

#endif
