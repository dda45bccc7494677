/*
 * pages.c - every way in which the prover, an eviction, touches, a read(2) or write(2), a lease's end, the end of the block and a
 * fork can meet at one page.
 *   pages                  explores all of it; says how many states there are, or the way to the first that is wrong
 *   pages --transitions    the compare-and-swaps the model knows, for tests/model.sh to hold against the sources
 *
 * A page is its state (liblens/memory/pages.h), its frame (missing, or with content; write-protected or not; in a range that is watched, or
 * not) and the pins of its chunk. It may be mapped, from an image or from the file itself. A block that ends makes room for another at
 * the same place; a fork's child has the page as it was, unwatched, and none of the other threads. Actors are small machines; one step is one thing that others can see: a compare-and-swap, a system call, an access.
 * Memory is sequentially consistent here; the sources use no weaker orders on states where it matters.
 * What must hold in every state reached:
 *   - a load gives what was stored last
 *   - nothing is dropped whose content is not the view's
 *   - the kernel, in a read(2) or write(2) with the page pinned, never finds it missing or protected (that would be EFAULT)
 *   - nothing depends on a file whose lease is gone
 *   - somebody can always go on, and when all have ended the page holds what was stored last
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum state { PLAIN, PROVING, PROVEN, ABSENT, BUSY, MAPPED, LEAVING };
static const char *const state_name[] = {"PLAIN", "PROVING", "PROVEN", "ABSENT", "BUSY", "MAPPED", "LEAVING"};
enum content { VIEW, OTHER, ZERO, MISSING };

enum actor { PROVER, EVICTOR, WRITER, READER, KERNEL, ENDER, FORKER, ACTORS };
static const char *const actor_name[] = {"prover", "evictor", "writer", "reader", "kernel", "ender", "forker"};
#define ENDED 255

struct world {
    uint8_t state, frame, protected, pins;
    uint8_t armed;  /* the range is watched: a touch of what is missing is a fault, not a page of zeros */
    uint8_t locked; /* the prover's lock is held by somebody else; it holds it itself wherever it is not at its beginning */
    uint8_t image;  /* 0: no store; 1: the page may be written to an image; 2: the image has it */
    uint8_t direct; /* the file itself may be mapped */
    uint8_t copied; /* what was copied of a mapped page */
    uint8_t kernel_reads, may_read, ending; /* the kernel's access is a write(2) out of the page */
    uint8_t stored; /* what the program stored last */
    uint8_t at[ACTORS], rounds[ACTORS], seen[ACTORS]; /* where an actor is, what it has left to do, what it read */
    uint8_t lease, wanted; /* the backing may be depended on; its writer waits */
};

static const struct { enum state from, to; const char *who; } transitions[] = {
    {PLAIN, BUSY, "prover: begins"},       {PROVING, PROVEN, "prover: claims"},    {PROVING, BUSY, "prover: maps"},
    {PROVING, LEAVING, "prover, writer"},  {PROVEN, BUSY, "evictor"},              {PROVEN, LEAVING, "writer, guard"},
    {PROVEN, ABSENT, "touch: frame lost"}, {ABSENT, BUSY, "touch, guard"},         {PLAIN, LEAVING, "touch: allowed"},
    {MAPPED, BUSY, "guard: copied"}};

static const char *wrong; /* why the step just made is a mistake */
static unsigned options;  /* which mistakes are built in, for the explorer's own test */
static int chosen, has_choice; /* a step that may go two ways is explored both ways */
enum { NO_SECOND_COMPARE = 1, NO_PIN_CHECK = 2, NO_LEAVING = 4, PROTECT_AFTER_COMPARE = 8, NO_WAIT_AT_END = 16, NO_SETTLING_AT_FORK = 32,
       NO_PROTECTION_AT_FORK = 64, COPY_UNPROTECTED = 128, RELEASE_MAPPED = 256 };

static int choose(void) { return has_choice = 1, chosen; }

