/*
 * stats.c - the counters of this process and their JSON form (docs/stats.md).
 */
#include "liblens/base/stats.h"

#include "liblens/base/log.h"
#include "liblens/base/sys.h"
#include "liblens/lens.h"

#include <errno.h>
#include <string.h>

struct lensi_stats_facts lensi_stats_facts;

void lensi_stats_say_store(const char *store)
{
    lensi_stats_facts.store = store;
    lensi_format(lensi_gauges.store, sizeof lensi_gauges.store, "%s", store);
}

void lensi_stats_say_rung(const char *rung)
{
    lensi_stats_facts.rung = rung;
    lensi_format(lensi_gauges.rung, sizeof lensi_gauges.rung, "%s", rung);
}

void lensi_stats_say_budget(uint64_t bytes)
{
    lensi_stats_facts.budget_bytes = bytes;
    atomic_store_explicit(&lensi_gauges.budget_bytes, bytes, memory_order_relaxed);
}

void lensi_stats_peak(_Atomic uint64_t *peak, uint64_t now)
{
    uint64_t seen = atomic_load_explicit(peak, memory_order_relaxed);

    while (seen < now && !atomic_compare_exchange_weak_explicit(peak, &seen, now, memory_order_relaxed,
                                                                memory_order_relaxed))
        ;
}

/* JSON text on its way to a file. The buffer holds the whole object. */
struct json {
    char text[4096];
    size_t length;
};

static void add_key(struct json *json, const char *key)
{
    if (json->length < sizeof json->text)
        json->length += lensi_format(json->text + json->length, sizeof json->text - json->length, "%s  \"%s\": ",
                                     json->length ? ",\n" : "{\n", key);
}

static void add_number(struct json *json, const char *key, uint64_t value)
{
    add_key(json, key);
    if (json->length < sizeof json->text)
        json->length += lensi_format(json->text + json->length, sizeof json->text - json->length, "%llu",
                                     (unsigned long long)value);
}

/* text is one of our own static words: nothing in it needs escaping. */
static void add_word(struct json *json, const char *key, const char *text)
{
    add_key(json, key);
    if (json->length < sizeof json->text)
        json->length += lensi_format(json->text + json->length, sizeof json->text - json->length,
                                     text ? "\"%s\"" : "null", text);
}

static void add_facts(struct json *json)
{
    add_number(json, "lens_stats", 1);
    add_word(json, "version", LENS_VERSION);
    add_word(json, "rung", lensi_stats_facts.rung);
    add_word(json, "store", lensi_stats_facts.store);
    if (lensi_stats_facts.budget_bytes == LENS_UNKNOWN)
        add_word(json, "budget_bytes", NULL);
    else
        add_number(json, "budget_bytes", lensi_stats_facts.budget_bytes);
    add_number(json, "elapsed_ns", lensi_stats_facts.elapsed_ns);
}

int lensi_stats_write(int fd)
{
    struct json json = {.length = 0};

    add_facts(&json);
#define X(name, meaning) add_number(&json, #name, lensi_counted(name));
    LENSI_STATS(X)
#undef X
    if (json.length + 4 > sizeof json.text)
        return -EOVERFLOW;
    memcpy(json.text + json.length, "\n}\n", 3);
    int64_t result = lensi_sys_write_all(fd, json.text, json.length + 3);

    return result < 0 ? (int)result : 0;
}

int lensi_stats_open(const char *path)
{
    /* /dev/stderr and /dev/fd/N are links, of the system's making. */
    bool is_system = strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0;

    return lensi_sys_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | (is_system ? 0 : O_NOFOLLOW), 0644);
}
