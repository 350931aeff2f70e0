/* SPDX-License-Identifier: Apache-2.0 */
/* What is mapped into a process. */
#ifndef DEARTH_MAPPINGS_H
#define DEARTH_MAPPINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MAPPINGS_CODE 64u

/**
 * Is memory mapped, other than the arena, that a copy would share and could write?
 * @arena_fd: the arena, which is faster; -1 = by its path alone
 * Return: 1 there is, 0 there is not, or a negative errno: it may not be known.
 */
int mappings_share(pid_t pid, const char *arena_path, int arena_fd);

/**
 * Where does the first writable mapping begin that does not end before @address?
 * Return: 0 = there is none, or it may not be known.
 */
uint64_t mappings_writable_from(pid_t pid, uint64_t address);

/** How deep a thread's stack has been, and how large it may become, in bytes. Of other threads' than the first,
 * untouched pages do not count. */
struct mappings_stack {
    uint64_t used, most; /* most 0 = there is no limit, or it is not known */
};

/**
 * Measure the stack that @stack_pointer lies in; 0: the first thread's.
 * Return: whether it is known.
 */
bool mappings_stack(pid_t pid, uint64_t stack_pointer, struct mappings_stack *out);

/**
 * Name the files and the code that are mapped, and where: equal for processes that have the same files (by
 * inode) at the same addresses.
 * Return: 0 = the kernel does not say it at a bearable price (before 6.11).
 */
uint64_t mappings_name(pid_t pid);

/* Where code is mapped. */
struct mappings_code {
    uint64_t
        name; /* of these mappings alone: a fifth of the price of mappings_name(); 0 as there */
    struct {
        uint64_t start, end;
    } ranges[MAPPINGS_CODE];
    uint32_t n;
};

/** @out: what is executable; more than MAPPINGS_CODE are in its name, but not in its ranges. */
void mappings_code(pid_t pid, struct mappings_code *out);

/** Does it have a file with this inode number mapped? Return: 1, 0, or a negative errno. */
int mappings_have(pid_t pid, uint64_t ino);

#endif