static int swap(struct world *w, enum state from, enum state to)
{
    int known = 0;

    for (size_t i = 0; i < sizeof transitions / sizeof *transitions; i++)
        known |= transitions[i].from == from && transitions[i].to == to;
    if (!known)
        wrong = "the model makes a transition that it does not list";
    if (w->state != from)
        return 0;
    w->state = (uint8_t)to;
    return 1;
}

static int is_busy(const struct world *w) { return w->state == BUSY || w->state == LEAVING; }

/* ---- the prover: one attempt per round (prove.c), then, if a writer of the file waits, all is made real (lease.c) */

enum { P_BEGIN, P_PINS, P_PROTECT, P_PROVING, P_COMPARE, P_CLAIM, P_UNDO, P_UNDO2, P_UNDO3, P_GUARD, P_REAL, P_REAL2, P_PLACE, P_PLACE2, P_RELEASE,
       P_HOLD, P_MAP, P_MAPPED, P_LET_BE, P_SETTLE, P_SETTLE_TAKE, P_SETTLE_MAP, P_COPY, P_COPY2, P_COPY3 };

/* A mapping takes the place of the page, and of its registration. */
static void map(struct world *w)
{
    w->image = w->image ? 2 : 0;
    w->frame = VIEW, w->protected = 0, w->armed = 0;
}

static int prover_settles(struct world *w, uint8_t *at, uint8_t *seen)
{
    switch (*at) {
    case P_SETTLE:
        *seen = w->state;
        *at = (w->state == ABSENT || w->state == PROVEN) && !w->pins ? P_SETTLE_TAKE : P_BEGIN;
        return 1;
    case P_SETTLE_TAKE:
        *at = swap(w, (enum state)*seen, BUSY) ? P_SETTLE_MAP : P_BEGIN;
        return 1;
    default:
        if (*seen == PROVEN && w->frame != VIEW)
            wrong = "a page goes to the image that is not the view's";
        if (choose())
            w->state = *seen, *at = P_BEGIN; /* it cannot be mapped now */
        else
            map(w), *at = P_MAPPED;
        return 1;
    }
}

/* The three steps in which a page that is mapped from the file becomes memory (file_mapping.c); at `then` afterwards. */
static int copy_mapped(struct world *w, uint8_t *at, uint8_t first, uint8_t then)
{
    if (*at == first) {
        w->protected = !(options & COPY_UNPROTECTED);
    } else if (*at == first + 1) {
        w->copied = w->frame;
    } else {
        w->frame = w->copied, w->protected = 0, w->state = PLAIN;
        return *at = then, 1;
    }
    return ++*at, 1;
}

