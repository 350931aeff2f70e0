/* SPDX-License-Identifier: Apache-2.0 */
/* Room on a disk for the last words of a recording, kept free for when it is full. */
#ifndef DEARTH_LAST_ROOM_H
#define DEARTH_LAST_ROOM_H

/**
 * Take room beside @path, in a file without a name: it is gone with this process, whatever ends it.
 * Return: what last_room_give() takes; -1 where there is none, or no such files
 */
int last_room_take(const char *path);

/** Give it to whoever writes next. @room: -1 is nothing. Return: -1 */
int last_room_give(int room);

#endif
