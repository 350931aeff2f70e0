/* SPDX-License-Identifier: Apache-2.0 */
/* Which part of the work is this machine's: "2/8", or what the engine that started it says in the environment. */
#ifndef DEARTH_SHARD_H
#define DEARTH_SHARD_H

#include <stdint.h>

struct shard {
    uint32_t i, n; /* the i-th of n, from 1 on */
};

/**
 * Read "I/N"; "auto": both as Slurm's job arrays, GitLab, CircleCI, Buildkite or DEARTH_SHARD and DEARTH_SHARDS have
 * them in the environment; "auto/N": the number alone from there, as Kubernetes' indexed jobs and GNU parallel have it.
 * An array that is not whole, as when a lost task is started again alone, does not say which parts its tasks are of.
 * Return: 0, or -EINVAL after a message.
 */
int shard_parse(const char *text, struct shard *out);

#endif
