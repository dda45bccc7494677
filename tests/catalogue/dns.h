/*
 * dns.h - a server that answers one question of the resolver, for io_table.c.
 *
 * resolv.h is not included: the table declares what it declares, too. Of the resolver's state only what stands where since ever is used.
 */
#ifndef CATALOGUE_DNS_H
#define CATALOGUE_DNS_H

#include "data.h"

#include <netinet/in.h>

enum { DNS_STATE_BYTES = 568, DNS_COUNT_AT = 16, DNS_SERVERS_AT = 20 };

void *__res_state(void);
int __res_init(void);
int __res_ninit(void *state);

/* "lens.test", class IN, type A */
static const unsigned char dns_question[] = {0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, 'l', 'e', 'n', 's', 4, 't', 'e', 's', 't', 0, 0, 1, 0, 1};

/* The question, called an answer, and one address behind it. */
static void dns_answer(int fd)
{
    static const unsigned char address[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 9};
    unsigned char packet[1024];
    struct sockaddr_in who;
    socklen_t bytes = sizeof who;
    ssize_t got = recvfrom(fd, packet, 512, 0, (struct sockaddr *)&who, &bytes);

    if (got < 12)
        return;
    got = packet[11] ? (ssize_t)sizeof dns_question : got; /* without the options that may follow it */
    packet[2] |= 0x80;
    packet[7] = 1;
    packet[11] = 0;
    memcpy(packet + got, address, sizeof address);
    sendto(fd, packet, (size_t)got + sizeof address, 0, (struct sockaddr *)&who, bytes);
}

/* A process that answers once; `state` asks it from then on. */
static inline pid_t dns_begin(void *state)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t bytes = sizeof server;
    int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1;
    pid_t pid;

    CHECK((state == __res_state() ? __res_init() : __res_ninit(state)) == 0);
    CHECK(bind(fd, (struct sockaddr *)&server, sizeof server) == 0 && getsockname(fd, (struct sockaddr *)&server, &bytes) == 0);
    memcpy((char *)state + DNS_COUNT_AT, &one, sizeof one);
    memcpy((char *)state + DNS_SERVERS_AT, &server, sizeof server);
    pid = fork();
    if (pid == 0) {
        alarm(20);
        dns_answer(fd);
        _exit(0);
    }
    close(fd);
    return pid;
}

static inline int dns_end(pid_t pid)
{
    kill(pid, SIGKILL);
    return data_wait(pid) >= 0;
}

#endif
