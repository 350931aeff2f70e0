/* SPDX-License-Identifier: Apache-2.0 */
/* Where the programs of a database were built: what their sources' paths begin with. */
#ifndef DEARTH_BUILD_FOLDER_H
#define DEARTH_BUILD_FOLDER_H

struct store;

/**
 * For a terminal: show paths of sources without the folder that those of the program's own locations have in common
 * (short_path.h). What the system's headers, toolchains and package caches hold is nobody's own.
 * Return: 0, or a negative errno after a message.
 */
int build_folder_cut(struct store *store);

#endif
