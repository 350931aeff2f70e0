/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page over HTTP, to this machine alone: one address, with a token in it that cannot be guessed, that can be read and
 * nothing else. Source: RFC 9110, RFC 9112.
 */
#ifndef DEARTH_SERVE_H
#define DEARTH_SERVE_H

#include "text.h"

/**
 * Make the page anew for a request. @context: the caller's
 * @out: an empty text, to be filled
 * Return: 1, 0: it is as it was the last time, @out is left empty; or a negative errno after a message.
 */
typedef int serve_make(void *context, struct text *out);

struct serve {
    int fd;    /* listens */
    char *url; /* of the page; owned */
    char token[33];
};

/** Listen on 127.0.0.1. @port: 0 = any that is free. Return: 0, or a negative errno after a message. */
int serve_init(struct serve *serve, uint16_t port);
/** Answer until the user ends it (interrupt.h). Return: 0, or a negative errno after a message. */
int serve_run(struct serve *serve, serve_make *make, void *context);
void serve_deinit(struct serve *serve); /* of one that serve_init() made */

#endif
