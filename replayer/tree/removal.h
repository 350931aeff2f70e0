/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing a folder of ours with everything in it, and nothing else: what is mounted in it, what links
 * lead to, what another process puts in the place of one of its folders meanwhile, all that is
 * somebody's and stays.
 */
#ifndef DEARTH_REMOVAL_H
#define DEARTH_REMOVAL_H

/**
 * Remove everything in a folder; the folder itself stays.
 * @folder: open, for reading or O_PATH; it and what is below it lies on one mount
 * Return: 0; -EXDEV when something is mounted in it: that, and the folders that lead to it, are left;
 * another negative errno when something could not be removed. All else is gone. No message.
 * Context: needs /proc, to know what is mounted (-ENOENT without; nothing is removed then).
 */
int removal_empty(int folder);

/** The same with the folder itself, entry @name of @parent; a link of that name is left (-ENOTDIR). */
int removal_folder(int parent, const char *name);

#endif
