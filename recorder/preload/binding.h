/* SPDX-License-Identifier: Apache-2.0 */
/* Where do this process's modules have their allocation functions from? See binding.c. */
#ifndef DEARTH_BINDING_H
#define DEARTH_BINDING_H

/** Find ld.so's list of modules. Context: process_start(), once the real functions are known. */
void binding_start(void);

/**
 * Look at every module in every link namespace, and put down what is not there yet (struct
 * shm_bindings). With SHM_EVENTS only; nothing happens in a sandbox.
 * Context: any; async-signal-safe, takes no lock, reads by the kernel what may be unmapped meanwhile.
 */
void binding_look(void);

/** The same, but not more often than once a second. Context: now and then, for who never ends in order. */
void binding_look_again(void);

#endif
