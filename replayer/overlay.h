/* A copy-on-write view of every writable file system, in a mount namespace of our own. */
#ifndef DEARTH_OVERLAY_H
#define DEARTH_OVERLAY_H

#include <stdbool.h>
#include <stdint.h>

struct overlay;

/**
 * Enter a mount namespace and build the view.
 * @session: folder that stays shared with the outside; our own files are mounted over it
 * Return: 0, or a negative errno: not possible here (no message; nothing of the outside
 * changed). Context: single-threaded process.
 */
int overlay_new(const char *session, struct overlay **out);
struct overlay *overlay_free(struct overlay *overlay);

int overlay_root(const struct overlay *overlay); /* directory to chroot into */
const char *overlay_uncovered(const struct overlay *overlay);

/** See scratch_clean(). */
int overlay_clean(struct overlay *overlay, uint8_t digest[static 16]);

/**
 * Become able to mount: a mount namespace as root, else a user namespace with our own ids
 * and a mount namespace in it. All mounts are private afterwards. Return: 0, or a
 * negative errno.
 */
int overlay_enter_namespace(bool *user_namespace);

#endif