static int prover(struct world *w, uint8_t *at, uint8_t *left, uint8_t *seen)
{
    switch (*at) {
    case P_BEGIN:
        if (w->locked)
            return 0;
        if (w->wanted && w->lease && (!*left || choose()))
            return *at = P_GUARD, 1;
        if (!*left)
            return 0; /* it sleeps until somebody wants the file */
        --*left;
        if (w->image && choose())
            return *at = P_SETTLE, 1;
        *at = w->lease && w->frame != MISSING && swap(w, PLAIN, BUSY) ? P_PINS : P_BEGIN;
        return 1;
    case P_SETTLE:
    case P_SETTLE_TAKE:
    case P_SETTLE_MAP:
        return prover_settles(w, at, seen);
    case P_PINS:
        if (w->pins && !(options & NO_PIN_CHECK))
            w->state = PLAIN, *at = P_BEGIN;
        else
            *at = P_PROTECT;
        return 1;
    case P_PROTECT:
        w->armed = 1;
        if (!(options & PROTECT_AFTER_COMPARE))
            w->protected = w->frame != MISSING;
        *at = P_PROVING;
        return 1;
    case P_PROVING:
        w->state = PROVING;
        *at = P_COMPARE;
        return 1;
    case P_COMPARE:
        *at = w->frame == VIEW || (options & NO_SECOND_COMPARE) ? ((w->image || w->direct) && choose() ? P_HOLD : P_CLAIM) : P_UNDO;
        if (options & PROTECT_AFTER_COMPARE)
            w->protected = w->frame != MISSING;
        return 1;
    case P_HOLD:
        *at = swap(w, PROVING, BUSY) ? P_MAP : P_CLAIM;
        return 1;
    case P_MAP:
        if (choose())
            return *at = P_LET_BE, 1; /* it cannot be mapped */
        if (w->frame != VIEW)
            wrong = "a page is mapped over that is not the view's";
        map(w);
        *at = P_MAPPED;
        return 1;
    case P_MAPPED:
        w->state = MAPPED;
        *at = P_BEGIN;
        return 1;
    case P_LET_BE:
        w->state = PROVING;
        *at = P_CLAIM;
        return 1;
    case P_CLAIM:
        swap(w, PROVING, PROVEN);
        *at = P_BEGIN;
        return 1;
    case P_UNDO:
        *at = swap(w, PROVING, LEAVING) ? P_UNDO2 : P_BEGIN;
        return 1;
    case P_UNDO2:
        w->protected = 0;
        *at = P_UNDO3;
        return 1;
    case P_UNDO3:
        w->state = PLAIN;
        *at = P_BEGIN;
        return 1;
    case P_GUARD: /* depends()? */
        if (is_busy(w))
            return 0; /* it looks again */
        if (w->state == MAPPED && w->direct && !(options & RELEASE_MAPPED))
            *at = swap(w, MAPPED, BUSY) ? P_COPY : P_GUARD;
        else
            *at = w->state == PROVEN ? P_REAL : w->state == ABSENT && w->image != 2 ? P_PLACE : P_RELEASE;
        return 1;
    case P_COPY:
    case P_COPY2:
    case P_COPY3:
        return copy_mapped(w, at, P_COPY, P_GUARD);
    case P_REAL:
        *at = swap(w, PROVEN, LEAVING) ? P_REAL2 : P_GUARD;
        return 1;
    case P_REAL2:
        w->protected = 0;
        *at = P_UNDO3;
        return 1;
    case P_PLACE:
        *at = swap(w, ABSENT, BUSY) ? P_PLACE2 : P_GUARD;
        return 1;
    case P_PLACE2:
        w->frame = VIEW, w->protected = 0;
        *at = P_UNDO3;
        return 1;
    default: /* P_RELEASE */
        w->lease = 0;
        if ((w->state == MAPPED && w->direct) || (w->state == ABSENT && w->image != 2))
            wrong = "a page depends on a file that is about to be written";
        *at = ENDED;
        return 1;
    }
}

/* ---- an eviction (budget.c) */

enum { E_TAKE, E_PINS, E_DROP, E_ABSENT };

static int evictor(struct world *w, uint8_t *at, uint8_t *left)
{
    switch (*at) {
    case E_TAKE:
        if (!*left)
            return *at = ENDED, 1;
        --*left;
        if (swap(w, PROVEN, BUSY))
            *at = E_PINS;
        return 1;
    case E_PINS:
        if (w->pins && !(options & NO_PIN_CHECK))
            w->state = PROVEN, *at = E_TAKE;
        else
            *at = E_DROP;
        return 1;
    case E_DROP:
        if (w->frame != VIEW || w->stored != VIEW)
            wrong = "a page is dropped that is not the view's";
        w->frame = MISSING, w->protected = 0;
        *at = E_ABSENT;
        return 1;
    default:
        w->state = ABSENT;
        *at = E_TAKE;
        return 1;
    }
}

/* ---- a touch: an access, and what the handler does when it fails (fault.c, page_in.c) */

enum { T_ACCESS, T_LOOK, T_KEEP, T_UNPROTECT, T_PLAIN, T_ALLOW, T_ZERO, T_FETCH, T_FETCH_PLACE, T_FETCH_DONE, T_END };

