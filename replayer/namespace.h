/* A mount namespace of our own. */
#ifndef DEARTH_NAMESPACE_H
#define DEARTH_NAMESPACE_H

#include <stdbool.h>

/**
 * Become able to mount: a mount namespace as root, else a user namespace with our own ids and a
 * mount namespace in it. All mounts are private afterwards.
 * @user_namespace: which of the two, out
 * Return: 0, or a negative errno.
 * Context: single-threaded process.
 */
int namespace_enter(bool *user_namespace);

#endif
