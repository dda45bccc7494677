/*
 * help.c - the commands' table with their help. man/lens.1 says the same at length.
 */
#include "analysis/cmd/cli.h"

#include <stdio.h>

static const char run_help[] =
    "Usage: lens run [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
    "\n"
    "Runs PROGRAM so that the heap data which a plan describes need not stay in memory.\n"
    "Output and exit status are the program's own. Without a plan nothing is virtualised.\n"
    "\n"
    "  --plan FILE          which allocations, through which lenses, over which files\n"
    "  --budget SIZE        how much virtualised data may be resident: 64M, 25%, auto (default)\n"
    "  --fault RUNG         how absent pages come back: auto (default), inthread, thread, protect, off\n"
    "  --store KIND         where proven views are kept: auto (default), none, memory, disk\n"
    "  --store-dir DIR      folder of the disk store (default ~/.cache/lens)\n"
    "  --store-limit SIZE   most the store may hold (default: half of the free space)\n"
    "  --slowdown-limit X   how many times as long the run may take (default 2; off: no limit);\n"
    "                       kept by giving memory back to the program\n"
    "  --trust-backing KIND strict (default); lease: map verbatim views from the file itself;\n"
    "                       replace-only: files are never changed in place, only replaced by rename\n"
    "  --stats FILE         write counters as JSON when the program ends\n"
    "  --chaos SEED         for tests: every allocation is virtualised, proven and dropped at random moments\n"
    "  -q, --quiet          no closing line\n"
    "  -v, --verbose        say each decision\n"
    "  -h, --help           this text\n"
    "\n"
    "Each option has a twin in the environment: LENS_PLAN, LENS_BUDGET, LENS_FAULT, LENS_STORE,\n"
    "LENS_STORE_DIR, LENS_STORE_LIMIT, LENS_SLOWDOWN_LIMIT, LENS_TRUST_BACKING,\n"
    "LENS_STATS, LENS_CHAOS, LENS_QUIET, LENS_VERBOSE.\n"
    "\n"
    "Exit status: the program's; 2 wrong use or a wrong plan; 121 stopped, because a page could not be\n"
    "brought back; 125 lens failed; 126 the program cannot be run with lens; 127 it was not found.\n"
    "\n"
    "Example: lens run --plan kv.plan --budget 64M -- ./program data.txt\n";

static const char profile_help[] =
    "Usage: lens profile [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
    "\n"
    "Runs PROGRAM and records which call paths hold its memory, for lens report.\n"
    "Output and exit status are the program's own.\n"
    "\n"
    "  -o, --output TRACE   the file to write (default lens.trace); other processes append their number\n"
    "  --sample BYTES       look at one allocation in so many bytes, on average (default 128K)\n"
    "  -f, --full           look at every allocation: exact, and slower\n"
    "  -u, --use            watch how allocations of 1M and more are used, too: what is read or written when,\n"
    "                       what lies idle, and how many faults each budget of lens run would take\n"
    "  -q, --quiet          say nothing\n"
    "  -h, --help           this text\n"
    "\n"
    "The trace can be read while the program runs, and after it was killed.\n"
    "\n"
    "Exit status: the program's; 2 wrong use; 125 lens failed; 126 the program cannot be run with lens;\n"
    "127 it was not found.\n"
    "\n"
    "Example: lens profile -o jq.trace -- jq . data.json\n";

static const char report_help[] =
    "Usage: lens report [OPTION]... TRACE...\n"
    "\n"
    "Ranks the places in a program that hold its memory, and says what could come from a file instead.\n"
    "Several traces are the processes of one run (a fork leaves one for each).\n"
    "\n"
    "  --top N          rows to show (default 10)\n"
    "  --sort ORDER     peak (default: bytes when memory was highest), bytetime, idle, saving\n"
    "  --frames N       tell rows apart by, and show, N frames of the call path (default 1, at most 16)\n"
    "  --json FILE      everything, for programs (docs/report.md)\n"
    "  --folded FILE    call paths for FlameGraph and speedscope\n"
    "  --pprof FILE     call paths for go tool pprof\n"
    "  --html FILE      one page for a browser, without network\n"
    "  --plan FILE      the plan to begin with, for lens run\n"
    "  --debug-dir DIR  look for debug files there before /usr/lib/debug\n"
    "  -q, --quiet      no table, no progress: only the files asked for\n"
    "  -h, --help       this text\n"
    "\n"
    "FILE may be - for standard output, which then has no table.\n"
    "\n"
    "Exit status: 0; 2 wrong use; 125 a trace cannot be read or a file cannot be written.\n"
    "\n"
    "Example: lens report --html jq.html jq.trace\n";