/* One step of resolving a fault; back at `again` when the access is to be tried again. Write: it was a store. */
static int resolve(struct world *w, uint8_t *at, uint8_t *seen, int write, uint8_t again)
{
    switch (*at) {
    case T_LOOK:
        if (is_busy(w))
            return 0; /* waits a little and looks again */
        *seen = w->state;
        *at = w->state == PLAIN ? T_ALLOW : w->state == ABSENT ? T_FETCH : write && w->state != MAPPED ? T_KEEP : again;
        return 1;
    case T_KEEP:
        *at = swap(w, (enum state)*seen, LEAVING) ? T_UNPROTECT : T_LOOK;
        return 1;
    case T_ALLOW:
        if (options & NO_LEAVING)
            *at = w->state == PLAIN ? T_ZERO : T_LOOK;
        else
            *at = swap(w, PLAIN, LEAVING) ? T_ZERO : T_LOOK;
        return 1;
    case T_ZERO: /* what is missing while plain was never touched */
        if (w->frame == MISSING && w->stored != ZERO)
            wrong = "a plain page has lost its frame";
        w->frame = w->frame == MISSING ? ZERO : w->frame;
        *at = T_UNPROTECT;
        return 1;
    case T_UNPROTECT:
        w->protected = 0;
        *at = T_PLAIN;
        return 1;
    case T_PLAIN:
        if (!(options & NO_LEAVING) || w->state == LEAVING)
            w->state = PLAIN;
        *at = again;
        return 1;
    case T_FETCH:
        *at = swap(w, ABSENT, BUSY) ? T_FETCH_PLACE : T_LOOK;
        return 1;
    case T_FETCH_PLACE:
        if (w->frame != MISSING)
            wrong = "an absent page has a frame";
        if (!w->lease && w->image != 2)
            wrong = "a page is made from a file that may have been written";
        w->frame = VIEW, w->protected = 1;
        *at = T_FETCH_DONE;
        return 1;
    default:
        w->state = PROVEN;
        *at = again;
        return 1;
    }
}

/* What the kernel gives without asking us: zeros where nobody watches. False: it is a fault. */
static int is_there(struct world *w)
{
    if (w->frame == MISSING && !w->armed)
        w->frame = ZERO;
    return w->frame != MISSING;
}

static int writer(struct world *w, uint8_t *at, uint8_t *left, uint8_t *seen)
{
    if (*at != T_ACCESS)
        return resolve(w, at, seen, 1, T_ACCESS);
    if (!*left)
        return *at = ENDED, 1;
    if (w->ending)
        return 0; /* a program does not touch what it frees */
    if (!is_there(w) || w->protected)
        return *at = T_LOOK, 1;
    --*left;
    w->frame = w->stored = *left % 2 ? VIEW : OTHER; /* what the view has, and other bytes at last */
    return 1;
}

static int reader(struct world *w, uint8_t *at, uint8_t *left, uint8_t *seen)
{
    if (*at != T_ACCESS)
        return resolve(w, at, seen, 0, T_ACCESS);
    if (!*left)
        return *at = ENDED, 1;
    if (w->ending)
        return 0;
    if (!is_there(w))
        return *at = T_LOOK, 1;
    --*left;
    if (w->frame != w->stored)
        wrong = "a load gives what was not stored";
    return 1;
}

/* ---- read(2) into the page, or write(2) from it: pin, make it ready, let the kernel touch it, unpin (fault.c: make_ready) */

enum { K_PIN = 100, K_READY, K_TOUCH, K_UNPIN, K_LOCK, K_TAKE, K_COPY, K_COPY2, K_COPY3, K_UNLOCK };

/* Whether the page is ready; else where to go on. */
static uint8_t make_ready(const struct world *w)
{
    switch (w->state) {
    case PLAIN:
        return w->frame == MISSING && w->armed ? T_LOOK : K_TOUCH; /* a touch of ours makes it a page */
    case MAPPED:
        return w->direct && !w->kernel_reads ? K_LOCK : K_TOUCH; /* while it is copied the kernel cannot wait */
    case ABSENT:
        return T_FETCH;
    default:
        return w->kernel_reads ? K_TOUCH : T_KEEP;
    }
}

