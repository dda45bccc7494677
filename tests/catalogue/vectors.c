/* vectors.c - readv, writev, preadv, sendmsg and recvmsg from and into the block, and through a socket. */
#include "data.h"

#include <sys/socket.h>
#include <sys/uio.h>

enum { PIECES = 40, PIECE = 30011 };

static void pieces_of(unsigned char *block, struct iovec *vector)
{
    for (int i = 0; i < PIECES; i++)
        vector[i] = (struct iovec){block + WORDS_AT + (size_t)i * 2 * PIECE, PIECE};
}

static void *send_all(void *argument)
{
    struct iovec vector[PIECES];
    unsigned char *block = argument;
    int fd = *(int *)(void *)(block + DATA_BYTES);

    pieces_of(block, vector);
    for (int i = 0; i < PIECES; i++) {
        struct msghdr message = {.msg_iov = &vector[i], .msg_iovlen = 1};
        CHECK(sendmsg(fd, &message, 0) == PIECE);
    }
    shutdown(fd, SHUT_WR);
    return NULL;
}

static void through_socket(unsigned char *from, unsigned char *to)
{
    struct iovec vector[PIECES];
    pthread_t thread;
    int ends[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    memcpy(from + DATA_BYTES, &ends[1], sizeof(int));
    pthread_create(&thread, NULL, send_all, from);
    pieces_of(to, vector);
    for (int i = 0; i < PIECES; i++) {
        struct msghdr message = {.msg_iov = &vector[i], .msg_iovlen = 1};
        memset(vector[i].iov_base, 0, PIECE);
        CHECK(recvmsg(ends[0], &message, MSG_WAITALL) == PIECE);
    }
    pthread_join(thread, NULL);
    CHECK(recv(ends[0], to, 1, 0) == 0);
    close(ends[0]);
    close(ends[1]);
}

int main(int count, char **argument)
{
    unsigned char *block = malloc(DATA_BYTES + 64), *other = data_load(argument[1]);
    struct iovec vector[PIECES], whole[2];
    FILE *file = tmpfile();
    ssize_t all = (ssize_t)PIECES * PIECE;
    int fd = open(argument[1], O_RDONLY);

    (void)count;
    whole[0] = (struct iovec){block, 1000000};
    whole[1] = (struct iovec){block + 1000000, DATA_BYTES - 1000000};
    CHECK(readv(fd, whole, 2) == DATA_BYTES && close(fd) == 0 && data_is_all(block));
    pieces_of(block, vector);
    CHECK(writev(fileno(file), vector, PIECES) == all);
    for (int i = 0; i < PIECES; i++)
        memset(vector[i].iov_base, 0, PIECE);
    CHECK(preadv(fileno(file), vector, PIECES, 0) == all && data_is_all(block));
    CHECK(pwritev(fileno(file), vector, PIECES, 100) == all);
    through_socket(block, other);
    CHECK(data_is_all(block) && data_is_all(other));
    puts("vectors: ok");
    return 0;
}
