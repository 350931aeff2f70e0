/* SPDX-License-Identifier: Apache-2.0 */
/* Baseline runs under the best conditions there are. */
#ifndef DEARTH_TRIAL_H
#define DEARTH_TRIAL_H

struct replay;

/**
 * Say what attempts leave real, then run the program without faults until its end is that of the
 * recording: traced if asked for, then untraced, always with the isolation asked for. Leaves the
 * runner running, the runs folded, their rows written. Return: 0, REPLAY_INTERRUPTED, or a negative errno
 * after a message.
 */
int trial_run(struct replay *r);

#endif
