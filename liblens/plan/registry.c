/*
 * registry.c - the lenses known by name. Appended to under a spin lock, read without one: an entry is complete
 * before the count that shows it is raised, and nothing is ever removed.
 */
#include "liblens/lens.h"

#include "liblens/base/sys.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#define LENSES_MAX 64

static const struct lens_ops *lenses[LENSES_MAX];
static _Atomic size_t lenses_count;
static atomic_flag lenses_lock = ATOMIC_FLAG_INIT;

/* A name must be a word of the plan language. */
static bool is_name(const char *name)
{
    if (!name || !((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || *name == '_'))
        return false;
    while ((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || (*name >= '0' && *name <= '9') ||
           *name == '_' || *name == '-')
        name++;
    return *name == '\0';
}

static bool is_valid(const struct lens_ops *ops)
{
    return ops && ops->size >= sizeof *ops && is_name(ops->name) && ops->usage && ops->configure && ops->get &&
           ops->params_bytes <= LENS_PARAMS_MAX && ops->cursor_bytes <= 64 * 1024 &&
           (ops->cursor_bytes == 0 || ops->cursor_bytes >= sizeof(struct lens_cursor));
}

static int append(const struct lens_ops *ops)
{
    size_t count = atomic_load_explicit(&lenses_count, memory_order_relaxed);

    const struct lens_ops *same = lens_find(ops->name);

    if (same)
        return same == ops ? 0 : -EEXIST;
    if (count == LENSES_MAX)
        return -ENOSPC;
    lenses[count] = ops;
    atomic_store_explicit(&lenses_count, count + 1, memory_order_release);
    return 0;
}

int lens_register(const struct lens_ops *ops)
{
    if (!is_valid(ops))
        return -EINVAL;
    while (atomic_flag_test_and_set_explicit(&lenses_lock, memory_order_acquire))
        lensi_sys_yield();
    int result = append(ops);
    atomic_flag_clear_explicit(&lenses_lock, memory_order_release);
    return result;
}

const struct lens_ops *lens_at(size_t i)
{
    return i < atomic_load_explicit(&lenses_count, memory_order_acquire) ? lenses[i] : NULL;
}

const struct lens_ops *lens_find(const char *name)
{
    const struct lens_ops *ops;

    for (size_t i = 0; (ops = lens_at(i)) != NULL; i++)
        if (strcmp(ops->name, name) == 0)
            return ops;
    return NULL;
}

const char *lens_version(void)
{
    return LENS_VERSION;
}
