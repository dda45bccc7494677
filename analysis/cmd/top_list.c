/* top_list.c - the programs that lens top can see. See top.h. */
#include "analysis/cmd/top.h"

#include "analysis/trace/profile.h"

#include <stdio.h>

static void print_program(const struct running *running, const struct terminal *terminal)
{
    struct lensi_gauges gauges;
    char live[24], absent[24], count[32], fitted[1024];
    unsigned columns = terminal->columns > 52 + 12 ? terminal->columns - 52 : 12;

    printf("%8d  %-12s", (int)running->pid, running->kind == RUNNING_VIRTUALISED ? "virtualised" : "profiled");
    if (running->kind == RUNNING_VIRTUALISED && running_read(running, &gauges) == 0)
        printf("%9s %9s %9s  ", terminal_bytes(live, (double)gauges.stats.live_bytes),
               terminal_bytes(absent, (double)(gauges.stats.absent_pages + gauges.stats.mapped_now_pages) * 4096),
               terminal_count(count, gauges.stats.faults));
    else
        printf("%9s %9s %9s  ", "-", "-", "-");
    terminal_fit(terminal, fitted, sizeof fitted, running->command, columns, TERMINAL_CUT_END);
    printf("%s\n", fitted);
}

void top_print_list(const struct running *list, size_t count, const struct terminal *terminal)
{
    if (count == 0) {
        printf("No program runs under lens that you may look at. lens run and lens profile start one.\n");
        return;
    }
    printf("%s%8s  %-12s%9s %9s %9s  %s%s\n", terminal_dim(terminal), "PROCESS", "RUNS", "HEAP", "ABSENT", "FAULTS", "PROGRAM",
           terminal_plain(terminal));
    for (size_t i = 0; i < count; i++)
        print_program(&list[i], terminal);
    printf("\nlens top PROCESS shows more.\n");
}
