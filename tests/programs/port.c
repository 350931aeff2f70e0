/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw, but one that others of its kind meet: it takes an address and keeps it for a moment, and ends
 * with status 5 when that is in use.
 *
 * usage: port WAY NUMBER    tcp    a port, from its start on
 *                           name   an abstract socket name, likewise
 *                           late   a port, only when new_job() gets no memory
 */
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "program.h"

OWN_FRAME char *new_job(void) {
    return opaque(malloc(100));
}

OWN_FRAME char *new_result(void) {
    return opaque(malloc(200));
}

static void take_port(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1) < 0)
        _exit(5);
    usleep(50000);
}

static void take_name(int number) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "dearth-port-%d", number);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        _exit(5);
    usleep(50000);
}

int main(int argc, char **argv) {
    const char *way = argc > 1 ? argv[1] : "tcp";
    int number = argc > 2 ? atoi(argv[2]) : 47111;
    if (strcmp(way, "tcp") == 0)
        take_port(number);
    if (strcmp(way, "name") == 0)
        take_name(number);
    char *job = new_job();
    if (!job && strcmp(way, "late") == 0)
        take_port(number);
    if (!job)
        return 3;
    free(job);
    char *result = new_result();
    if (!result)
        return 4;
    strcpy(result, "done");
    puts(result);
    free(result);
    return 0;
}
