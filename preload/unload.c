/*
 * unload.c - modules that are closed. Another may be mapped at their addresses: what was learned of them is forgotten.
 *
 * The loader counts the modules that it has removed. A dlclose that removes none (others still use it) costs two looks
 * at that.
 */
#include "preload/next.h"
#include "preload/recorder/record.h"
#include "preload/recorder/tree.h"
#include "preload/site.h"
#include "preload/stack_steps.h"
#include "preload/symbols.h"

#include <dlfcn.h>
#include <link.h>

static int take_count(struct dl_phdr_info *info, size_t bytes, void *count)
{
    (void)bytes;
    *(unsigned long long *)count = info->dlpi_subs;
    return 1; /* the first says it for all */
}

static unsigned long long removed(void)
{
    unsigned long long count = 0;

    dl_iterate_phdr(take_count, &count);
    return count;
}

LENSI_EXPORT int dlclose(void *handle)
{
    bool is_learning = lensi_steps.table != NULL;
    unsigned long long before = is_learning ? removed() : 0;
    int result = LENSI_NEXT(dlclose)(handle);

    if (!is_learning || removed() == before)
        return result;
    lensi_stack_forget();
    lensi_symbols_forget();
    lensi_site_forget();
    if (lensi_recording)
        lensi_tree_forget();
    return result;
}
