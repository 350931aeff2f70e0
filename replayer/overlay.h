/* A copy-on-write view of every writable file system, in a mount namespace of our own. */
#ifndef DEARTH_OVERLAY_H
#define DEARTH_OVERLAY_H

#include <stdbool.h>
#include <stdint.h>

struct overlay;
struct written;

/**
 * Enter a mount namespace and build the view.
 * @sharers: how many views there will be on this machine: what they hold lies in memory
 * @session: folder that stays shared with the outside; our own files are mounted over it
 * Return: 0, or a negative errno: not possible here (no message; nothing of the outside
 * changed). Context: single-threaded process.
 */
int overlay_new(const char *session, int sharers, struct overlay **out);
struct overlay *overlay_free(struct overlay *overlay);

int overlay_root(const struct overlay *overlay); /* directory to chroot into */
const char *overlay_uncovered(const struct overlay *overlay);

/** See scratch_used(). */
bool overlay_used(const struct overlay *overlay);

/** See scratch_read() and scratch_clean(). */
void overlay_read(const struct overlay *overlay, struct written *written);
int overlay_clean(struct overlay *overlay);

#endif
