/* SPDX-License-Identifier: Apache-2.0 */
/* The join of a folder's databases: common/store/store_folder.h. */
#ifndef DEARTH_FOLDER_H
#define DEARTH_FOLDER_H

/** As store_folder_join(), by merging. */
int folder_join(const char *folder, char **file);

#endif
