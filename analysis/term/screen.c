/* screen.c - see screen.h. Signals are blocked except while waiting, so none is missed and none comes half-way. */
#include "analysis/term/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l\033[H\033[J" /* the alternate screen, no cursor */
#define LEAVE "\033[?25h\033[?1049l"

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static struct termios before;
static sigset_t mask_before;
static bool is_open;
static volatile sig_atomic_t ended_by, is_resized, is_to_stop;

static void note(int number)
{
    if (number == SIGWINCH)
        is_resized = 1;
    else if (number == SIGTSTP)
        is_to_stop = 1;
    else
        ended_by = number;
}

static void enter(void)
{
    struct termios now = before;

    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    now.c_cc[VMIN] = 0;
    now.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
    fputs(ENTER, stdout);
    fflush(stdout);
}

static void leave(void)
{
    fputs(LEAVE, stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

int screen_open(void)
{
    struct sigaction action = {.sa_handler = note};
    sigset_t blocked;

    if (tcgetattr(STDIN_FILENO, &before) < 0)
        return -errno;
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
        sigaddset(&blocked, ending[i]);
        sigaction(ending[i], &action, NULL);
    }
    sigaddset(&blocked, SIGWINCH);
    sigaddset(&blocked, SIGTSTP);
    sigaction(SIGWINCH, &action, NULL);
    sigaction(SIGTSTP, &action, NULL);
    sigprocmask(SIG_BLOCK, &blocked, &mask_before);
    is_open = true;
    enter();
    return 0;
}

void screen_close(void)
{
    if (!is_open)
        return;
    is_open = false;
    leave();
    sigprocmask(SIG_SETMASK, &mask_before, NULL);
    if (ended_by && ended_by != SIGINT) { /* Ctrl-C is a way to quit, as q is */
        signal(ended_by, SIG_DFL);
        raise(ended_by);
    }
}

/* Ctrl-Z: the shell gets its terminal as it was. */
static void stop(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL}, ours;
    sigset_t stop_only;

    is_to_stop = 0;
    leave();
    sigaction(SIGTSTP, &action, &ours);
    sigemptyset(&stop_only);
    sigaddset(&stop_only, SIGTSTP);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stop_only, NULL); /* stops here */
    sigprocmask(SIG_BLOCK, &stop_only, NULL);
    sigaction(SIGTSTP, &ours, NULL);
    enter();
}

static bool is_quit_key(void)
{
    char keys[32];
    ssize_t count = read(STDIN_FILENO, keys, sizeof keys);

    if (count == 0) /* a terminal that was hung up */
        return true;
    return count > 0 && (memchr(keys, 'q', (size_t)count) || memchr(keys, 'Q', (size_t)count));
}

enum screen_event screen_wait(unsigned ms)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    int ready = ppoll(&input, 1, &time, &mask_before);

    if (ended_by)
        return SCREEN_QUIT;
    if (is_to_stop)
        stop();
    if (ready > 0 && ((input.revents & (POLLERR | POLLHUP | POLLNVAL)) || is_quit_key()))
        return SCREEN_QUIT;
    if (is_resized || ready < 0) {
        is_resized = 0;
        return SCREEN_RESIZED;
    }
    return SCREEN_TIME;
}

void screen_show(const char *text, unsigned rows)
{
    fputs("\033[H", stdout);
    for (unsigned row = 0; row < rows && *text; row++) {
        size_t bytes = strcspn(text, "\n");

        fwrite(text, 1, bytes, stdout);
        fputs(row + 1 < rows ? "\033[K\n" : "\033[K", stdout);
        text += bytes + (text[bytes] == '\n');
    }
    fputs("\033[J", stdout);
    fflush(stdout);
}
