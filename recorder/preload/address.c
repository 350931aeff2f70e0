/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses that a program takes for its own: a fixed port, an abstract name. Attempts that run beside
 * each other share the network with all others, so that one of two gets "address in use", or the other
 * one's clients, and neither shows what the failure does. The replayer looks at `addresses` in the arena
 * and lets such programs run one at a time.
 *
 * Files in the file system are none of this: attempts have their own. An address that the kernel chooses
 * (port 0, autobind) is nobody else's. Not seen: a bind() by a system call of the program's own.
 *
 * Who runs it: the thread that calls bind(); plain stores into shared memory, errno as bind() left it.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "address.h"
#include "preload.h"

static int (*next_bind)(int, const struct sockaddr *, socklen_t);

/* Return: whether another process may want the same one. @port: in host order, 0 = a name */
static bool is_fixed(const struct sockaddr *address, socklen_t bytes, uint16_t *port) {
    *port = 0;
    if (address->sa_family == AF_INET && bytes >= sizeof(struct sockaddr_in))
        *port = ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
    else if (address->sa_family == AF_INET6 && bytes >= sizeof(struct sockaddr_in6))
        *port = ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    else if (address->sa_family == AF_UNIX)
        return bytes > offsetof(struct sockaddr_un, sun_path) &&
               !((const struct sockaddr_un *)(const void *)address)->sun_path[0];
    return *port != 0;
}

EXPORT int bind(int fd, const struct sockaddr *address, socklen_t bytes);
EXPORT int bind(int fd, const struct sockaddr *address, socklen_t bytes) {
    if (unlikely(!next_bind))
        address_start();
    int result = next_bind(fd, address, bytes), saved = errno;
    uint16_t port;
    if ((result == 0 || saved == EADDRINUSE) &&
        load_acquire(&preload.state) == PRELOAD_ON && is_fixed(address, bytes, &port)) {
        struct shm_addresses *addresses = &preload.arena->addresses;
        add_relaxed(result == 0 ? &addresses->taken : &addresses->refused, 1);
        store_relaxed(&addresses->family, (uint32_t)address->sa_family);
        store_relaxed(&addresses->port, (uint32_t)port);
    }
    errno = saved;
    return result;
}

void address_start(void) {
    next_bind =
        (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind");
}
