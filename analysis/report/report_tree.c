/*
 * report_tree.c - the call paths of a ranking as a tree, cut to what can be seen in a flame graph. Part of
 * report_value.
 */
#include "analysis/report/report_value.h"
#include "analysis/trace/value.h"

#include <stdlib.h>

#define SHARE_MIN 0.0005 /* of the peak: thinner boxes cannot be seen */
#define DEPTH_MAX 100

struct node {
    const struct symbol *symbol; /* NULL: the root */
    uint64_t bytes;
    uint32_t row; /* of the ranking, where a path ends here: the one with the most bytes; RANKING_NO_ROW */
    uint64_t row_bytes;
    struct node **children;
    size_t children_count;
};
struct tree {
    const struct ranking *ranking;
    size_t nodes_left;
    bool is_out_of_memory;
};

/* A child is told apart by function and place, as a row is. */
static struct node *child(struct tree *tree, struct node *node, const struct symbol *symbol)
{
    for (size_t i = 0; i < node->children_count; i++) {
        const struct symbol *other = node->children[i]->symbol;

        if (other->identity == symbol->identity && other->module == symbol->module)
            return node->children[i];
    }
    struct node **children = reallocarray(node->children, node->children_count + 1, sizeof *children);
    struct node *made = calloc(1, sizeof *made);
    if (children)
        node->children = children;
    if (!children || !made) {
        free(made);
        tree->is_out_of_memory = true;
        return NULL;
    }
    made->symbol = symbol;
    made->row = RANKING_NO_ROW;
    return node->children[node->children_count++] = made;
}

static void add_path(struct tree *tree, struct node *root, const struct study_path *path, uint64_t bytes, uint32_t row)
{
    struct node *node = root;

    root->bytes += bytes;
    for (size_t i = path->count, depth = 0; i > 0 && depth < DEPTH_MAX; i--, depth++) {
        node = child(tree, node, path->frames[i - 1]);
        if (!node)
            return;
        node->bytes += bytes;
    }
    if (node->row == RANKING_NO_ROW || bytes > node->row_bytes) {
        node->row = row;
        node->row_bytes = bytes;
    }
}

static int by_bytes(const void *a, const void *b)
{
    const struct node *left = *(struct node *const *)a, *right = *(struct node *const *)b;

    return left->bytes > right->bytes ? -1 : left->bytes < right->bytes;
}

/* {"n": name, "f": place, "b": bytes, "r": row, "c": children}; short keys, as there are thousands. */
static json_object *node_value(struct tree *tree, struct node *node, uint64_t least)
{
    json_object *value = json_object_new_object(), *children = NULL;

    json_object_object_add(value, "n", node->symbol ? value_text(node->symbol->name) : NULL);
    if (node->symbol && node->symbol->file)
        json_object_object_add(value, "f", value_text(node->symbol->file));
    else if (node->symbol)
        json_object_object_add(value, "f", value_text(node->symbol->module));
    json_object_object_add(value, "b", json_object_new_uint64(node->bytes));
    if (node->row != RANKING_NO_ROW)
        json_object_object_add(value, "r", json_object_new_int64(node->row));
    if (node->children_count)
        qsort(node->children, node->children_count, sizeof *node->children, by_bytes);
    for (size_t i = 0; i < node->children_count && tree->nodes_left > 0; i++) {
        if (node->children[i]->bytes < least)
            break;
        tree->nodes_left--;
        children = children ? children : json_object_new_array();
        json_object_array_add(children, node_value(tree, node->children[i], least));
    }
    if (children)
        json_object_object_add(value, "c", children);
    return value;
}

static void forget(struct node *node)
{
    for (size_t i = 0; i < node->children_count; i++) {
        forget(node->children[i]);
        free(node->children[i]);
    }
    free(node->children);
}

json_object *report_tree(const struct study *study, const struct ranking *ranking, size_t nodes)
{
    struct tree tree = {.ranking = ranking, .nodes_left = nodes};
    struct node root = {.row = RANKING_NO_ROW};
    json_object *value = NULL;

    for (size_t i = 0; i < ranking->rows_count; i++) {
        for (size_t j = 0; j < ranking->rows[i].members_count; j++) {
            const struct ranking_member *member = &ranking->rows[i].members[j];
            const struct study_trace *trace = &study->traces[member->trace];
            uint64_t bytes = trace->profile->sites[member->site].at_peak_bytes;

            if (bytes)
                add_path(&tree, &root, &trace->paths[member->site], bytes, (uint32_t)i);
        }
    }
    if (!tree.is_out_of_memory)
        value = node_value(&tree, &root, (uint64_t)(SHARE_MIN * (double)root.bytes));
    forget(&root);
    return value;
}