static int kernel(struct world *w, uint8_t *at, uint8_t *left, uint8_t *seen)
{
    if (*at < K_PIN)
        return resolve(w, at, seen, !w->kernel_reads, K_READY);
    switch (*at) {
    case K_PIN:
        if (!*left)
            return *at = ENDED, 1;
        if (w->ending)
            return 0;
        --*left;
        w->kernel_reads = w->may_read && choose();
        w->pins++;
        *at = K_READY;
        return 1;
    case K_READY:
        if (is_busy(w))
            return 0;
        *seen = w->state;
        *at = make_ready(w);
        return 1;
    case K_LOCK: /* lensi_file_mapping_keep */
        if (w->locked || (w->at[PROVER] != P_BEGIN && w->at[PROVER] != ENDED))
            return 0;
        w->locked = 1;
        *at = K_TAKE;
        return 1;
    case K_TAKE:
        *at = swap(w, MAPPED, BUSY) ? K_COPY : K_UNLOCK;
        return 1;
    case K_COPY:
    case K_COPY2:
    case K_COPY3:
        return copy_mapped(w, at, K_COPY, K_UNLOCK);
    case K_UNLOCK:
        w->locked = 0;
        *at = K_READY;
        return 1;
    case K_TOUCH:
        if (!is_there(w) || (w->protected && !w->kernel_reads))
            wrong = "the kernel finds the page missing or protected: EFAULT";
        if (w->kernel_reads && w->frame != w->stored)
            wrong = "the kernel reads what was not stored";
        if (!w->kernel_reads)
            w->frame = w->stored = OTHER;
        *at = K_UNPIN;
        return 1;
    default:
        w->pins--;
        *at = K_PIN;
        return 1;
    }
}

/* ---- the block ends, and another one begins at its place (region.c: forget_pages, lensi_region_reset_pages) */

enum { F_FREE, F_FORGET, F_UNMAP, F_NEXT };

/* No thread of the program is in the middle of something with the page. */
static int is_at_rest(const struct world *w)
{
    return (w->at[WRITER] == T_ACCESS || w->at[WRITER] == ENDED) && (w->at[READER] == T_ACCESS || w->at[READER] == ENDED) &&
           (w->at[KERNEL] == K_PIN || w->at[KERNEL] == ENDED);
}

static int is_lock_free(const struct world *w) { return !w->locked && (w->at[PROVER] == P_BEGIN || w->at[PROVER] == ENDED); }

static int ender(struct world *w, uint8_t *at, uint8_t *left)
{
    switch (*at) {
    case F_FREE:
        if (!*left)
            return *at = ENDED, 1;
        if (!is_at_rest(w) || !is_lock_free(w))
            return 0;
        --*left;
        w->ending = w->locked = 1;
        *at = F_FORGET;
        return 1;
    case F_FORGET:
        if (is_busy(w) && !(options & NO_WAIT_AT_END))
            return 0;
        w->state = PLAIN;
        *at = F_UNMAP;
        return 1;
    case F_UNMAP:
        w->frame = MISSING, w->protected = w->armed = 0;
        *at = F_NEXT;
        return 1;
    default: /* another block: another view */
        w->stored = ZERO;
        w->ending = w->locked = 0;
        w->image = w->image ? 1 : 0;
        *at = F_FREE;
        return 1;
    }
}

/* ---- a fork (engine.c: settle, rearm): followed in the parent, where it changes nothing, and in the child */

static void settle_in_child(struct world *w)
{
    if (options & NO_SETTLING_AT_FORK)
        return;
    if (w->state == PROVING || w->state == LEAVING)
        w->state = PLAIN;
    else if (w->state == BUSY)
        w->state = w->frame != MISSING ? PROVEN : ABSENT;
}

static int forker(struct world *w, uint8_t *at, uint8_t *left)
{
    static const uint8_t begin[ACTORS] = {P_BEGIN, E_TAKE, T_ACCESS, T_ACCESS, K_PIN, F_FREE, ENDED}, rounds[ACTORS] = {1, 1, 1, 1, 1, 0, 0};
    uint8_t was_armed = w->armed;

    if (!*left)
        return *at = ENDED, 1;
    if (!is_lock_free(w) || w->ending)
        return 0;
    --*left;
    if (!choose())
        return 1;
    memcpy(w->at, begin, sizeof w->at);
    memcpy(w->rounds, rounds, sizeof w->rounds);
    w->protected = w->armed = 0; /* what a fork leaves of it */
    settle_in_child(w);
    w->armed = was_armed;
    w->protected = w->state == PROVEN && !(options & NO_PROTECTION_AT_FORK);
    return 1;
}

