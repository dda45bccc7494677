/* backend.c - chooses the rung of the fault ladder; see backend.h. Runs once, before the program. */
#include "liblens/memory/backend.h"

#include "liblens/base/log.h"
#include "liblens/base/stats.h"

#include <errno.h>
#include <string.h>

const struct lensi_backend *lensi_backend;

static const char *reason(int error)
{
    switch (-error) {
    case ENOSYS: return "this kernel does not offer it";
    case EPERM: return "not permitted here (vm.unprivileged_userfaultfd, seccomp)";
    case EACCES: return "no permission";
    case EOPNOTSUPP: return "the kernel lacks a feature it needs";
    case ENOMEM: return "out of memory";
    case EMFILE: return "too many open files";
    default: return "the system refused";
    }
}

int lensi_backend_choose(enum lensi_fault_choice choice, struct lens_error *error)
{
    const struct lensi_backend *ladder[] = {&lensi_backend_inthread, &lensi_backend_thread, &lensi_backend_protect};
    size_t used = 0;

    error->text[0] = 0;
    lensi_stats_say_rung("off");
    if (choice == LENSI_FAULT_OFF)
        return -ECANCELED;
    for (size_t i = 0; i < 3; i++) {
        int result;
        if (choice != LENSI_FAULT_AUTO && choice != LENSI_FAULT_INTHREAD + i)
            continue;
        result = ladder[i]->open();
        if (result == 0) {
            lensi_backend = ladder[i];
            lensi_stats_say_rung(ladder[i]->name);
            return 0;
        }
        used += lensi_format(error->text + used, sizeof error->text - used, "%s%s: %s", used ? "; " : "", ladder[i]->name, reason(result));
        if (used >= sizeof error->text)
            used = sizeof error->text - 1;
    }
    return -ENOSYS;
}
