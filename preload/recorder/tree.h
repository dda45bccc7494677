/*
 * record_tree.h - the tree of call paths: nodes, and the modules their addresses lie in.
 *
 * Nodes and modules are numbered from 1 and never go away; reading needs no lock, adding takes lensi_tree_lock. A
 * node's fields are written before its number is published.
 */
#ifndef LENSI_RECORDER_TREE_H
#define LENSI_RECORDER_TREE_H

#include "liblens/memory/pages.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lensi_tree_node {
    uintptr_t address; /* a return address, or LENSI_TREE_GONE beside it */
    uint32_t parent;   /* the caller's node; 0: none */
    _Atomic uint32_t site; /* of the allocations made here; 0: none yet */
    uint16_t module, flags; /* LENSI_NODE_... */
    _Atomic uint32_t last_child; /* that was asked for; a guess */
};

/* The node's module was unloaded: what is called from that address from then on is another node. */
#define LENSI_TREE_GONE ((uintptr_t)1 << 63)

struct lensi_tree_module {
    uintptr_t start, end, bias;
    const void *map;   /* the loader's */
    bool is_gone;      /* unloaded */
    const char *path;
    const uint8_t *build_id;
    size_t build_id_bytes;
};

struct lensi_tree {
    struct lensi_tree_node *nodes;
    struct lensi_tree_module *modules;
    _Atomic uint32_t nodes_count, modules_count; /* with the blank 0 */
};
extern struct lensi_tree lensi_tree;
extern struct lensi_lock lensi_tree_lock;

int lensi_tree_start(void);
/* The node of `address` called from `parent`. 0 when there is no room. */
uint32_t lensi_tree_child(uint32_t parent, uintptr_t address, unsigned flags);
/* Modules have been unloaded: another at the same place is another, though its addresses are the same. */
void lensi_tree_forget(void);

#endif
