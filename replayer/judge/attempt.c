/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an observation: attempt.h. */
#include "attempt.h"

#include <stdlib.h>
#include <string.h>

void crash_frames_free(struct crash_frame *frames, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        free(frames[i].module);
        free(frames[i].function);
    }
    free(frames);
}

void written_files_free(struct written_file *files, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        free(files[i].path);
        free(files[i].kept);
    }
    free(files);
}

void observation_deinit(struct observation *o) {
    crash_frames_free(o->crash_frames, o->n_crash_frames);
    crash_frames_free(o->sample_frames, o->n_sample_frames);
    written_files_free(o->files, o->n_files);
    free(o->leaks);
    free(o->crash_exe);
    free(o->fired_exe);
    free(o->stdout_data);
    free(o->after_data);
    free(o->stderr_tail);
    *o = (struct observation){0};
}
