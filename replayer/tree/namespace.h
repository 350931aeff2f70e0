/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces of a worker's own: what its attempts do to processes, to System V and POSIX IPC and to
 * mounts ends where the worker ends.
 *
 *   dearth ── namespace_fork() ──► worker: process 1 of its PID namespace, /proc of its own
 *                                    └─► stand-in parent (launch.c) ──► the program
 *
 * As process 1 the worker gets no signal from inside that it has no handler for, not even SIGKILL and
 * SIGSTOP; kill(-1) reaches what the attempt itself has made. When the worker ends, the kernel ends
 * everything in there. Source: pid_namespaces(7), ipc_namespaces(7).
 */
#ifndef DEARTH_NAMESPACE_H
#define DEARTH_NAMESPACE_H

#include <stdbool.h>
#include <sys/types.h>

/* Which kinds are wanted, or were to be had. */
struct namespaces {
    bool pids; /* processes and signals */
    bool ipc;  /* System V IPC and POSIX message queues */
};

/**
 * Fork. The child is alone in new namespaces of the kinds @wanted, with a mount namespace and, where
 * the caller may not make these, in a user namespace with its own ids; it calls namespace_settle()
 * before anything else. With none @wanted a plain fork().
 * Return: as fork(); -1 with errno where the kernel refuses.
 * Context: single-threaded process.
 */
pid_t namespace_fork(struct namespaces wanted);

/**
 * The rest, in the child: ids, private mounts, /proc and /dev/mqueue that show its own.
 * Return: 0 or a negative errno: these namespaces are not to be had here, the child is to end.
 */
int namespace_settle(struct namespaces wanted);

/** Our process id as whoever started us sees it. */
pid_t namespace_outer_pid(void);

/**
 * Let the processes made next have numbers from a place drawn at random: in a namespace they would
 * else be the same small ones in runs without a fault, and others in an attempt, and output that
 * shows them would seem to be the fault's doing. Source: pid(5) proc/sys/kernel/ns_last_pid.
 */
void namespace_shuffle_pids(void);

/** Are there System V objects or message queues in our IPC namespace? False where it is shared. */
bool namespace_has_ipc(void);
/** Are there any in the namespace that we are in, whoever else is in it? */
bool namespace_sees_ipc(void);
/** Remove all of them. Nothing where the IPC namespace is shared. */
void namespace_clear_ipc(void);

/**
 * Become able to mount: a mount namespace as root, else a user namespace with our own ids and a
 * mount namespace in it. All mounts are private afterwards.
 * @user_namespace: which of the two, out
 * Return: 0, or a negative errno.
 * Context: single-threaded process.
 */
int namespace_enter(bool *user_namespace);

#endif