static int step(struct world *w, enum actor who)
{
    uint8_t *at = &w->at[who], *left = &w->rounds[who], *seen = &w->seen[who];

    if (*at == ENDED)
        return 0;
    switch (who) {
    case PROVER: return prover(w, at, left, seen);
    case EVICTOR: return evictor(w, at, left);
    case WRITER: return writer(w, at, left, seen);
    case READER: return reader(w, at, left, seen);
    case KERNEL: return kernel(w, at, left, seen);
    case ENDER: return ender(w, at, left);
    default: return forker(w, at, left);
    }
}

/* ---- exploring: breadth first, so that the way to a mistake is a shortest one */

#define MOST (1u << 22)
static struct world *worlds;
static uint32_t *parent, *table, count;
static uint8_t *by;

static uint64_t hash(const struct world *w)
{
    const uint8_t *bytes = (const uint8_t *)w;
    uint64_t value = 0xcbf29ce484222325u, word;

    for (size_t i = 0; i < sizeof *w; i += sizeof word) {
        word = 0;
        memcpy(&word, bytes + i, sizeof *w - i < sizeof word ? sizeof *w - i : sizeof word);
        value = (value ^ word) * 0x9e3779b97f4a7c15u;
        value ^= value >> 32;
    }
    return value;
}

static void enter(const struct world *w, uint32_t from, uint8_t who)
{
    uint64_t place = hash(w) % (2 * MOST);

    for (; table[place]; place = (place + 1) % (2 * MOST))
        if (!memcmp(&worlds[table[place] - 1], w, sizeof *w))
            return;
    if (count == MOST) {
        fprintf(stderr, "pages: more than %u states\n", MOST);
        exit(3);
    }
    worlds[count] = *w;
    parent[count] = from;
    by[count] = who;
    table[place] = ++count;
}

static int say_way(uint32_t i, enum actor last, const char *why)
{
    if (i != UINT32_MAX && parent[i] != UINT32_MAX)
        say_way(parent[i], (enum actor)by[i], NULL);
    if (i != UINT32_MAX)
        printf("  %-8s at step %u; page %s, %s%s, pins %u\n", actor_name[last], worlds[i].at[last], state_name[worlds[i].state],
               worlds[i].frame == MISSING ? "missing" : worlds[i].frame == VIEW ? "view" : "other", worlds[i].protected ? ", protected" : "", worlds[i].pins);
    if (why)
        printf("wrong: %s\n", why);
    return 1;
}

/* Who is not asleep but cannot go on either: the prover sleeps when nobody wants anything of it. */
static int is_stuck(const struct world *w)
{
    for (unsigned who = 0; who < ACTORS; who++)
        if (w->at[who] != ENDED && !(who == PROVER && w->at[who] == P_BEGIN))
            return 1;
    return 0;
}

static int explore(struct world start)
{
    count = 0;
    memset(table, 0, 2 * (size_t)MOST * sizeof *table);
    enter(&start, UINT32_MAX, 0);
    for (uint32_t i = 0; i < count; i++) {
        int moves = 0;
        for (unsigned move = 0; move < 2 * ACTORS; move++) {
            struct world next = worlds[i];
            unsigned who = move / 2;
            wrong = NULL, chosen = move % 2, has_choice = 0;
            if (!step(&next, (enum actor)who) || (chosen && !has_choice))
                continue;
            moves++;
            if (wrong)
                return say_way(i, (enum actor)who, wrong);
            enter(&next, i, (uint8_t)who);
        }
        if (!moves && is_stuck(&worlds[i]))
            return say_way(i, (enum actor)by[i], "nobody can go on");
        if (!moves && worlds[i].state != ABSENT && worlds[i].frame != worlds[i].stored && !(worlds[i].frame == MISSING && worlds[i].stored == ZERO))
            return say_way(i, (enum actor)by[i], "what was stored last is lost");
        if (!moves && worlds[i].state == ABSENT && worlds[i].stored != VIEW)
            return say_way(i, (enum actor)by[i], "what is absent is not the view's");
    }
    return 0;
}