static const char diff_help[] =
    "Usage: lens diff [OPTION]... BEFORE AFTER\n"
    "\n"
    "Says which call paths hold more memory in the trace AFTER than in BEFORE, and which less.\n"
    "Call paths are matched by the names of their functions, so the program may have changed.\n"
    "\n"
    "  --top N          rows to show (default 15)\n"
    "  --sort MEASURE   peak (default: bytes when memory was highest), bytes (allocated in all), bytetime\n"
    "  --frames N       frames to show of each call path (default 3)\n"
    "  --json FILE      every call path, for programs (docs/report.md); - for standard output, which then has no table\n"
    "  --debug-dir DIR  look for debug files there before /usr/lib/debug\n"
    "  -h, --help       this text\n"
    "\n"
    "Exit status: 0; 2 wrong use; 125 a trace cannot be read or a file cannot be written.\n";

static const char top_help[] =
    "Usage: lens top [OPTION]... [PROCESS]\n"
    "\n"
    "Shows what a running program under lens run or lens profile does now: what is resident, absent and mapped,\n"
    "faults a second, the store, and the same of each site. Without a process number: the programs that can be seen.\n"
    "On a terminal again and again, until q; elsewhere once, as plain text.\n"
    "\n"
    "  --interval SECONDS   between two looks (default 1)\n"
    "  --count N            looks (default: until q on a terminal, 1 elsewhere)\n"
    "  --top N              rows of a profiled program (default 15)\n"
    "  -h, --help           this text\n"
    "\n"
    "Exit status: 0; 1 there is no such program, or it may not be looked at; 2 wrong use; 125 lens failed.\n";

static const char check_help[] =
    "Usage: lens check [--print] PLAN...\n"
    "\n"
    "Reads plans and says \"ok\" with a summary, or the first error of each with its line and column.\n"
    "\n"
    "  -p, --print   print the plan in canonical form instead\n"
    "  -h, --help    this text\n"
    "\n"
    "Exit status: 0 if every plan is right, 2 if not.\n";

static const char lenses_help[] =
    "Usage: lens lenses [NAME]...\n"
    "\n"
    "Lists the built-in lenses, or those named, with their arguments.\n"
    "\n"
    "  -h, --help    this text\n";

static const char doctor_help[] =
    "Usage: lens doctor [--json] [--store-dir DIR]\n"
    "\n"
    "Says what this machine offers to lens, what will be used, and how to get something better.\n"
    "\n"
    "  -j, --json        the same as JSON\n"
    "  --store-dir DIR   look at this store folder (default ~/.cache/lens)\n"
    "  -h, --help        this text\n"
    "\n"
    "Exit status: 0 if absent pages can be brought back here, 1 if not.\n";

static const char store_help[] =
    "Usage: lens store ls|verify|gc [OPTION]...\n"
    "\n"
    "Looks after the view store, which keeps proven views for further runs.\n"
    "\n"
    "  ls                 list its entries\n"
    "  verify             check every page of every entry; remove entries that are damaged\n"
    "  gc                 remove entries that are stale, damaged or half written\n"
    "  --limit SIZE       gc: then also the least recently used, until SIZE is kept\n"
    "  --store KIND       only this store: memory or disk (default: both)\n"
    "  --store-dir DIR    the store in this folder\n"
    "  -h, --help         this text\n"
    "\n"
    "Exit status: 0; 1 if verify found damage; 2 wrong use; 125 if a store cannot be read.\n";

static const char help_help[] = "Usage: lens help [COMMAND]\n"
                                "\n"
                                "Prints what lens or one of its commands is for.\n";

const struct cli_command cli_commands[] = {
    {"run", cmd_run, "run a program with its heap under a plan", run_help},
    {"profile", cmd_profile, "run a program and record who holds its memory", profile_help},
    {"report", cmd_report, "rank the sites of a trace", report_help},
    {"diff", cmd_diff, "compare two traces", diff_help},
    {"top", cmd_top, "show what a running program does", top_help},
    {"check", cmd_check, "read a plan and tell its errors", check_help},
    {"lenses", cmd_lenses, "list the built-in lenses", lenses_help},
    {"doctor", cmd_doctor, "say what this machine offers", doctor_help},
    {"store", cmd_store, "look after the view store", store_help},
    {"help", cmd_help, "explain a command", help_help},
    {NULL, NULL, NULL, NULL},
};

static int list_commands(void)
{
    fputs("Usage: lens COMMAND [OPTION]...\n"
          "\n"
          "Gives programs their memory back: heap data that can be made again from a file\n"
          "need not stay in memory.\n"
          "\n", stdout);
    for (const struct cli_command *command = cli_commands; command->name; command++)
        printf("  %-8s %s\n", command->name, command->summary);
    fputs("\n"
          "  -V, --version   print the version\n"
          "\n"
          "lens help COMMAND tells more. The plan language: man 5 lens-plan.\n", stdout);
    return cli_finish();
}

int cmd_help(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};

    for (int option; (option = cli_option(argc, argv, ":h", options, NULL)) != -1;)
        return option == 'h' ? cli_help("help") : LENSI_EXIT_USAGE;
    if (argc - optind > 1)
        return cli_wrong("help", "one command at a time");
    if (optind >= argc)
        return list_commands();
    return cli_find(argv[optind]) ? cli_help(argv[optind]) : cli_unknown_command(argv[optind]);
}
