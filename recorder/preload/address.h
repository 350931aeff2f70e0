/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses taken by bind(): see address.c. */
#ifndef DEARTH_PRELOAD_ADDRESS_H
#define DEARTH_PRELOAD_ADDRESS_H

#include "preload.h"

void address_start(void);

#endif