/* Rounds of: proofs, evictions, stores, loads, the kernel, ends, forks. */
static struct world with(const uint8_t rounds[ACTORS], unsigned wanted, unsigned image, unsigned direct, unsigned may_read)
{
    struct world w = {.state = PLAIN, .frame = VIEW, .stored = VIEW, .lease = 1, .wanted = (uint8_t)wanted, .image = (uint8_t)image, .direct = (uint8_t)direct, .may_read = (uint8_t)may_read,
                      .at = {P_BEGIN, E_TAKE, T_ACCESS, T_ACCESS, K_PIN, F_FREE, 0}};

    memcpy(w.rounds, rounds, sizeof w.rounds);
    return w;
}

static const struct {
    uint8_t rounds[ACTORS], image, direct, may_read;
} cases[] = {
    {{2, 2, 2, 0, 1, 0, 0}, 0, 0, 0},
    {{3, 1, 3, 1, 0, 0, 0}, 0, 0, 0},
    {{1, 1, 1, 1, 2, 0, 0}, 0, 0, 1}, /* write(2), too */
    {{2, 1, 2, 0, 1, 0, 0}, 1, 0, 0}, /* an image */
    {{2, 1, 1, 0, 1, 0, 0}, 1, 0, 1},
    {{2, 0, 2, 1, 1, 0, 0}, 0, 1, 1}, /* the file itself */
    {{2, 1, 1, 1, 1, 1, 0}, 0, 0, 0}, /* the block ends */
    {{2, 1, 1, 0, 0, 1, 0}, 1, 0, 0},
    {{1, 1, 1, 1, 0, 0, 1}, 0, 0, 0}, /* a fork */
    {{1, 1, 1, 0, 0, 0, 1}, 1, 0, 0},
};

static const struct {
    unsigned mistake, which; /* of the cases, where it shows */
    unsigned wanted;
} mistakes[] = {{NO_SECOND_COMPARE, 0, 0}, {NO_PIN_CHECK, 0, 0}, {PROTECT_AFTER_COMPARE, 0, 0}, {NO_LEAVING, 0, 0}, {NO_WAIT_AT_END, 6, 0},
                {NO_SETTLING_AT_FORK, 8, 0}, {NO_PROTECTION_AT_FORK, 8, 0}, {COPY_UNPROTECTED, 5, 1}, {RELEASE_MAPPED, 5, 1}};

static int allocate(void)
{
    worlds = malloc(MOST * sizeof *worlds);
    parent = malloc(MOST * sizeof *parent);
    by = malloc(MOST);
    table = malloc(2 * (size_t)MOST * sizeof *table);
    return worlds && parent && by && table ? 0 : -1;
}

int main(int argc, char **argv)
{
    uint64_t all = 0;

    if (argc > 1 && !strcmp(argv[1], "--transitions")) {
        for (size_t i = 0; i < sizeof transitions / sizeof *transitions; i++)
            printf("%s %s\n", state_name[transitions[i].from], state_name[transitions[i].to]);
        return 0;
    }
    if (allocate() < 0)
        return 3;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned wanted = 0; wanted < 2; wanted++, all += count) {
            if (explore(with(cases[i].rounds, wanted, cases[i].image, cases[i].direct, cases[i].may_read)))
                return 1;
            if (argc > 1)
                printf("case %zu, wanted %u: %u\n", i, wanted, count);
        }
    printf("ok - %llu states, nothing is lost\n", (unsigned long long)all);
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        unsigned which = mistakes[i].which;
        options = mistakes[i].mistake;
        printf("with mistake %u:\n", options);
        if (!explore(with(cases[which].rounds, mistakes[i].wanted, cases[which].image, cases[which].direct, cases[which].may_read)))
            return printf("not found\n"), 2;
    }
    return 0;
}
