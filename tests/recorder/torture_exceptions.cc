/* SPDX-License-Identifier: Apache-2.0 */
// Exceptions, one case each, to torture_target.c's rules (expectations too).
//
// usage: torture_exceptions CASE [PLUGIN]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <exception>
#include <new>
#include <pthread.h>
#include <stdexcept>
#include <thread>
#include <unistd.h>

#define OWN_FRAME [[gnu::noinline]] static

static inline void *opaque(void *p) {
    asm volatile("" : "+r"(p) : : "memory");
    return p;
}
#define TOUCH(n) free(opaque(malloc(n)))

// The exception itself is a block, and so is what a destructor or a handler asks for on the way.
//
// expect thrown: 300 54000 main;thrown;outer;middle;inner;__cxa_allocate_exception;malloc
// expect thrown: 300 15300 main;thrown;outer;middle;guard::~guard;malloc
// expect thrown: 300 15900 main;thrown;outer;malloc
// expect thrown: 300 16200 main;thrown;malloc
struct guard {
    ~guard() {
        TOUCH(51);
    }
};

struct thing { // 180 bytes with the header that the runtime puts before it
    char room[52];
};

OWN_FRAME void inner(int i) {
    if (i >= 0)
        throw thing();
}

OWN_FRAME void middle(int i) {
    guard g;
    inner(i);
}

OWN_FRAME void outer(int i) {
    try {
        middle(i);
    } catch (const thing &) {
        TOUCH(53);
        throw;
    }
}

OWN_FRAME void thrown() {
    for (int i = 0; i < 300; i++)
        try {
            outer(i);
        } catch (const thing &) {
            TOUCH(54);
        }
}

// Out of one thread, thrown again in another; out of memory for real.
//
// expect carried: 20 1100 *;carrying_thread;malloc
// expect carried: 20 1120 main;carried;malloc
OWN_FRAME void carrying_thread(std::exception_ptr *out) {
    try {
        throw std::logic_error("carried");
    } catch (...) {
        TOUCH(55);
        *out = std::current_exception();
    }
}

OWN_FRAME void carried() {
    for (int i = 0; i < 20; i++) {
        std::exception_ptr e;
        std::thread(carrying_thread, &e).join();
        try {
            std::rethrow_exception(e);
        } catch (const std::logic_error &) {
            TOUCH(56);
        }
    }
    try {
        opaque(operator new(size_t(1) << 62));
    } catch (const std::bad_alloc &) {
        puts("bad_alloc");
    }
    printf("%d\n", opaque(operator new(size_t(1) << 62, std::nothrow)) == nullptr);
}

// pthread_cancel() and pthread_exit() go through catch (...) and destructors.
//
// expect unwound: 60 3660 thread;waits;waits_deeper;notes::~notes;malloc
// expect unwound: 60 3720 thread;waits;malloc
static pthread_barrier_t ready;

struct notes {
    ~notes() {
        TOUCH(61);
    }
};

OWN_FRAME void waits_deeper(bool leave) {
    notes n;
    if (leave)
        pthread_exit(nullptr);
    pthread_barrier_wait(&ready);
    for (;;)
        pause();
}

static void *waits(void *leave) {
    try {
        waits_deeper(leave);
    } catch (...) {
        TOUCH(62);
        throw;
    }
    return nullptr;
}

OWN_FRAME void unwound() {
    pthread_barrier_init(&ready, nullptr, 2);
    for (int i = 0; i < 60; i++) {
        pthread_t t;
        pthread_create(&t, nullptr, waits, i % 2 ? &ready : nullptr);
        if (i % 2 == 0) {
            pthread_barrier_wait(&ready);
            pthread_cancel(t);
        }
        pthread_join(t, nullptr);
    }
}

// A library that throws is loaded, throws, and is unloaded.
//
// expect plugin: 50 3300 main;plugin;plugin_throws;malloc
// expect plugin: 50 3350 main;plugin;malloc
OWN_FRAME void plugin(const char *path) {
    for (int i = 0; i < 50; i++) {
        void *library = dlopen(path, RTLD_NOW);
        auto throws = reinterpret_cast<int (*)(int)>(
            library ? dlsym(library, "plugin_throws") : nullptr);
        if (!throws)
            _exit(99);
        try {
            throws(i);
        } catch (const std::runtime_error &e) {
            if (i == 0)
                puts(e.what());
            TOUCH(67);
        }
        dlclose(library);
    }
}

// What nobody catches ends the program as ever.
//
// expect uncaught: 1 69 main;uncaught;malloc
OWN_FRAME void uncaught() {
    TOUCH(69);
    throw 1;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "thrown"))
        thrown();
    else if (!strcmp(what, "carried"))
        carried();
    else if (!strcmp(what, "unwound"))
        unwound();
    else if (!strcmp(what, "plugin") && argc > 2)
        plugin(argv[2]);
    else if (!strcmp(what, "uncaught"))
        uncaught();
    else
        return 98;
    printf("%s done\n", what);
    return 7;
}
